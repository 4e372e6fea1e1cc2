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
from adapters.inbox.spool import Spool


def file_under(spool: Spool, owner: str, claims: Iterable[str]) -> None:
    """Add items, by their claims below the root, to an owner's list, durably. Raises OSError."""
    if not (told := list(claims)):
        return
    folder, file = _list(spool, owner)
    folder.mkdir(parents=True, exist_ok=True)
    with open(file, "ab") as opened:  # noqa: PTH123  see Spool.claim_below; buffered: all of it, or an error
        opened.write("\n".join(["", *told, ""]).encode())
        opened.flush()
        os.fsync(opened.fileno())
    sync(folder, folder.parent, spool.root)  # also where the list was there: who made it may have been killed before


def delete_filed(spool: Spool, owner: str, most: int) -> bool:
    """Delete up to that many items of an owner's list, then the list; whether nothing is left. Raises OSError."""
    file = Path(_list(spool, owner)[1])
    with suppress(FileNotFoundError):
        there = [path for line in file.read_text().splitlines() if line and (path := spool.root / line).is_file()]
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


def _list(spool: Spool, owner: str) -> tuple[Path, str]:
    """The folder of an owner's list, and the list."""
    folder = spool.root / "filed" / owner[-3:]
    return folder, f"{folder}/{owner}"
