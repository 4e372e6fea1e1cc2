"""The content tree of a structured report (PS3.3 C.17.3), read from its bytes, tolerating any damage.

An item keeps its concept and the places of its values; a value is read when it is asked for, as encoded, because the
ledger keeps the encoded text with each dose. What is absent, empty or broken reads as None or as empty text: one bad
item never loses the report. What could not be read for damage is counted, and never passed over in silence.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from struct import unpack_from
from typing import Final, NamedTuple

from adapters.dicom.charsets import decode, is_undeclared_utf8
from adapters.dicom.rdsr import codes
from adapters.dicom.rdsr.codes import NO_CODE, Code
from adapters.dicom.rdsr.concepts import NAME_OF
from adapters.dicom.rdsr.elements import Elements, Places, Span
from adapters.dicom.rdsr.walk import Walk
from adapters.dicom.values import LONGEST, as_text
from domain.texts import plain

CHARACTER_SET: Final = 0x00080005
CONTENT: Final = 0x0040A730
VALUE_TYPE, CONCEPT_NAME = 0x0040A040, 0x0040A043
CONCEPT_CODE, MEASURED, UNITS = 0x0040A168, 0x0040A300, 0x004008EA
TEXT, UID, DATE_TIME, PERSON = 0x0040A160, 0x0040A124, 0x0040A120, 0x0040A123
NUMERIC, FLOATING = 0x0040A30A, 0x0040A161
CONTROL: Final = re.compile(rb"[\x00-\x1f]")
DOUBLE: Final = 8  # bytes


class Measured(NamedTuple):
    """A numeric value and its unit as encoded; an empty ``text`` is an item present without a value.

    ``others``: how many further values of the same item differ. Of many pulses all values are in ``text``, however many
    they are; as it is kept it is cut.
    """

    text: str
    unit: str
    others: int = 0

    def __str__(self) -> str:
        return f"{self.text[:LONGEST]} {self.unit}".strip()


class Item:
    """One content item: the name of its concept, or its code where that is not known; what it is in; where it ends."""

    __slots__ = ("concept", "end", "index", "parent", "places", "tree")

    def __init__(self, tree: "Tree", parent: "Item | None", index: int) -> None:
        self.tree, self.parent, self.index = tree, parent, index
        self.concept = ""
        self.places: Places = {}
        self.end = index + 1  # of the items below it, in document order

    def is_container(self) -> bool:
        """Whether it holds parts, and no value."""
        return self.tree.encoded(self.places.get(VALUE_TYPE)) == "CONTAINER"

    def within(self, container: "Item", concepts: Iterable[str]) -> bool:
        """Whether it stands in the container itself, in one of these, or below an item that is no container."""
        above = self.parent
        return above is None or above is container or above.concept in concepts or not above.is_container()

    def code(self) -> Code | None:
        """The coded value of a CODE item; None where the sequence is absent or empty."""
        found = self.tree.code(self.places.get(CONCEPT_CODE))
        return None if found is NO_CODE else found

    def meaning(self) -> str | None:
        """The meaning of a CODE item or the text of a TEXT item: a device may use either for one concept."""
        code = self.code()
        return code.meaning if code else self.tree.text(self.places.get(TEXT) or self.places.get(PERSON))

    def key(self) -> str | None:
        """What it says, by its code where it has one."""
        return code.key if (code := self.code()) else self.meaning()

    def uid(self) -> str | None:
        """The value of a UIDREF item, as encoded."""
        return self.tree.encoded(self.places.get(UID)) or None

    def date_time(self) -> str:
        """The DT text as encoded."""
        return self.tree.encoded(self.places.get(DATE_TIME))

    def number(self) -> Measured:
        """The value of a NUM item. An empty Measured Value Sequence means not known (PS3.3 C.18.1)."""
        return self.tree.measured(self.places.get(MEASURED))

    def below(self) -> Sequence["Item"]:
        """The items below it, at any depth."""
        return self.tree.items[self.index + 1 : self.end]


class Content:
    """Content items by concept."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._by_concept: dict[str, list[Item]] = defaultdict(list)
        for item in items:
            self._by_concept[item.concept].append(item)

    def all(self, *concepts: str) -> list[Item]:
        """Every item that states one of these."""
        found = self._by_concept
        return [item for concept in concepts if concept in found for item in found[concept]]

    def meaning(self, concept: str) -> str | None:
        """The first text or code meaning that is not empty."""
        return next((meaning for item in self.all(concept) if (meaning := item.meaning())), None)

    def key(self, concept: str) -> str | None:
        """What the first item says, by its code where it has one."""
        return next((item.key() for item in self.all(concept)), None)

    def keys(self, concept: str) -> list[str]:
        """The codes of all items."""
        return [code.key for item in self.all(concept) if (code := item.code())]

    def uid(self, *concepts: str) -> str | None:
        """The first UID that is not empty."""
        return next((uid for item in self.all(*concepts) if (uid := item.uid())), None)

    def date_time(self, *concepts: str) -> str:
        """The first DT text that is not empty, as encoded; empty when there is none."""
        return next((text for item in self.all(*concepts) if (text := item.date_time())), "")


class Tree:
    """A structured report in its bytes. ``top``: the elements of the data set; ``items``: its content, parents first.

    ``tolerated``: how often each tolerance was needed.
    """

    def __init__(self, elements: Elements, top: Places) -> None:
        self.elements, self.top = elements, top
        self.tolerated: Counter[str] = Counter()
        self._data = elements.data
        self._codes: dict[bytes, Code] = {}
        self._texts: dict[bytes, str | None] = {}
        self._charset = self.encoded(top.get(CHARACTER_SET)).split("\\")
        self.items: list[Item] = []
        if place := top.get(CONTENT):
            Walk(self, Item).walk(*place)

    def concept(self, start: int, end: int) -> str:
        """The name of the concept that a code sequence states; its key, where the concept is not known."""
        code = self.code((start, end))
        return NAME_OF.get(code.key, code.key)

    def code(self, place: Span | None) -> Code:
        """The first code of a code sequence."""
        if place is None:
            return NO_CODE
        raw = self._data[place[0] : place[1]]
        if (found := self._codes.get(raw)) is None:
            found = self._codes[raw] = self._code(*place)
        if found.tolerated:
            self.tolerated.update(found.tolerated)
        return found

    def _code(self, start: int, end: int) -> Code:
        entries = [*self.elements.items(start, end)]  # all: a wrong length shows after the first
        if not entries:
            return NO_CODE
        get, encoded = self.elements.places(*entries[0]).get, self.encoded
        if any(CONTROL.search(self._raw(get(tag)).rstrip(b"\0 ")) for tag in codes.IN_ASCII):
            self.elements.damage += 1  # a length led into what follows
        return codes.coded(
            encoded(get(codes.CODE_VALUE)),
            encoded(get(codes.LONG_CODE_VALUE)),
            encoded(get(codes.URN_CODE_VALUE)),
            encoded(get(codes.DESIGNATOR)),
            self.text(get(codes.MEANING)),
        )

    def encoded(self, place: Span | None) -> str:
        """A text as encoded, without padding; empty where it is absent.

        A control character within reads as a space, which makes no number and no UID of it. Several values keep their
        backslash, so a number that should be single reads as no number.
        """
        return plain(as_text(self._data[place[0] : place[1]]))[:LONGEST] if place else ""

    def _raw(self, place: Span | None) -> bytes:
        return self._data[place[0] : place[1]] if place else b""

    def text(self, place: Span | None) -> str | None:
        """A text in the report's character set; None where it is absent or empty."""
        if place is None:
            return None
        raw = self._data[place[0] : place[1]]
        if raw not in self._texts:
            self._texts[raw] = plain(decode(raw, self._charset))[:LONGEST] or None
            self.tolerated["text_under_other_charset"] += is_undeclared_utf8(raw, self._charset)
        return self._texts[raw]

    def measured(self, place: Span | None) -> Measured:
        """The first value of a measured value sequence that has one."""
        values = [self._measured(entry) for entry in self.elements.items(*place)] if place else []
        known = [value for value in values if value.text]
        if not known:
            self.tolerated["empty_measured_value"] += 1
            return values[0] if values else Measured("", "")
        others = max(len({*known}) - 1, known[0].others)
        if len(known) > 1 and not others:
            self.tolerated["double_measured_value"] += 1
        return known[0]._replace(others=others) if others else known[0]

    def _measured(self, entry: Span) -> Measured:
        get = self.elements.places(*entry).get
        text, exact = plain(as_text(self._raw(get(NUMERIC)))), self._floating(get(FLOATING))
        if exact and not text:
            text = exact
            self.tolerated["floating_point_alone"] += 1
        unit = self.code(get(UNITS))
        spelled = unit.key.partition(":")[2]
        if not spelled and unit.meaning:
            spelled = unit.meaning
            self.tolerated["unit_in_words"] += 1
        return Measured(text, spelled, int(bool(exact) and _contradict(text, exact)))

    def _floating(self, place: Span | None) -> str:
        """The Floating Point Value (0040,A161), which some devices write alone."""
        if place is None or place[1] - place[0] != DOUBLE:
            return ""
        (value,) = unpack_from("<d" if self.elements.little else ">d", self._data, place[0])
        return repr(float(value))

    def sequence(self, tag: int, within: Places | None = None) -> Iterator[Places]:
        """The items of a sequence of the data set, or of an item of one."""
        if place := (self.top if within is None else within).get(tag):
            for entry in self.elements.items(*place):
                yield self.elements.places(*entry)


def _contradict(text: str, exact: str) -> bool:
    """Whether a value is another one in full precision: by more than a text of few digits explains."""
    try:
        one, other = float(text), float(exact)
    except ValueError:  # whoever reads the text says so
        return False
    return not abs(one - other) <= 0.001 * max(abs(one), abs(other))
