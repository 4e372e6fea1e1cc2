"""Durable file operations: once they return, a power cut cannot undo them. All raise OSError."""

import mmap
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

Bytes = bytes | memoryview | mmap.mmap
OWNER_ONLY = 0o600
"""The mode of a file that names people."""


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


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a whole file or nothing."""
    write_all({path: content}, mode)


def write_all(files: Mapping[Path, bytes], mode: int = 0o644) -> None:
    """Write many files, each whole or not at all, in order, with one fsync per folder; folders are made.

    After an error, some may have been written.
    """
    folders = dict.fromkeys(path.parent for path in files)
    made = [one for folder in folders for one in _make(folder)]
    for path, content in files.items():
        aside = path.with_name(f".{path.name}.new")
        aside.unlink(missing_ok=True)
        write_new(aside, [content], mode)
        aside.replace(path)
    sync(*dict.fromkeys([*folders, *(one.parent for one in made)]))


def create(path: Path, content: bytes, mode: int) -> None:
    """Write a file that is not there yet; a folder made for it is its owner's to write. Raises FileExistsError."""
    _make(path.parent, 0o755)
    write_new(path, [content], mode)
    sync(path.parent)


def write_new(path: Path, parts: Iterable[Bytes], mode: int = 0o644) -> None:
    """Write a file that is not there yet, and flush its bytes; its name is durable once its folder is synced.

    Raises FileExistsError.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _make(folder: Path, mode: int = 0o777) -> list[Path]:
    """Create missing folders; returns those created, so that their parents are synced too."""
    made = []
    while not folder.is_dir():
        made.append(folder)
        folder = folder.parent
    for one in reversed(made):
        one.mkdir(mode, exist_ok=True)
    return made
