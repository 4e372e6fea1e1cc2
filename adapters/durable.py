"""Durable file operations: once they return, a power cut cannot undo them. All raise OSError."""

import errno
import fcntl
import mmap
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

Bytes = bytes | memoryview | mmap.mmap
OWNER_ONLY = 0o600
"""The mode of a file that names people."""
PART: Final = ".krypton-part"
"""Ends the name of a file that is being written, or was when its process was killed."""


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


def write_whole(path: Path, parts: Iterable[Bytes], mode: int = 0o666) -> None:
    """Write a file that somebody named and that is not there yet: whole, or not at all, whatever ends the process.

    It is written beside, under its name and ``PART``, and gets its name once all of it is on the disk. What a process
    that was killed left there is taken away by the next one; one that is at it is let alone. ``mode``: as the umask
    allows.
    Raises FileExistsError; BlockingIOError: somebody else is writing it.
    """
    aside = path.with_name(f"{path.name}{PART}")
    with os.fdopen(_alone(aside, mode), "wb") as file:
        try:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
            _name(aside, path)
        finally:
            aside.unlink(missing_ok=True)
    sync(path.absolute().parent)


def _alone(aside: Path, mode: int) -> int:
    """A new file that nobody else writes, locked for as long as it is open."""
    while True:
        try:
            fd, is_new = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), True
        except FileExistsError:
            try:
                fd, is_new = os.open(aside, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), False
            except FileNotFoundError:  # whoever was at it is done
                continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_new and _is_at(fd, aside):
                return fd
            if not is_new and _is_at(fd, aside):
                aside.unlink()
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    """Whether the open file is the one of that name."""
    try:
        return os.path.samestat(os.fstat(fd), path.lstat())
    except FileNotFoundError:
        return False


def _name(aside: Path, path: Path) -> None:
    """Give a file its name, where nothing has it. Raises FileExistsError."""
    try:
        os.link(aside, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, such as that of a USB stick
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        aside.rename(path)


def _make(folder: Path, mode: int = 0o777) -> list[Path]:
    """Create missing folders; returns those created, so that their parents are synced too."""
    made = []
    while not folder.is_dir():
        made.append(folder)
        folder = folder.parent
    for one in reversed(made):
        one.mkdir(mode, exist_ok=True)
    return made
