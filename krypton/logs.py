"""Keeps the logs of a folder small: one that has grown too long is kept once as ``NAME.log.1`` and begun again.

The file stays the same one, for the process that writes to it holds it open: its content is copied, then cut off. All
logs here are opened for appending, so the next line is written at the beginning. Lines of the moment in between are
lost; a full disk is not risked for them.
"""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 20_000_000


def bound(logs: Iterable[Path], most_bytes: int = MOST_BYTES) -> None:
    """Cut these logs where they are longer; each takes at most about twice ``most_bytes`` on the disk."""
    for log in logs:
        with suppress(OSError):  # gone, or another user's: no reason to stop a supervisor
            if log.stat().st_size > most_bytes:
                _keep(log)
                os.truncate(log, 0)


def _keep(log: Path) -> None:
    """Copy a log beside itself; without room for that, what it holds is given up."""
    kept = log.with_name(f"{log.name}.1")
    aside = log.with_name(f"{log.name}.new")
    try:
        shutil.copyfile(log, aside)
        aside.replace(kept)
    except OSError:
        aside.unlink(missing_ok=True)
