"""A package that looks like OHIF's, small: what is kept of it, what is left out, and what is rewritten."""

import base64
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Final

import pytest

from krypton.ohif import fetch
from krypton.ohif.making import MODES, OFFERED, REPORTS

PUBLIC: Final = b'__webpack_require__.p = "/";\n'
OTHERS: Final = [f"@ohif/mode-{number}".encode() for number in range(MODES)]
PROGRAM: Final = b"let program;\n" + PUBLIC
APP: Final = PROGRAM + b"".join(b'pluginImports_modes.push("%s");\n' % mode for mode in (*OTHERS, OFFERED))
WORKERS: Final = [f"worker{number}.bundle.{number:016x}.js" for number in range(7)]
DIST: Final = {
    "app.bundle.0123456789abcdef.js": APP,
    "app.bundle.css": b"@font-face { src: url(/0123456789abcdef.woff2) }\n" * 5,
    **dict.fromkeys(WORKERS, PUBLIC),
    "77.bundle.0123456789abcdef.js": b"let part = [" + REPORTS + b";\n",
    "0123456789abcdef.wasm": b"\0asm\1\0\0\0",
    "assets/images/CT-Bone.png": b"\x89PNG",
    "assets/favicon.ico": b"icon",
    "app.bundle.0123456789abcdef.js.map": b"{}",
    "ort/runtime.wasm": b"\0asm",
    "dicom-microscopy-viewer/1.bundle.0123456789abcdef.js": b"slides",
    "sw.js": b"service worker",
    "oidc-client.min.js": b"sign in",
    "index.html": b"<html>",
    "app-config.js": b"window.config = {}",
}


def package(file: Path, monkeypatch: pytest.MonkeyPatch, dist: dict[str, bytes] | None = None) -> Path:
    """Write such a package, and lock its digest."""
    with tarfile.open(file, "w:gz") as archive:
        for name, data in {"LICENSE": b"MIT", **{f"dist/{n}": d for n, d in (dist or DIST).items()}}.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    monkeypatch.setattr(fetch, "INTEGRITY", digest)
    monkeypatch.setattr(fetch, "_minify", lambda *_: lambda *_: None)
    return file
