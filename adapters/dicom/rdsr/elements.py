"""Finds the elements of a data set in its bytes, and opens only what is asked for.

A fully parsed dose report is a hundred thousand objects, of which a few hundred are read. So nothing is made of an
element but its place. Nothing recurses: the sender chooses the depth. Damage is counted in ``damage``, and reading goes
on after the innermost sequence or item whose end is known.
Standard: DICOM PS3.5 section 7 (elements), 7.5 (sequences), annex A (transfer syntaxes).
"""

from collections.abc import Iterator
from itertools import product
from string import ascii_uppercase
from struct import Struct, error
from typing import Final, Literal

from adapters.dicom.part10 import LONG

UNDEFINED: Final = 0xFFFFFFFF
ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
DELIMITERS: Final = 0xFFFE  # the group of the three
_VRS: Final = frozenset("".join(two).encode() for two in product(ascii_uppercase, repeat=2))
"""What may be a VR: a new one, too. A length of 66 bytes looks like ``B`` and a zero, and is none."""
Span = tuple[int, int]
"""Where a value begins and ends; of a sequence without a stated length, before its delimiter."""
Places = dict[int, Span]
"""The elements of one data set, by tag."""


class Broken(Exception):
    """Lengths and delimiters that do not fit each other, or more of them than there are bytes."""


class Elements:
    """The bytes of a data set. ``damage``: how often something could not be read for its lengths.

    Only what is explicit changes, once, to what is implicit: nothing within that changes again.
    """

    def __init__(self, data: bytes, *, implicit: bool, little: bool) -> None:
        order = "<" if little else ">"
        self.data = data
        self.little = little
        self.order: Literal["little", "big"] = "little" if little else "big"
        self.damage = 0
        self._implicit = implicit
        self._explicit = Struct(f"{order}HH2sH").unpack_from
        self._plain = Struct(f"{order}HHL").unpack_from
        self._long = Struct(f"{order}L").unpack_from

    def element(self, at: int) -> tuple[int, int, int]:
        """Tag, begin of the value, and its length, of the element or item at an offset. Raises Broken at the end.

        Where no VR stands in an explicit data set the element is implicit: some writers switch within sequences.
        """
        try:
            if not self._implicit:
                group, number, vr, length = self._explicit(self.data, at)
                if group != DELIMITERS:
                    if vr in LONG:
                        return group << 16 | number, at + 12, self._long(self.data, at + 8)[0]
                    if vr in _VRS:
                        return group << 16 | number, at + 8, length
            group, number, length = self._plain(self.data, at)
        except error:
            raise Broken from None
        return group << 16 | number, at + 8, length

    def places(self, start: int, end: int) -> Places:
        """The elements of a data set or item between two offsets; of one that stands twice, the first."""
        found: Places = {}
        at = start
        try:
            while at < end:
                tag, value, length = self.element(at)
                if length == UNDEFINED:
                    stop, at = self.to_delimiter(value, end)
                else:
                    at = stop = value + length
                if at > end or tag >> 16 == DELIMITERS:
                    raise Broken
                found.setdefault(tag, (value, stop))
        except Broken:
            self.damage += 1
        return found

    def items(self, start: int, end: int) -> Iterator[Span]:
        """The items of a sequence between two offsets."""
        at = start
        try:
            while at < end:
                tag, value, length = self.element(at)
                if tag != ITEM:
                    raise Broken
                if length == UNDEFINED:
                    stop, at = self.to_delimiter(value, end, within_item=True)
                else:
                    at = stop = value + length
                if at > end:
                    raise Broken
                yield value, stop
        except Broken:
            self.damage += 1

    def to_delimiter(self, at: int, limit: int, *, within_item: bool = False) -> Span:
        """Of a sequence, or an item, without a stated length: where its delimiter begins, and ends. Raises Broken.

        What has a stated length within it is not looked into.
        """
        if not within_item and self._switches(at):
            return Elements(self.data, implicit=True, little=True).to_delimiter(at, limit)
        opened = [within_item]
        while True:
            tag, value, length = self.element(at)
            if value > limit:
                raise Broken
            if tag == (ITEM_END if opened[-1] else SEQUENCE_END):
                opened.pop()
                if not opened:
                    return at, value
                at = value
            elif (tag >> 16 == DELIMITERS) is opened[-1] or (not opened[-1] and tag != ITEM):
                raise Broken
            elif length != UNDEFINED:
                at = value + length
            elif opened[-1] and self._switches(value):
                _, at = self.to_delimiter(value, limit)
            else:
                opened.append(not opened[-1])
                at = value

    def _switches(self, at: int) -> bool:
        """Whether a sequence whose items begin here is of VR UN and undefined length, and so implicit (PS3.5 6.2.2).

        Where the first element in it has a VR all the same, its writer did not keep to that.
        """
        data = self.data
        return (
            not self._implicit
            and self.little
            and data[max(at - 8, 0) : max(at - 6, 0)] == b"UN"
            and data[at + 12 : at + 14] not in _VRS
        )
