"""Cuts OHIF's built files down to what a viewer of images needs, and writes into them where they are served from.

Left out are modes and extensions that are not offered (a runtime for models, a viewer of slides), maps for debugging,
pages of other ways to sign in, a service worker. What stays is compressed once, here, and only so kept.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from krypton.ohif.lock import BASE

MANIFEST: Final = "manifest.json"
KEPT: Final = re.compile(
    r"[\w-]+\.bundle\.[0-9a-f]{16}\.js|[\w.-]+\.css|[0-9a-f]{16}\.(wasm|woff2)|assets/images/[\w-]+\.png"
)
TYPES: Final[Mapping[str, str]] = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}
COMPRESSED: Final = (".js", ".css", ".wasm", ".txt")
LICENSE: Final = "LICENSE.txt"
PUBLIC_PATH: Final = b'__webpack_require__.p = "/"'
BEGINNINGS: Final = 8
"""Files with a path of their own: the program, and seven that run in a worker."""
MODE: Final = re.compile(rb'pluginImports_modes\.push\("(@ohif/[\w-]+)"\);\n?')
OFFERED: Final = b"@ohif/mode-basic"
MODES: Final = 7
LEVEL: Final = 9


class OtherFiles(ValueError):
    """The package does not hold what was expected of this version."""


@dataclass(frozen=True)
class Made:
    """A file as it is served. ``worker``: a browser runs it beside the page, under rules of its own."""

    type: str
    sha256: str
    packed: bool
    worker: bool


def make(package: Path, folder: Path, step: Callable[[], None] = lambda: None) -> None:
    """Make the folder of what is served from an unpacked package; ``step`` is called for each file.

    Raises OtherFiles, OSError.
    """
    folder.mkdir()
    files = {name: one for name, one in _found(package / "dist") if KEPT.fullmatch(name)} | {
        LICENSE: package / "LICENSE"
    }
    made: dict[str, Made] = {}
    beginnings = modes = 0
    for name, file in sorted(files.items()):
        data, places, dropped = rewritten(file.read_bytes())
        beginnings, modes = beginnings + places, modes + dropped
        made[name] = _write(folder, name, data, worker=places > 0 and not name.startswith("app."))
        step()
    if (beginnings, modes) != (BEGINNINGS, MODES - 1):
        raise OtherFiles(f"{beginnings} files name their path and {modes} modes were left out: that is another OHIF")
    told = {"base": BASE, "files": {name: vars(one) for name, one in made.items()}}
    (folder / MANIFEST).write_text(json.dumps(told, indent=1))


def rewritten(data: bytes) -> tuple[bytes, int, int]:
    """A file with its own path in it and one mode alone; in how many places, and how many modes were taken out."""
    places = data.count(PUBLIC_PATH)
    data = data.replace(PUBLIC_PATH, PUBLIC_PATH.replace(b'"/"', f'"{BASE}"'.encode()))
    modes = [one for one in MODE.findall(data) if one != OFFERED]
    return MODE.sub(lambda found: found[0] if found[1] == OFFERED else b"", data), places, len(modes)


def _found(folder: Path) -> Iterable[tuple[str, Path]]:
    return ((str(file.relative_to(folder)), file) for file in folder.rglob("*") if file.is_file())


def _write(folder: Path, name: str, data: bytes, *, worker: bool) -> Made:
    suffix = Path(name).suffix
    if packed := suffix in COMPRESSED:
        data = gzip.compress(data, LEVEL, mtime=0)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Made(TYPES[suffix], hashlib.sha256(data).hexdigest(), packed, worker)
