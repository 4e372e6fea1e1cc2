"""Walks the content items of a structured report in document order, whatever their depth.

Sequences and items are open in turn: the first is the root's Content Sequence, the second an item of it, and so on.
Where lengths and delimiters do not fit, that is counted, and reading goes on after the innermost whose end is known.
"""

from typing import TYPE_CHECKING, Final

from adapters.dicom.rdsr.elements import DELIMITERS, ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, Broken

if TYPE_CHECKING:
    from adapters.dicom.rdsr.tree import Item, Tree

CONTENT: Final = 0x0040A730
CONCEPT_NAME: Final = 0x0040A043
MEASURED: Final = 0x0040A300


class Walk:
    """One walk of a tree, whose items it makes."""

    def __init__(self, tree: "Tree", new: "type[Item]") -> None:
        self._tree, self._new = tree, new
        self._path: list[Item] = []
        self._ends: list[int] = []
        self._limits: list[int] = []

    def walk(self, start: int, end: int) -> None:
        """All items of the Content Sequence between two offsets."""
        self._ends.append(end)
        self._limits.append(end)
        at = start
        while self._ends:
            try:
                at = self._item(at) if len(self._ends) % 2 else self._elements(at)
            except Broken:
                self._tree.elements.damage += 1
                at = self._given_up(at)

    def _item(self, at: int) -> int:
        """The next item of the innermost sequence, or its end."""
        if at == self._ends[-1]:
            self._close()
            return at
        tag, value, length = self._tree.elements.element(at)
        if value > self._limits[-1]:
            raise Broken
        if tag == SEQUENCE_END and self._ends[-1] == UNDEFINED:
            self._close()
            return value
        if tag != ITEM:
            raise Broken
        items = self._tree.items
        item = self._new(self._tree, self._path[-1] if self._path else None, len(items))
        items.append(item)
        self._path.append(item)
        self._open(value, length)
        return value

    def _elements(self, at: int) -> int:
        """The elements of the innermost item, up to its own Content Sequence, or its end."""
        end, limit, item = self._ends[-1], self._limits[-1], self._path[-1]
        element, places, before = self._tree.elements.element, item.places, 0
        while at != end:
            tag, value, length = element(at)
            if value > limit:
                raise Broken
            if tag < before:  # PS3.5 7.1: in ascending order
                self._tree.elements.damage += 1
            before = tag
            if tag == CONTENT:
                self._open(value, length)
                return value
            if tag >> 16 == DELIMITERS:
                if tag != ITEM_END or end != UNDEFINED:
                    raise Broken
                at = value
                break
            if length == UNDEFINED:
                stop, at = self._tree.elements.to_delimiter(value, limit)
            else:
                at = stop = value + length
                if at > limit:
                    raise Broken
            if tag == CONCEPT_NAME:
                item.concept = self._tree.concept(value, stop)
            else:
                places[tag] = (value, stop)
        if not item.concept and MEASURED in places:  # no device measures nothing: a length led past what it is
            self._tree.elements.damage += 1
        self._close()
        return at

    def _open(self, value: int, length: int) -> None:
        end, limit = UNDEFINED, self._limits[-1]
        if length != UNDEFINED:
            end = value + length
            if end > limit:
                self._tree.elements.damage += 1
                end = limit
            limit = end
        self._ends.append(end)
        self._limits.append(limit)

    def _close(self) -> None:
        if len(self._ends) % 2 == 0:
            self._path.pop().end = len(self._tree.items)
        self._ends.pop()
        self._limits.pop()

    def _given_up(self, at: int) -> int:
        """Past the innermost sequence or item whose end is known."""
        while self._ends:
            end = self._ends[-1]
            self._close()
            if end != UNDEFINED:
                return end
        return at
