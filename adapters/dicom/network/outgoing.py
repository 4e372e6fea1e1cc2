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
BATCH: Final = 524_288
"""Bytes that are read and sent at a time."""
_HEAD: Final = struct.Struct(">BxLLBB")  # of the PDU, and of the one data value in it
_AROUND: Final = 6  # bytes of the data value's head, which count as the PDU's
_LAST: Final = 0x02


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
        self._count = max(1, BATCH // (self._piece + _HEAD.size))
        self._buffer = memoryview(bytearray(self._count * (self._piece + _HEAD.size)))

    def pdus(self, context: int, source: Source) -> Iterator[memoryview]:
        """The PDUs of a data set, several in each view, which is valid until the next. Raises OSError, Cut."""
        left = source.size
        while True:
            sizes = self._sizes(left)
            left -= sum(sizes)
            views, at = [], 0
            for place, size in enumerate(sizes, 1):
                last = _LAST if not left and place == len(sizes) else 0
                _HEAD.pack_into(self._buffer, at, Kind.P_DATA, size + _AROUND, size + 2, context, last)
                views.append(self._buffer[at + _HEAD.size : at + _HEAD.size + size])
                at += _HEAD.size + size
            if source.read(views) != sum(sizes):
                raise Cut("a data set is shorter than it was")
            yield self._buffer[:at]
            if not left:
                return

    def _sizes(self, left: int) -> list[int]:
        """Of the next pieces."""
        whole, rest = divmod(min(left, self._count * self._piece), self._piece)
        return [self._piece] * whole + ([rest] if rest or not whole else [])
