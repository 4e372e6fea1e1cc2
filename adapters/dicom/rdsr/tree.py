"""Walks the content tree of a structured report (PS3.3 C.17.3), tolerating any damage.

Nothing here raises because of a device's data: an item that is absent, empty or broken reads as None or as empty text,
so one bad item never loses the report. Numbers and UIDs are taken as encoded, before pydicom turns them into floats,
because the ledger keeps the encoded text with each dose.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pydicom.dataset import Dataset

from adapters.dicom.values import encoded, sequence, text_in

# A concept is every spelling of its code as "scheme:value", because SNOMED codes come in the retired SRT
# style, too.
Concept = tuple[str, ...]
# Other designators of SRT (PS3.16 section 8).
_SCHEMES = {"SNM3": "SRT", "99SDM": "SRT"}


class Code(NamedTuple):
    """A coded entry (PS3.3 section 8.8): its key "scheme:value" and its text in the report's language."""

    key: str
    meaning: str | None


class Measured(NamedTuple):
    """A numeric value and its unit as encoded; an empty ``text`` is an item present without a value."""

    text: str
    unit: str

    def __str__(self) -> str:
        return f"{self.text} {self.unit}".strip()


@dataclass(frozen=True)
class Item:
    """One content item: the concept that it states, and its dataset."""

    concept: str
    dataset: Dataset
    parent: "Item | None" = None

    def within(self, concepts: Concept) -> bool:
        """Whether it stands at the top, below an item that is no container, or in a container of these concepts."""
        above = self.parent
        return above is None or above.concept in concepts or encoded(above.dataset, "ValueType") != "CONTAINER"

    def code(self) -> Code | None:
        """The coded value of a CODE item; None where the sequence is absent or empty."""
        return code_in(self.dataset, "ConceptCodeSequence")

    def meaning(self) -> str | None:
        """The meaning of a CODE item or the text of a TEXT item: a device may use either for one concept."""
        code = self.code()
        return code.meaning if code else text_in(self.dataset, "TextValue")

    def uid(self) -> str | None:
        """The value of a UIDREF item, as encoded."""
        return encoded(self.dataset, "UID") or None

    def number(self) -> Measured:
        """The value of a NUM item. An empty Measured Value Sequence means not known (PS3.3 C.18.1)."""
        for measured in sequence(self.dataset, "MeasuredValueSequence"):
            unit = code_in(measured, "MeasurementUnitsCodeSequence")
            text = encoded(measured, "NumericValue") or _floating(measured)
            return Measured(text, unit.key.partition(":")[2] if unit else "")
        return Measured("", "")


class Content:
    """The content items below a dataset: ``items`` in document order, and by concept."""

    def __init__(self, dataset: Dataset) -> None:
        self.items = tuple(walk(dataset))
        self._by_concept: dict[str, list[Item]] = defaultdict(list)
        for item in self.items:
            self._by_concept[item.concept].append(item)

    def all(self, concept: Concept) -> list[Item]:
        """Every item that states ``concept``, at any depth."""
        return [item for key in concept for item in self._by_concept.get(key, ())]

    def meaning(self, concept: Concept) -> str | None:
        """The first text or code meaning that is not empty."""
        return next((meaning for item in self.all(concept) if (meaning := item.meaning())), None)

    def uid(self, concept: Concept) -> str | None:
        """The first UID that is not empty."""
        return next((uid for item in self.all(concept) if (uid := item.uid())), None)

    def date_time(self, concept: Concept) -> str:
        """The first DT text that is not empty, as encoded; empty when there is none."""
        return next((text for item in self.all(concept) if (text := encoded(item.dataset, "DateTime"))), "")


def walk(dataset: Dataset) -> Iterator[Item]:
    """The content items below ``dataset``, parents first. No recursion: the sender chooses the depth."""
    waiting: list[tuple[Item | None, Iterator[Dataset]]] = [(None, iter(sequence(dataset, "ContentSequence")))]
    while waiting:
        parent, children = waiting[-1]
        child = next(children, None)
        if child is None:
            waiting.pop()
            continue
        item = Item(_key_in(child, "ConceptNameCodeSequence"), child, parent)
        yield item
        waiting.append((item, iter(sequence(child, "ContentSequence"))))


def code_in(dataset: Dataset, keyword: str) -> Code | None:
    """The first code of a code sequence; None where it is absent or empty."""
    for entry in sequence(dataset, keyword):
        return Code(_key(entry), text_in(entry, "CodeMeaning"))
    return None


def _key_in(dataset: Dataset, keyword: str) -> str:
    return next((_key(entry) for entry in sequence(dataset, keyword)), "")


def _key(entry: Dataset) -> str:
    """Scheme and value, as in Concept; without a designator a DCM code: some devices leave it out.

    Codes of SRT are in capitals; some devices write them small. Others stay: a unit's capitals tell milli from mega.
    """
    stated = encoded(entry, "CodingSchemeDesignator").upper() or "DCM"
    scheme = _SCHEMES.get(stated, stated)
    value = encoded(entry, "CodeValue") or encoded(entry, "LongCodeValue")
    return f"{scheme}:{value.upper() if scheme == 'SRT' else value}"


def _floating(measured: Dataset) -> str:
    """The Floating Point Value (0040,A161), which some devices write alone."""
    try:
        value = measured.get("FloatingPointValue")
        return "" if value is None else repr(float(value))
    except Exception:  # an element that is no number
        return ""
