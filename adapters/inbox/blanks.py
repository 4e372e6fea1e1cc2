"""Empty files whose names are durable ahead of time, so that an item written into one needs a single flush.

A new file needs two: of its bytes, and of the folder that names it. Made in growing numbers, for a sender may send one.
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

from adapters.durable import OWNER_ONLY, Bytes, sync

PREFIX = "blank-"
MOST_AT_A_TIME = 64


class Blanks:
    """Those of one folder, which is there and durable. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ready: list[str] = []
        self._next = 2
        self._lock = Lock()

    def fill(self, parts: Sequence[Bytes]) -> Path:
        """Write a whole item into a blank, durably; returns its path. Raises OSError; then nothing is left of it."""
        with self._lock:
            if not self._ready:
                self._make()
            blank = self._ready.pop()
        try:
            fd = os.open(blank, os.O_WRONLY)
            try:
                left = sum(len(part) for part in parts) - os.writev(fd, parts)
                if left:
                    _write_rest(fd, parts, left)
                os.fdatasync(fd)
            finally:
                os.close(fd)
        except OSError:
            Path(blank).unlink(missing_ok=True)
            raise
        return Path(blank)

    def _make(self) -> None:
        names = [f"{self._folder}/{PREFIX}{secrets.token_hex(6)}" for _ in range(self._next)]
        for name in names:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY))
        sync(self._folder)
        self._ready = names
        self._next = min(self._next * 2, MOST_AT_A_TIME)


def _write_rest(fd: int, parts: Sequence[Bytes], left: int) -> None:
    """A signal or the size of the item made the first write end early."""
    with memoryview(b"".join(parts)) as whole:
        while left:
            left -= os.write(fd, whole[len(whole) - left :])


def blanks_in(folder: Path) -> Iterator[Path]:
    """Those of all senders of a desk, written or not."""
    return folder.glob(f"*/*/{PREFIX}*")
