"""Is a dataset all there? Told from the lengths that it states, without reading its pixels.

Source: DICOM PS3.5 7.1 (elements), 7.5 (sequences), A.4 (encapsulated pixel data).
"""

import struct
from collections.abc import Callable
from typing import Protocol

from adapters.dicom.refusal import Unreadable

UNDEFINED = 0xFFFFFFFF
_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
_ITEM, _END = 0xE000, 0xE0DD


class Stream(Protocol):
    """What pydicom needs of a file; also of memory, mapped or not."""

    def read(self, size: int = ..., /) -> bytes:
        """Read on."""

    def seek(self, offset: int, /) -> object:
        """Go to an offset from the start."""

    def tell(self) -> int:
        """Where it is."""


class Wholeness:
    """Listens while pydicom reads a dataset of ``size`` bytes, and stops it where the bulk begins."""

    def __init__(self, stream: Stream, size: int, *, little_endian: bool) -> None:
        self._stream = stream
        self._size = size
        self._order = "<" if little_endian else ">"
        self._ends_early = False
        self._open_ended = False
        self._fragments: int | None = None

    def check(self, bulk: int) -> Callable[[int, str | None, int], bool]:
        """What pydicom asks before each element: stop here? Yes from the tag ``bulk`` on."""

        def stop(tag: int, vr: str | None, length: int) -> bool:
            value_at = self._stream.tell()
            self._open_ended = length == UNDEFINED and tag < bulk
            if length != UNDEFINED:
                self._ends_early |= value_at + length > self._size
            elif tag in _PIXELS:
                self._fragments = value_at
            return tag >= bulk

        return stop

    def verify(self, *, found: int) -> None:
        """Raises Unreadable where an element, a sequence or a fragment of the pixels is cut off.

        ``found``: how many elements pydicom handed out; of a dataset that ends within a sequence, none.
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
