"""Reads ranges of a stored instance, a window at a time; a length that the file states is compared with its size."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from adapters.dicom.attributes import DEFLATED
from adapters.dicom.bounds import UNBOUNDED, Most, inflated
from adapters.dicom.part10 import FileMeta, read_file_meta
from adapters.dicom.refusal import AttributeMissing, Unreadable

IMPLICIT: Final = "1.2.840.10008.1.2"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
WINDOW: Final = 16 * 1024  # bytes: most headers in one read
_HEADS: Final = (2 * 1024, 64 * 1024, 16 * 1024 * 1024)  # bytes within which the File Meta ends, tried in turn
_HEAD_OF_ELEMENT: Final = 8  # bytes; where so many follow, what came before them was whole
CUT_OFF: Final = "broken: it states more bytes than it has"
ReadAt = Callable[[int, int], bytes]
"""Up to so many bytes (second) from an offset (first) on."""


class Source:
    """``size`` bytes, of which any range can be read."""

    def __init__(self, read_at: ReadAt, size: int) -> None:
        self._read_at, self.size = read_at, size
        self._window, self._start = b"", 0

    def at(self, offset: int, count: int) -> bytes:
        """So many bytes from an offset on. Raises Unreadable where there are fewer."""
        start = offset - self._start
        if start >= 0 and start + count <= len(self._window):
            return self._window[start : start + count]
        if offset < 0 or offset + count > self.size:
            raise Unreadable(CUT_OFF)
        if count >= WINDOW:
            return self.whole(offset, count)
        self._window, self._start = self._read_at(offset, min(WINDOW, self.size - offset)), offset
        if len(self._window) < count:
            raise Unreadable(CUT_OFF)
        return self._window[:count]

    def whole(self, offset: int, count: int) -> bytes:
        """The same past the window: for what is read once. Raises Unreadable."""
        data = self._read_at(offset, count) if offset >= 0 and offset + count <= self.size else b""
        if len(data) < count:
            raise Unreadable(CUT_OFF)
        return data


@dataclass(frozen=True)
class Stored:
    """A stored instance that is open: its data set lies in ``source`` from ``start`` to the end.

    ``deflated``: the source is the inflated data set, not the file.
    """

    source: Source
    start: int
    transfer_syntax: str
    explicit: bool
    little: bool
    deflated: bool


@contextmanager
def opened(path: Path, most: Most = UNBOUNDED) -> Iterator[Stored]:
    """Open a Part 10 file. Raises Unreadable, AttributeMissing, TooLarge; OSError."""
    with ExitStack() as open_files:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        open_files.callback(os.close, fd)
        size = os.fstat(fd).st_size
        meta = meta_of(fd, size)
        source, start, deflated = Source(_of(fd), size), meta.offset, meta.transfer_syntax in DEFLATED
        if deflated:
            file, size = inflated(_From(fd, meta.offset), most)
            source, start = Source(_in(open_files.enter_context(file)), size), 0
        syntax = meta.transfer_syntax
        yield Stored(source, start, syntax, syntax != IMPLICIT, syntax != BIG_ENDIAN, deflated)


def meta_of(fd: int, size: int) -> FileMeta:
    """The File Meta of an open file. Raises Unreadable, AttributeMissing; OSError."""
    for most in _HEADS:
        whole, data = most >= min(size, _HEADS[-1]), os.pread(fd, most, 0)
        try:
            meta = read_file_meta(data)
        except (Unreadable, AttributeMissing):
            if whole:
                raise
        else:
            if whole or meta.offset + _HEAD_OF_ELEMENT <= len(data):
                return meta
    raise AssertionError("unreachable: the last size raises")


def _of(fd: int) -> ReadAt:
    def read_at(offset: int, count: int) -> bytes:
        return os.pread(fd, count, offset)

    return read_at


def _in(file: IO[bytes]) -> ReadAt:
    def read_at(offset: int, count: int) -> bytes:
        file.seek(offset)
        return file.read(count)

    return read_at


class _From:
    """``adapters.dicom.completeness.Stream`` over the rest of an open file."""

    def __init__(self, fd: int, offset: int) -> None:
        self._fd, self._at = fd, offset

    def read(self, size: int = WINDOW, /) -> bytes:
        data = os.pread(self._fd, size, self._at)
        self._at += len(data)
        return data

    def seek(self, offset: int, /) -> None:
        self._at = offset

    def tell(self) -> int:
        return self._at
