"""Finds the bytes that a metadata document leaves out, by the path in their ``BulkDataURI``.

``00091010``, or within sequences ``00081140/1/00091010``: tag, number of the item from 1 on, tag.
"""

import re
from pathlib import Path
from typing import Final

from adapters.archive.elements import Element, Reader
from adapters.archive.source import CUT_OFF, Stored, opened
from adapters.archive.values import turned, width
from adapters.dicom.bounds import UNBOUNDED, Most
from adapters.dicom.completeness import UNDEFINED
from adapters.dicom.refusal import Unreadable

PATH: Final = re.compile(r"[0-9A-F]{8}(?:/[1-9][0-9]{0,6}/[0-9A-F]{8})*")


class NoBulk(LookupError):
    """The instance has no such value."""


def read_bulk(path: Path, where: str, most: Most = UNBOUNDED) -> bytes:
    """The value at a path within an instance, in little endian. Raises NoBulk, Unreadable, OSError."""
    with opened(path, most) as stored:
        found = _find(stored, where)
        data = stored.source.whole(found.at, found.length)
        return data if stored.little else turned(data, width(found.vr))


def place_of_bulk(path: Path, where: str, most: Most = UNBOUNDED) -> tuple[int, int] | None:
    """Where the value begins in the file, and its length; None where it is not stored as it is given out.

    Raises NoBulk, Unreadable, OSError.
    """
    with opened(path, most) as stored:
        found = _find(stored, where)
        if found.at + found.length > stored.source.size:
            raise Unreadable(CUT_OFF)
        as_stored = not stored.deflated and (stored.little or width(found.vr) == 1)
        return (found.at, found.length) if as_stored else None


def _find(stored: Stored, where: str) -> Element:
    """Raises NoBulk, Unreadable."""
    if not PATH.fullmatch(where):
        raise NoBulk("a path of bulk data is a tag, or tag/item/tag")
    reader, explicit = Reader(stored), stored.explicit
    at, end = stored.start, stored.source.size
    first, *steps = where.split("/")
    found = _element(reader, at, end, explicit, first)
    for number, tag in zip(steps[::2], steps[1::2], strict=True):
        items = reader.items(found, explicit)
        at, end = next((span for place, span in enumerate(items, 1) if place == int(number)), (0, 0))
        explicit = explicit and found.vr != "UN"
        found = _element(reader, at, end, explicit, tag)
    if found.length == UNDEFINED:
        raise NoBulk(f"{where} is no value of bytes")
    return found


def _element(reader: Reader, at: int, end: int, explicit: bool, tag: str) -> Element:
    wanted = int(tag, 16)
    for element in reader.elements(at, end, explicit):
        if element.tag == wanted:
            return element
    raise NoBulk(f"it has no value {tag}")
