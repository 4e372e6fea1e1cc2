"""Walks the content tree of a structured report (PS3.3 C.17.3), tolerating any damage.

Nothing here raises because of a device's data: an item that is absent, empty or broken reads as None or as empty text,
so one bad item never loses the report. Numbers and UIDs are taken as encoded, before pydicom turns them into floats,
because the ledger keeps the encoded text with each dose.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from domain.texts import plain

# A concept is every spelling of its code as "scheme:value", because SNOMED codes come in the retired SRT
# style, too.
Concept = tuple[str, ...]
# Other designators of SRT (PS3.16 section 8).
_SCHEMES = {"SNM3": "SRT", "99SDM": "SRT"}
LONGEST = 1024
"""Longest text that is kept: DICOM allows 64 characters for most (PS3.5 6.2), but some vendors exceed that by far."""
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)
_LONGEST_UID = 64
_ODD_DATE_TIME = re.compile(
    r"(\d{4}-?\d\d-?\d\d)(?:[T ]?(\d\d:?\d\d)(?::?(\d\d))?[.,]?(\d{1,6})?\d*)? ?([+-]\d\d:?\d\d|Z)?", re.ASCII
)
_DATE_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)?(\d\d)?(\.\d{1,6})?)?([+-]\d{4})?", re.ASCII)


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


def sequence(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence attribute; none where it is absent, empty or cannot be parsed."""
    try:
        value = dataset.get(keyword)
    except Exception:  # pydicom raises many kinds of error for a broken element
        return []
    return list(value) if isinstance(value, Sequence) else []


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


def text_in(dataset: Dataset, keyword: str) -> str | None:
    """A text attribute in the report's character set; None where it is absent, empty or cannot be decoded."""
    try:
        value = dataset.get(keyword)
    except Exception:  # an unknown character set, an undecodable text
        return None
    text = _utf8_read_as_latin1(str(value)) if value is not None else ""
    return plain(text)[:LONGEST] or None


def _utf8_read_as_latin1(text: str) -> str:
    """The text that was meant, where UTF-8 was stored under a declared ISO_IR 100; any other text unchanged.

    Latin-1 text whose accented letters happen to be well-formed UTF-8 ("Ã©" for "é") is not a word in any
    language.
    """
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def encoded(dataset: Dataset, keyword: str) -> str:
    """An attribute's text as encoded, without padding; empty where it is absent, empty or broken.

    A control character within reads as a space, which makes no number and no UID of it. Several values keep their
    backslash, so a number that should be single reads as no number.
    """
    try:
        element = dataset.get_item(keyword)
    except Exception:  # a deferred element that cannot be read any more
        return ""
    value = None if element is None else element.value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return plain(_as_text(value))[:LONGEST]
    if isinstance(value, MultiValue | list):
        value = "\\".join(str(part) for part in value)
    return plain(str(value))[:LONGEST]


def _as_text(raw: bytes) -> str:
    """Text that should be ASCII, such as a unit; a micro sign in it is Latin-1 or UTF-8, whatever was declared."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def is_uid(text: str) -> bool:
    """Whether the text can be a UID (PS3.5 9.1): numbers with a dot between. A zero before a number is let pass."""
    return len(text) <= _LONGEST_UID and _UID.fullmatch(text) is not None


def moment(text: str) -> tuple[str | None, str | None]:
    """A DT text as ``iso`` has it, and what was odd about it; in that case the date is kept, and the surest time.

    Seen: a fraction without its point, ISO 8601, a second of 60, an hour that no day has.
    """
    text = text.strip()
    if not text or (read := iso(text)):
        return iso(text), None
    day = _ODD_DATE_TIME.fullmatch(text)
    if day is None:
        return None, "date-time not understood"
    date, minute, second, fraction, zone = (
        re.sub("[-:]" if n == 0 else ":", "", g or "") for n, g in enumerate(day.groups())
    )
    zone = zone.replace("Z", "+0000")
    tries = {
        f"{date}{minute}{second}.{fraction}{zone}": "read as it was meant",
        f"{date}{minute}{second}{zone}": "read as it was meant",
        f"{date}{minute}{zone}": "kept to the minute",
        date: "the date alone was kept",
    }
    found = ((read, said) for tried, said in tries.items() if (read := iso(tried)))
    return next(((read, f"date-time odd, {said}") for read, said in found), (None, "date-time not understood"))


def iso(text: str) -> str | None:
    """A DT text in ISO 8601, in the precision and with the offset that were encoded, no zone invented.

    None where it is not a whole and valid date, with or without a time: a year alone places no exposure.
    """
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    written = f"{year}-{month}-{day}"
    if hour:
        written += f"T{hour}" + (f":{minute}" if minute else "") + (f":{second}{fraction or ''}" if second else "")
        written += f"{zone[:3]}:{zone[3:]}" if zone else ""
    try:
        datetime.fromisoformat(written)  # the 31st of June is refused here
    except ValueError:
        return None
    return written
