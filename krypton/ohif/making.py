"""Cuts OHIF's built files down to what a viewer of images needs, and writes into them where they are served from.

Left out are modes and extensions that are not offered (a runtime for models, a viewer of slides), maps for debugging,
pages of other ways to sign in, a service worker. What stays is made small and compressed once, here, and only so kept.
"""

import gzip
import hashlib
import json
import re
from collections import Counter
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
"""In each file with a path of its own: the program, and seven that run in a worker."""
REPORTS: Final = b"sopClassDictionary.ComprehensiveSR, sopClassDictionary.Comprehensive3DSR]"
"""The reports that are shown as a tree of what they say: dose reports are such trees, too."""
DOSES: Final = b"sopClassDictionary.XRayRadiationDoseSR, sopClassDictionary.RadiopharmaceuticalRadiationDoseSR"
REWRITTEN: Final = (
    (PUBLIC_PATH, PUBLIC_PATH.replace(b'"/"', f'"{BASE}"'.encode()), 8),
    (b"url(/", f"url({BASE}".encode(), 5),
    (REPORTS, REPORTS.replace(b"]", b", " + DOSES + b"]"), 1),
)
"""What is replaced by what, and in how many places."""
MODE: Final = re.compile(rb'pluginImports_modes\.push\("(@ohif/[\w-]+)"\);\n?')
OFFERED: Final = b"@ohif/mode-basic"
MODES: Final = 6
"""Others, which are left out."""
EXPECTED: Final = Counter({MODE.pattern: MODES} | {before: places for before, _, places in REWRITTEN})
LEVEL: Final = 9


Minify = Callable[[Path, Iterable[str]], None]
"""Makes programs in a folder, which are named, small."""


class OtherFiles(ValueError):
    """The package does not hold what was expected of this version."""


@dataclass(frozen=True)
class Made:
    """A file as it is served. ``worker``: a browser runs it beside the page, under rules of its own."""

    type: str
    sha256: str
    packed: bool
    worker: bool


def make(package: Path, folder: Path, minify: Minify, step: Callable[[], None] = lambda: None) -> None:
    """Make the folder of what is served from an unpacked package; ``step`` is called for each file.

    Raises OtherFiles, OSError, and what ``minify`` raises.
    """
    folder.mkdir()
    files = {name: one for name, one in _found(package / "dist") if KEPT.fullmatch(name)} | {
        LICENSE: package / "LICENSE"
    }
    found, workers = Counter[bytes](), set[str]()
    for name, file in sorted(files.items()):
        data, changed = rewritten(file.read_bytes())
        found += changed
        if PUBLIC_PATH in changed and not name.startswith("app."):
            workers.add(name)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    if found != EXPECTED:
        raise OtherFiles("what is to be rewritten is not there, or elsewhere: that is another OHIF")
    minify(folder, [name for name in files if name.endswith(".js")])
    made: dict[str, Made] = {}
    for name in sorted(files):
        made[name] = _packed(folder / name, worker=name in workers)
        step()
    told = {"base": BASE, "files": {name: vars(one) for name, one in made.items()}}
    (folder / MANIFEST).write_text(json.dumps(told, indent=1))


def rewritten(data: bytes) -> tuple[bytes, Counter[bytes]]:
    """A file as it is served; and what was changed in it, in how many places."""
    changed: Counter[bytes] = Counter()
    for before, after, _ in REWRITTEN:
        if places := data.count(before):
            changed[before] = places
            data = data.replace(before, after)
    if others := [one for one in MODE.findall(data) if one != OFFERED]:
        changed[MODE.pattern] = len(others)
        data = MODE.sub(lambda found: found[0] if found[1] == OFFERED else b"", data)
    return data, changed


def _found(folder: Path) -> Iterable[tuple[str, Path]]:
    return ((str(file.relative_to(folder)), file) for file in folder.rglob("*") if file.is_file())


def _packed(path: Path, *, worker: bool) -> Made:
    """A file, compressed where it lies if that is worth it."""
    data = path.read_bytes()
    if packed := path.suffix in COMPRESSED:
        data = gzip.compress(data, LEVEL, mtime=0)
        path.write_bytes(data)
    return Made(TYPES[path.suffix], hashlib.sha256(data).hexdigest(), packed, worker)
