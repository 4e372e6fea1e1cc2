"""The folder with what npm fetched, and the scripts that use it."""

import hashlib
import os
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Final

from krypton.devstack import npm
from krypton.once import once

HERE: Final = Path(__file__).parent
LOCKED: Final = ("package.json", "package-lock.json")
SCRIPTS: Final = ("dimse.mjs", "dicomweb.mjs")
RUN_S: Final = 240


def folder() -> Path:
    """Where the scripts run; the packages are fetched where they are not there. Raises as ``npm.fetch``."""
    root = Path(os.environ.get("KRYPTON_TEST_CACHE") or HERE.parents[1] / ".krypton" / "cache")
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in LOCKED)).hexdigest()
    ready = root / f"clients-{digest[:16]}"
    root.mkdir(parents=True, exist_ok=True)
    locked, who = [HERE / name for name in LOCKED], "another test fetches the clients"
    once(
        root / "clients.lock",
        who,
        print,
        done=partial(npm.is_fetched, ready),
        make=partial(npm.fetch, locked, ready),
    )
    for name in SCRIPTS:
        shutil.copy(HERE / name, ready)
    return ready


def run(script: str, *words: str) -> str:
    """What a script prints. Raises CalledProcessError."""
    line = [str(npm.NODE), str(folder() / script), *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=RUN_S, check=True).stdout
