"""Lists which items were recorded for what, so that they are found when that is erased, and deletes them.

    filed/<shard>/<owner>     a line for each item: its path below the root of the spool
    grown/<owner>             that list has grown, and who makes something of it has not seen it yet

``owner``: a uuid: a study's, or of what is put aside the command's id. A list is written before its items count as
recorded, so each item that is recorded stands in one. A line may stand there twice, or be cut off by a crash and follow
whole. What is deleted is taken out, for another item may have its claim afterwards.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path

from adapters.durable import sync, write
from adapters.inbox.alone import alone
from adapters.inbox.linked import clear, is_there, remove
from adapters.inbox.spool import Spool


def file_under(spool: Spool, owner: str, claims: Iterable[str]) -> None:
    """Add items, by their claims below the root, to an owner's list, durably. Raises OSError."""
    if not (told := list(claims)):
        return
    folder, file = _list(spool, owner)
    folder.mkdir(parents=True, exist_ok=True)
    _grown(spool).mkdir(exist_ok=True)
    with alone(folder):
        (_grown(spool) / owner).touch()
        with open(file, "ab") as opened:  # noqa: PTH123  see Spool.claim_below; buffered: all of it, or an error
            opened.write("\n".join(["", *told, ""]).encode())
            opened.flush()
            os.fsync(opened.fileno())
        sync(folder, folder.parent, spool.root)  # also where it was there: who made it may have been killed before


def delete_filed(spool: Spool, owner: str, most: int, keeps: Callable[[Path], bool] = lambda _: False) -> int:
    """Delete up to that many items of an owner's list, and take them out of it; how many they were. Raises OSError.

    Where they are fewer, nothing is left, and the list is deleted. ``keeps``: what came in later under the same claim.
    """
    folder, name = _list(spool, owner)
    file = Path(name)
    with suppress(FileNotFoundError), alone(folder):
        lines = iter(dict.fromkeys(filter(None, file.read_text().splitlines())))
        there = (path for line in lines if _is_there(path := spool.root / line) and not keeps(path))
        some = list(islice(there, most))
        delete(some)
        if len(some) < most:
            clear(spool, owner)
            delete([file, _grown(spool) / owner])
        else:
            write(file, "\n".join(["", *lines, ""]).encode())
        return len(some)
    return 0


def filed(spool: Spool, owner: str) -> list[Path]:
    """Where the items of an owner's list are, or were."""
    return [spool.root / line for line in listing(spool, owner)[1]]


def listing(spool: Spool, owner: str) -> tuple[int, list[str]]:
    """How long an owner's list is, in bytes, and the paths in it, below the root; 0 and none where there is no list."""
    try:
        told = Path(_list(spool, owner)[1]).read_bytes()
    except FileNotFoundError:
        return 0, []
    return len(told), [line for line in told.decode().splitlines() if line]


def length(spool: Spool, owner: str) -> int:
    """How long an owner's list is, in bytes; 0 where there is none."""
    try:
        return os.stat(_list(spool, owner)[1]).st_size  # noqa: PTH116  see Spool.claim_below
    except FileNotFoundError:
        return 0


def grown(spool: Spool) -> list[str]:
    """The owners whose lists have grown and were not cleared since."""
    try:
        return sorted(os.listdir(_grown(spool)))  # noqa: PTH208  asked several times a second
    except FileNotFoundError:
        return []


def clear_grown(spool: Spool, owner: str, size: int) -> None:
    """An owner's list was seen when it was so long: what was added since is left to be seen."""
    mark = _grown(spool) / owner
    if not mark.exists():
        return
    folder, _ = _list(spool, owner)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        if length(spool, owner) == size:
            mark.unlink(missing_ok=True)


def tidy(spool: Spool, owner: str) -> None:
    """Delete an owner's list where nothing that it lists is there. Raises OSError."""
    folder, file = _list(spool, owner)
    with suppress(FileNotFoundError), alone(folder):
        if not any(_is_there(path) for path in filed(spool, owner)):
            delete([Path(file), _grown(spool) / owner])


def delete(files: Iterable[Path]) -> None:
    """Delete files durably, wherever they lie; those that are not there are no matter. Raises VolumeAway, OSError."""
    files = list(files)
    for file in files:
        remove(file)
    sync(*{file.parent for file in files})


def _is_there(item: Path) -> bool:
    """Whether an item is there; a link that leads to a deleted one goes, too. Raises VolumeAway."""
    if is_there(item):
        return True
    if item.is_symlink():
        item.unlink()
    return False


def in_hand(spool: Spool, before: float) -> bool:
    """Whether a batch that was begun before a time (seconds since 1970) may not be listed yet."""
    for file in spool.root.glob("work/*/batches/*.json"):
        with suppress(FileNotFoundError):
            if file.stat().st_mtime < before:
                return True
    return False


def folder_of_list(spool: Spool, owner: str) -> Path:
    """The folder that is locked while an owner's list is changed."""
    return _list(spool, owner)[0]


def _grown(spool: Spool) -> Path:
    return spool.root / "grown"


def _list(spool: Spool, owner: str) -> tuple[Path, str]:
    """The folder of an owner's list, and the list."""
    folder = spool.root / "filed" / owner[-3:]
    return folder, f"{folder}/{owner}"
