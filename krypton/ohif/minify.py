"""Makes OHIF's programs small with esbuild: they are published as they were written, and a browser reads each letter.

esbuild is one program for each kind of machine, which makes the same of them on any. It is fetched with npm as OHIF is,
and held to a locked SHA-512. What licences say in a program stays in it.
"""

import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

VERSION: Final = "0.25.12"
LOCKED: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("Linux", "x86_64"): (
        "@esbuild/linux-x64",
        "uqZMTLr/zR/ed4jIGnwSLkaHmPjOjJvnm6TVVitAa08SLS9Z0VM8wIRx7gWbJB5/J54YuIMInDquWyYvQLZkgw==",
    ),
    ("Linux", "aarch64"): (
        "@esbuild/linux-arm64",
        "8bwX7a8FghIgrupcxb4aUmYDLp8pX06rGh5HqDT7bB+8Rdells6mHvrFHHW2JAOPZUbnjUpKTLg6ECyzvas2AQ==",
    ),
    ("Darwin", "arm64"): (
        "@esbuild/darwin-arm64",
        "N3zl+lxHCifgIlcMUP5016ESkeQjLj/959RxxNYIthIg+CQHInujFuXeWbWMgnTo4cp5XVHqFPmpyu9J65C1Yg==",
    ),
    ("Darwin", "x86_64"): (
        "@esbuild/darwin-x64",
        "HQ9ka4Kx21qHXwtlTUVbKJOAnmG1ipXhdWTmNXiPzPfWKpXqASVcWdnf2bnL73wgjNrFXAa3yYvBSd9pzfEIpA==",
    ),
}
"""Of each system and machine the package, and its SHA-512 as npm states it."""
PROGRAM: Final = Path("package/bin/esbuild")
TIMEOUT_S: Final = 300


def package() -> tuple[str, str] | None:
    """The package for this machine, and its SHA-512; None: there is none."""
    return LOCKED.get((platform.system(), platform.machine()))


def minified(program: Path, folder: Path, names: Iterable[str]) -> None:
    """Make these programs in a folder small, where they lie. ``program``: esbuild. Raises OSError, SubprocessError."""
    line = [str(program.resolve()), *(f"./{name}" for name in sorted(names))]
    flags = ["--minify", "--outdir=.", "--allow-overwrite", "--legal-comments=inline", "--log-level=error"]
    subprocess.run([*line, *flags], cwd=folder, check=True, capture_output=True, timeout=TIMEOUT_S)
