"""Detects truncated DICOM datasets from the lengths they state, without reading the pixel data."""

import struct
from collections.abc import Callable
from typing import Protocol

from adapters.dicom.refusal import Unreadable

UNDEFINED = 0xFFFFFFFF
_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
_ITEM, _END = 0xE000, 0xE0DD


class Stream(Protocol):
    """The part of a file object that pydicom needs; also for memory, mapped or not."""

    def read(self, size: int = ..., /) -> bytes:
        """Read the next bytes."""

    def seek(self, offset: int, /) -> object:
        """Go to an offset from the start."""

    def tell(self) -> int:
        """The current offset."""


class Completeness:
    """Watches pydicom read a dataset of ``size`` bytes, and stops it at the bulk data."""

    def __init__(self, stream: Stream, size: int, *, little_endian: bool) -> None:
        self._stream = stream
        self._size = size
        self._order = "<" if little_endian else ">"
        self._ends_early = False
        self._open_ended = False
        self._fragments: int | None = None

    def check(self, bulk: int) -> Callable[[int, str | None, int], bool]:
        """The callback that pydicom calls before each element to know whether to stop: from the tag ``bulk`` on."""

        def stop(tag: int, vr: str | None, length: int) -> bool:
            number = int(tag)  # pydicom's tags compare at ten times the cost
            self._open_ended = length == UNDEFINED and number < bulk
            if length != UNDEFINED:
                self._ends_early |= self._stream.tell() + length > self._size
            elif number in _PIXELS:
                self._fragments = self._stream.tell()
            return number >= bulk

        return stop

    def verify(self, *, found: int) -> None:
        """Raises Unreadable if an element, a sequence or a fragment of the pixel data is cut off.

        ``found``: how many elements pydicom returned; none if the dataset ends within a sequence.
        """
        within_sequence = self._open_ended and not found
        if self._ends_early or within_sequence or (self._fragments is not None and not self._ends(self._fragments)):
            raise Unreadable("broken: it is cut off, bytes are missing at its end")

    def _ends(self, offset: int) -> bool:
        """Whether the fragments (items) from ``offset`` on end with a sequence delimiter."""
        while True:
            self._stream.seek(offset)
            head = self._stream.read(8)
            if len(head) < 8:
                return False
            group, element, length = struct.unpack(f"{self._order}HHL", head)
            if group != 0xFFFE or element not in (_ITEM, _END):
                return False
            if element == _END:
                return True
            offset += 8 + length
