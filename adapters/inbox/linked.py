"""Items whose claim is a link to another volume (``volumes.py``): whether they are there, and how they are deleted."""

import errno
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from adapters.durable import sync
from adapters.inbox.spool import Spool

MARK: Final = "krypton-volume"
LINKS: Final = "volumes"
"""The folder of the spool that holds a link to each volume."""
DEPTH: Final = 4
"""Folders of a volume above an item: items, shard, owner; and the item itself."""


class VolumeAway(OSError):
    """The volume on which an item lies is not there now."""


def target_of(claim: Path) -> Path | None:
    """Where an item lies, if that is on another volume."""
    try:
        return claim.parent / claim.readlink()
    except OSError:
        return None


def check_volume(claim: Path) -> None:
    """Raises VolumeAway."""
    if (target := target_of(claim)) and not (target.parents[DEPTH - 1] / MARK).exists():
        volume = target.parents[DEPTH - 1]
        where = volume.readlink() if volume.is_symlink() else volume.name
        raise VolumeAway(errno.ENODEV, f"volume {where} is not there: mount it")


def is_there(claim: Path) -> bool:
    """Whether an item is there. Raises VolumeAway: that cannot be told."""
    if claim.is_file():
        return True
    check_volume(claim)
    return False


def remove(claim: Path) -> None:
    """Delete an item, wherever it lies; not durably where it lies in the spool. Raises VolumeAway, OSError."""
    if target := target_of(claim):
        check_volume(claim)
        target.unlink(missing_ok=True)
        sync(target.parent)  # before the link: nothing else leads to it
        with suppress(OSError):
            target.parent.rmdir()
    claim.unlink(missing_ok=True)


def clear(spool: Spool, owner: str) -> None:
    """Delete what lies on volumes for an owner of whom nothing is left: a copy that no claim leads to, for the process
    that made it was killed. Raises OSError.
    """
    for folder in (spool.root / LINKS).glob(f"*/items/{owner[-3:]}/{owner}"):
        for copy in list(folder.iterdir()):
            site, _, uid = copy.name.rpartition("_")
            target = target_of(spool.claim(unquote(site), uid))
            if target is None or not (target.exists() and target.samefile(copy)):
                copy.unlink(missing_ok=True)
        sync(folder)
        with suppress(OSError):
            folder.rmdir()
