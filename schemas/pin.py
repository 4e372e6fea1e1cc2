"""Assigns the next free id to each new schema file, in ``ids.lock``.

Ids are stored state: never changed or reused.
"""

from pathlib import Path

from schemas.registry import FOLDER, LOCK, read_lock


def pin(folder: Path = FOLDER, lock: Path = LOCK) -> list[str]:
    """Append the unpinned schemas to the lock, in name order; returns the new lines."""
    pinned = read_lock(lock) if lock.exists() else {}
    names = sorted(path.name.removesuffix(".avsc") for path in folder.glob("*.avsc"))
    new = [name for name in names if name not in pinned]
    lines = [f"{ident} {name}" for ident, name in enumerate(new, start=max(pinned.values(), default=0) + 1)]
    if lines:
        with lock.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
    return lines
