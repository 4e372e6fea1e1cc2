"""Describes one stored instance as DICOM JSON, without pixels, and finds its frames, in one pass over its header.

Own code, and no library's objects: a value that a library cannot parse would lose the whole instance, and a header of
four hundred attributes takes a millisecond. Text is UTF-8, so the character set that is stated is ISO_IR 192. Bytes of
more than ``INLINE`` are left where they are: ``BulkDataURI``, relative to the series. Source: DICOM PS3.18 annex F.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from pydicom.datadict import dictionary_VR, private_dictionary_VR

from adapters.archive.elements import ITEM, ITEM_END, SEQUENCE_END, Element, Reader
from adapters.archive.frames import Frames, Seen
from adapters.archive.source import Stored
from adapters.archive.values import bulk, is_text, value
from adapters.dicom.completeness import UNDEFINED
from adapters.dicom.refusal import Unreadable

INLINE: Final = 1024
"""Bytes of a value that is given in the document."""
MOST_ELEMENTS: Final = 2_000_000
DEEPEST: Final = 50
UNICODE: Final = '"00080005":{"vr":"CS","Value":["ISO_IR 192"]}'
_CHARACTER_SET, _REPRESENTATION, _PIXELS = 0x00080005, 0x00280103, 0x7FE00000
_UIDS: Final = {0x00080016, 0x00080018, 0x0020000D, 0x0020000E}  # it is kept under these, whatever VR is stated
_ICON_PIXELS: Final = 0x7FE00010
_EITHER: Final = {"OB or OW": "OW", "US or OW": "OW", "US or SS or OW": "OW"}


@dataclass
class Described:
    """``document``: the JSON object; ``said``: the attributes that were asked for, as JSON objects by tag.

    ``frames``: None where there are no pixels; ``problem``: why they were not found where there are.
    """

    document: str
    said: dict[str, Any]
    frames: Frames | None = None
    problem: str | None = None


@dataclass
class _Level:
    """What holds in a data set or an item: its character set, the signs of its numbers, whose its private tags are."""

    explicit: bool
    declared: list[str]
    signed: bool
    path: str
    creators: dict[int, str] = field(default_factory=dict)


def describe(stored: Stored, uri: str, wanted: Collection[int]) -> Described:
    """Describe an open instance. ``uri``: before each ``BulkDataURI``; ``wanted``: tags to answer in ``said``.

    Raises Unreadable: its elements do not follow each other.
    """
    writer = _Writer(stored, wanted)
    level = _Level(stored.explicit, [], False, uri)
    members = [UNICODE, *writer.members(level, stored.start, stored.source.size, 0)]
    described = Described(f"{{{','.join(members)}}}", writer.said)
    try:
        described.frames = writer.seen.frames()
    except Unreadable as lost:
        described.problem = str(lost)
    return described


class _Writer:
    """Writes one instance."""

    def __init__(self, stored: Stored, wanted: Collection[int]) -> None:
        self._stored, self._reader = stored, Reader(stored)
        self._source, self._wanted = stored.source, wanted
        self.seen = Seen(self._reader, stored)
        self.said: dict[str, Any] = {}
        self._left = MOST_ELEMENTS
        self._ended_at = 0

    def members(self, level: _Level, at: int, end: int, depth: int) -> list[str]:
        """Those of a data set or an item, which ends there or with its delimiter; ``_ended_at`` says where."""
        found: list[str] = []
        while at + 8 <= end:
            element = self._reader.element(at, level.explicit)
            if element.tag == ITEM_END:
                at = element.at
                break
            self._left -= 1
            if self._left < 0:
                raise Unreadable(f"it has more than {MOST_ELEMENTS} attributes")
            goes_on = depth > 0 or self.seen.see(element)
            if not goes_on:
                break
            at = self._member(found, level, element, depth)
            if at > end:
                raise Unreadable("broken: an attribute is longer than what it lies in")
        self._ended_at = at
        return found

    def _member(self, found: list[str], level: _Level, element: Element, depth: int) -> int:
        """Add one attribute; returns where the next begins."""
        tag, name = element.tag, f"{element.tag:08X}"
        if tag & 0xFFFF == 0 or (tag >= _PIXELS and depth == 0) or tag in (_CHARACTER_SET, SEQUENCE_END):
            if tag == _CHARACTER_SET and element.length <= INLINE:
                level.declared = self._raw(element).decode("ascii", "replace").split("\\")
            return self._reader.after(element, level.explicit)
        vr = self._vr(level, element)
        if vr == "SQ":
            text, at = self._sequence(level, element, name, depth)
        elif element.length == UNDEFINED:  # fragments of an icon
            return self._reader.after(element, level.explicit)
        else:
            text, at = self._value(level, element, vr, name), element.at + element.length
        found.append(f'"{name}":{{{text}}}')
        if depth == 0 and tag in self._wanted:
            self.said[name] = json.loads(f"{{{text}}}")
        return at

    def _value(self, level: _Level, element: Element, vr: str, name: str) -> str:
        if element.length > INLINE and not is_text(vr):
            if element.at + element.length > self._source.size:
                raise Unreadable("broken: an attribute is longer than its file")
            return bulk(vr, f"{level.path}{name}")
        raw = self._raw(element)
        if element.tag == _REPRESENTATION and len(raw) == 2:
            level.signed = any(raw)
        if vr == "LO" and element.tag >> 16 & 1 and element.tag & 0xFF00 == 0:
            level.creators[element.tag] = raw.decode("latin-1").strip(" \0")
        return value(vr, raw, level.declared, little=self._stored.little)

    def _raw(self, element: Element) -> bytes:
        return self._source.at(element.at, element.length)

    def _vr(self, level: _Level, element: Element) -> str:
        """As stated, else as the dictionaries have it; what nobody knows is bytes, or a sequence without length."""
        if element.tag in _UIDS:
            return "UI"
        if element.vr not in ("", "UN"):
            return element.vr
        if element.length == UNDEFINED and element.tag != _ICON_PIXELS:
            return "SQ"
        tag = element.tag
        creator = level.creators.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF, "")
        vr = _private(tag, creator) if tag >> 16 & 1 else _public(tag)
        if vr == "US or SS":
            return "SS" if level.signed else "US"
        return _EITHER.get(vr, vr)

    def _sequence(self, level: _Level, element: Element, name: str, depth: int) -> tuple[str, int]:
        """A sequence whose items cannot be read, but which states its length, is given as unknown bytes."""
        try:
            items = self._items(level, element, name, depth)
            return (f'"vr":"SQ","Value":[{",".join(items)}]' if items else '"vr":"SQ"'), self._ended_at
        except Unreadable:
            if element.length == UNDEFINED or self._left < 0:
                raise
            return self._value(level, element, "UN", name), element.at + element.length

    def _items(self, level: _Level, element: Element, name: str, depth: int) -> list[str]:
        if depth >= DEEPEST:
            raise Unreadable(f"broken: more than {DEEPEST} sequences lie within each other")
        explicit = level.explicit and element.vr != "UN"
        at = element.at
        end = self._source.size if element.length == UNDEFINED else at + element.length
        items: list[str] = []
        while at + 8 <= end:
            item = self._reader.element(at, False)
            at = item.at
            if item.tag == SEQUENCE_END and element.length == UNDEFINED:
                self._ended_at = at
                return items
            if item.tag != ITEM:
                raise Unreadable("broken: a sequence holds something else than items")
            inner = _Level(explicit, level.declared, level.signed, f"{level.path}{name}/{len(items) + 1}/")
            until = end if item.length == UNDEFINED else at + item.length
            if until > end:
                raise Unreadable("broken: an item is longer than its sequence")
            items.append(f"{{{','.join(self.members(inner, at, until, depth + 1))}}}")
            at = self._ended_at if item.length == UNDEFINED else until
        if element.length == UNDEFINED or at != end:
            raise Unreadable("broken: a sequence does not end")
        self._ended_at = at
        return items


@lru_cache(10_000)
def _public(tag: int) -> str:
    if 0x0010 <= tag & 0xFFFF <= 0x00FF and tag >> 16 & 1:
        return "LO"
    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return "UN"


@lru_cache(10_000)
def _private(tag: int, creator: str) -> str:
    if 0x0010 <= tag & 0xFFFF <= 0x00FF:
        return "LO"  # PS3.5 7.8.1: whose the block is
    try:
        return str(private_dictionary_VR(tag, creator)) if creator else "UN"
    except KeyError:
        return "UN"
