"""Opens the folder of the DICOM instances, for whoever takes in, keeps or exports them: readable by its owner alone."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from adapters.dicom.inlet import spool_at
from adapters.inbox.spool import Spool
from krypton.errors import ServiceUnavailable
from krypton.settings import Settings

OWNER_ONLY: Final = 0o700
OTHERS: Final = 0o077


@contextmanager
def spool_at_home(settings: Settings) -> Iterator[Spool]:
    """The instances' folder. Raises ServiceUnavailable if it cannot be used."""
    root = settings.instances
    try:
        root.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY)  # it names people
        _close_to_others(root)
        with TemporaryFile(dir=root):  # a folder that is there already need not be ours to write to
            pass
        yield spool_at(root)
    except OSError as broken:
        raise ServiceUnavailable(
            f"instances cannot be kept in {root} ({broken.strerror or type(broken).__name__}): make room or give "
            "access, then run the same command again; what was taken in stays"
        ) from None


def _close_to_others(root: Path) -> None:
    """A folder that somebody made beforehand, or an older version, may be open to all of the machine."""
    mode = root.stat()
    if mode.st_mode & OTHERS and mode.st_uid == os.geteuid():
        root.chmod(stat.S_IMODE(mode.st_mode) & ~OTHERS)
