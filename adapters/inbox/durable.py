"""Durable file operations: once they return, a power cut cannot undo them."""

import mmap
import os
from collections.abc import Iterable
from pathlib import Path

Bytes = bytes | memoryview | mmap.mmap


def sync(*folders: Path) -> None:
    """Make the names in these folders durable; one that is not there has none."""
    for folder in folders:
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def write_durably(path: Path, data: bytes) -> None:
    """Write a whole file or nothing, durably."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    write_new(new, [data])
    new.replace(path)
    sync(path.parent)


def write_new(path: Path, parts: Iterable[Bytes]) -> None:
    """Write a file that is not there yet, and flush its bytes; its name is durable once its folder is synced."""
    with path.open("xb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
