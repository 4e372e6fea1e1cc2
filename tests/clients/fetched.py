"""The folder with what npm fetched, and the scripts that use it."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from krypton.devstack.sign_in import NODE, NPM
from krypton.once import once

HERE: Final = Path(__file__).parent
LOCKED: Final = ("package.json", "package-lock.json")
SCRIPTS: Final = ("dimse.mjs", "dicomweb.mjs")
FETCH_S: Final = 240


def folder() -> Path:
    """Where the scripts run; the packages are fetched where they are not there. Raises CalledProcessError."""
    root = Path(os.environ.get("KRYPTON_TEST_CACHE") or HERE.parents[1] / ".krypton" / "cache")
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in LOCKED)).hexdigest()
    ready = root / f"clients-{digest[:16]}"
    root.mkdir(parents=True, exist_ok=True)
    once(
        root / "clients.lock", "another test fetches the clients", print, done=ready.is_dir, make=lambda: _fetch(ready)
    )
    for name in SCRIPTS:
        shutil.copy(HERE / name, ready)
    return ready


def run(script: str, *words: str) -> str:
    """What a script prints. Raises CalledProcessError."""
    line = [str(NODE), str(folder() / script), *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=FETCH_S, check=True).stdout


def _fetch(ready: Path) -> None:
    """Fetch beside, then move it into place, so that it is there as a whole or not at all."""
    work = Path(tempfile.mkdtemp(prefix="clients-", dir=ready.parent))
    try:
        for name in LOCKED:
            shutil.copy(HERE / name, work)
        line = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(line, cwd=work, timeout=FETCH_S, check=True)
        work.rename(ready)
    finally:
        shutil.rmtree(work, ignore_errors=True)
