"""Takes single values of a data set as encoded, tolerating any damage.

Nothing here raises because of a device's data: what is absent, empty or broken reads as None or as empty text. Numbers
and UIDs are taken as encoded, before pydicom turns them into floats.
"""

import re
from datetime import datetime

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from adapters.dicom.charsets import decode
from domain.texts import plain

LONGEST = 1024
"""Longest text that is kept: DICOM allows 64 characters for most (PS3.5 6.2), but some vendors exceed that by far."""
_BINARY = ("FD", "FL", "US", "UL")
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)
_LONGEST_UID = 64
_ODD_DATE_TIME = re.compile(
    r"(\d{4}-?\d\d-?\d\d)(?:[T ]?(\d\d:?\d\d)(?::?(\d\d))?[.,]?(\d{1,6})?\d*)? ?([+-]\d\d:?\d\d|Z)?", re.ASCII
)
_DATE_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)?(\d\d)?(\.\d{1,6})?)?([+-]\d{4})?", re.ASCII)


def sequence(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence attribute; none where it is absent, empty or cannot be parsed."""
    try:
        value = dataset.get(keyword)
    except Exception:  # pydicom raises many kinds of error for a broken element
        return []
    return list(value) if isinstance(value, Sequence) else []


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
        return plain(as_text(value))[:LONGEST]
    if isinstance(value, MultiValue | list):
        value = "\\".join(str(part) for part in value)
    return plain(str(value))[:LONGEST]


def text_in(dataset: Dataset, keyword: str) -> str | None:
    """A text attribute in the data set's character set; None where it is absent or empty."""
    element = dataset.get_item(keyword)
    if element is None or not isinstance(element.value, bytes):
        return encoded(dataset, keyword) or None
    declared = encoded(dataset, "SpecificCharacterSet").split("\\")
    return plain(decode(element.value, declared))[:LONGEST] or None


def number_in(dataset: Dataset, keyword: str) -> str:
    """A number as text: as encoded where it is text, else the shortest that stands for the binary number."""
    if dictionary_VR(keyword) not in _BINARY:
        return encoded(dataset, keyword)
    try:
        value = dataset.get(keyword)
        return "" if value is None or value == "" else f"{value:.15g}"
    except Exception:  # pydicom raises many kinds of error for a broken element
        return ""


def as_text(raw: bytes) -> str:
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
