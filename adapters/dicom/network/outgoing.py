"""Data sets on their way out: read from where they lie straight into P-DATA-TFs, several PDUs at a time.

Source: DICOM PS3.8 9.3.5, annex E; fragments have an even length (PS3.8 E.2).
"""

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from adapters.dicom.network.pdu import Kind

LARGEST: Final = 131_072
"""Bytes of a PDU that is sent, where the peer takes any."""
BATCH: Final = 5 * (LARGEST + 6)
"""Bytes that are read and sent at a time: a CT image of 512 × 512 with its header goes out in one call."""
_HEAD: Final = struct.Struct(">BxLLBB")  # of the PDU, and of the one data value in it
_AROUND: Final = 6  # bytes of the data value's head, which count as the PDU's
_LAST: Final = 0x02
_FRONT: Final = 1_024  # bytes that go out with the first PDU: commands are shorter
_MOST_VIEWS: Final = 1_024  # that one call fills: IOV_MAX


class Source(Protocol):
    """A data set that is to be sent."""

    @property
    def size(self) -> int:
        """How many bytes it has."""

    def read(self, into: Sequence[memoryview]) -> int:
        """Fill these with the next bytes; how many they were. Raises OSError."""


@dataclass
class Stored:
    """Bytes of an open file, from an offset on."""

    fd: int
    at: int
    size: int

    def read(self, into: Sequence[memoryview]) -> int:
        """See ``Source``."""
        count = os.preadv(self.fd, into, self.at)
        self.at += count
        return count


@dataclass
class Made:
    """Bytes in memory."""

    data: bytes
    at: int = 0

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.data)

    def read(self, into: Sequence[memoryview]) -> int:
        """See ``Source``."""
        before = self.at
        for view in into:
            view[:] = self.data[self.at : self.at + len(view)]
            self.at += len(view)
        return self.at - before


class Cut(OSError):
    """A data set is shorter than it was."""


class Outgoing:
    """The buffer of one association. ``max_pdu``: most bytes that the peer takes in a PDU, 0 for any number."""

    def __init__(self, max_pdu: int) -> None:
        most = min(max_pdu or LARGEST, LARGEST) - _AROUND
        self._piece = max(most & ~1, 1)
        self._count = min(max(1, BATCH // (self._piece + _HEAD.size)), _MOST_VIEWS)
        self._made: memoryview | None = None

    def pdus(self, context: int, source: Source, first: bytes = b"") -> Iterator[memoryview]:
        """``first``, then the PDUs of a data set, several in each view, which is valid until the next.

        Raises OSError, Cut.
        """
        if len(first) > _FRONT:
            yield memoryview(first)
            first = b""
        buffer, left, at = self._buffer(), source.size, len(first)
        buffer[:at] = first
        while True:
            sizes = self._sizes(left)
            left -= sum(sizes)
            views = []
            for place, size in enumerate(sizes, 1):
                last = _LAST if not left and place == len(sizes) else 0
                _HEAD.pack_into(buffer, at, Kind.P_DATA, size + _AROUND, size + 2, context, last)
                views.append(buffer[at + _HEAD.size : at + _HEAD.size + size])
                at += _HEAD.size + size
            if source.read(views) != sum(sizes):
                raise Cut("a data set is shorter than it was")
            yield buffer[:at]
            if not left:
                return
            at = 0

    def _buffer(self) -> memoryview:
        """Made when it is needed: most of it stays untouched where little is sent."""
        if self._made is None:
            self._made = memoryview(bytearray(_FRONT + self._count * (self._piece + _HEAD.size)))
        return self._made

    def _sizes(self, left: int) -> list[int]:
        """Of the next pieces."""
        whole, rest = divmod(min(left, self._count * self._piece), self._piece)
        return [self._piece] * whole + ([rest] if rest or not whole else [])
