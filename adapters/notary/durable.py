"""Atomic, durable file writes: temporary file, fsync, rename, fsync of the folder."""

import os
from collections.abc import Mapping
from pathlib import Path


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write one file. Raises OSError."""
    write_all({path: content}, mode)


def write_all(files: Mapping[Path, bytes], mode: int = 0o644) -> None:
    """Write many files, in order, with one fsync per folder. Raises OSError; then some may have been written."""
    folders = dict.fromkeys(path.parent for path in files)
    new = [made for folder in folders for made in _make(folder)]
    for path, content in files.items():
        aside = path.with_name(f".{path.name}.new")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(path)
    for folder in dict.fromkeys([*folders, *(made.parent for made in new)]):
        _sync(folder)


def create(path: Path, content: bytes, mode: int) -> None:
    """Write a new file. Raises FileExistsError, OSError."""
    _make(path.parent)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    _sync(path.parent)


def _make(folder: Path) -> list[Path]:
    """Create missing folders; returns those created, so that their parents are synced too."""
    made = []
    while not folder.is_dir():
        made.append(folder)
        folder = folder.parent
    for one in reversed(made):
        one.mkdir(exist_ok=True)
    return made


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
