"""Finds the elements of a data set without decoding any, in all encodings: tag, VR, where its value lies, how long.

No length is believed beyond the end of the data, nothing recurses as deep as a sender likes. Source: DICOM PS3.5 7.1
(elements), 7.5 (sequences), 6.2.2 note 2 (a sequence under VR UN is in implicit VR), A.4 (fragments).
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from adapters.archive.source import CUT_OFF, Source, Stored
from adapters.dicom.completeness import UNDEFINED
from adapters.dicom.part10 import LONG
from adapters.dicom.refusal import Unreadable

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
DEEPEST: Final = 100
"""Sequences within sequences; real objects have fewer than twenty."""
_DELIMITERS: Final = 0xFFFE


class Element(NamedTuple):
    """``vr``: as stated, empty in implicit VR; ``at``: where its value begins; ``length`` in bytes, or UNDEFINED."""

    tag: int
    vr: str
    at: int
    length: int


class Reader:
    """Reads elements of one open instance."""

    def __init__(self, stored: Stored) -> None:
        order = "<" if stored.little else ">"
        self.source: Source = stored.source
        self._implicit = struct.Struct(f"{order}HHL")
        self._short, self._long = struct.Struct(f"{order}H"), struct.Struct(f"{order}L")

    def element(self, at: int, explicit: bool) -> Element:
        """The element, item or delimiter that begins there. Raises Unreadable."""
        head = self.source.at(at, 8)
        group, number, length = self._implicit.unpack(head)
        tag, vr = group << 16 | number, head[4:6]
        if not explicit or group == _DELIMITERS or not (vr.isalpha() and vr.isupper()):
            return Element(tag, "", at + 8, length)  # some writers fall into implicit VR where no VR stands
        if vr in LONG:
            (length,) = self._long.unpack(self.source.at(at + 8, 4))
            return Element(tag, vr.decode("ascii"), at + 12, length)
        return Element(tag, vr.decode("ascii"), at + 8, self._short.unpack(head[6:8])[0])

    def elements(self, at: int, end: int, explicit: bool) -> Iterator[Element]:
        """Those from an offset up to another one. Raises Unreadable."""
        while at + 8 <= end:
            element = self.element(at, explicit)
            yield element
            at = self.after(element, explicit)
            if at > end:
                raise Unreadable(CUT_OFF)

    def after(self, element: Element, explicit: bool) -> int:
        """Where the next element begins. Raises Unreadable."""
        if element.length != UNDEFINED:
            return element.at + element.length
        return self._past(element.at, within_item=False, explicit=explicit and element.vr != "UN")

    def items(self, element: Element, explicit: bool) -> Iterator[tuple[int, int]]:
        """Where each item of a sequence begins and ends. Raises Unreadable."""
        explicit, at = explicit and element.vr != "UN", element.at
        end = self.source.size if element.length == UNDEFINED else at + element.length
        while at + 8 <= end and (item := self.element(at, False)).tag == ITEM:
            open_ended = item.length == UNDEFINED
            at = self._past(item.at, within_item=True, explicit=explicit) if open_ended else item.at + item.length
            yield item.at, at - 8 if open_ended else at

    def _past(self, at: int, *, within_item: bool, explicit: bool) -> int:
        """Past the delimiter that ends an item or a sequence of undefined length."""
        open_ended = [(within_item, explicit)]  # of each that is open: whether an item, and whether VRs are stated
        while open_ended:
            if len(open_ended) > 2 * DEEPEST:
                raise Unreadable(f"broken: more than {DEEPEST} sequences lie within each other")
            within_item, explicit = open_ended[-1]
            inner = self.element(at, explicit)
            at = inner.at
            if inner.tag == (ITEM_END if within_item else SEQUENCE_END):
                open_ended.pop()
            elif not within_item and inner.tag != ITEM:
                raise Unreadable("broken: a sequence holds something else than items")
            elif inner.length == UNDEFINED:
                open_ended.append((not within_item, explicit and inner.vr != "UN"))
            else:
                at += inner.length
        return at

    def begins_item(self, at: int) -> bool:
        """Whether an item, or the end of a sequence, begins there."""
        if at + 8 > self.source.size:
            return False
        return self.element(at, False).tag in (ITEM, SEQUENCE_END)
