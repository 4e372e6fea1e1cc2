"""Lists which items were recorded for what, so that they are found when that is erased, and deletes them.

    filed/<shard>/<owner>     a line for each item: its path below the root of the spool

``owner``: a uuid, such as a study's. A list is written before its items count as recorded, so each item that is
recorded stands in one. A line may stand there twice, or be cut off by a crash and follow whole.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from adapters.durable import sync
from adapters.inbox.spool import Name, Spool


def file_under(spool: Spool, owner: str, names: Iterable[Name]) -> None:
    """Add items to an owner's list, durably. Raises OSError."""
    told = [str(spool.claim(name.site, name.uid).relative_to(spool.root)) for name in names]
    if not told:
        return
    file = _list(spool, owner)
    new = not file.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab", buffering=0) as opened:
        opened.write("\n".join(["", *told, ""]).encode())
        os.fsync(opened.fileno())
    if new:
        sync(file.parent, file.parent.parent, spool.root)


def delete_filed(spool: Spool, owner: str, most: int) -> bool:
    """Delete up to that many items of an owner's list, then the list; whether nothing is left. Raises OSError."""
    file = _list(spool, owner)
    with suppress(FileNotFoundError):
        there = [path for line in file.read_text().splitlines() if line and (path := spool.root / line).exists()]
        delete(there[:most])
        if len(there) > most:
            return False
        delete([file])
    return True


def delete(files: Iterable[Path]) -> None:
    """Delete files durably; those that are not there are no matter. Raises OSError."""
    files = list(files)
    for file in files:
        file.unlink(missing_ok=True)
    sync(*{file.parent for file in files})


def in_hand(spool: Spool, before: float) -> bool:
    """Whether a batch that was begun before a time (seconds since 1970) may not be listed yet."""
    for file in spool.root.glob("work/*/batches/*.json"):
        with suppress(FileNotFoundError):
            if file.stat().st_mtime < before:
                return True
    return False


def _list(spool: Spool, owner: str) -> Path:
    return spool.root / "filed" / owner[-3:] / owner
