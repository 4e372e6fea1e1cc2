"""Structured reports as trees of elements, written in any encoding, apart from the product's reader and pydicom's."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LONG: Final = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
WIDTHS: Final = {**dict.fromkeys((b"US", b"SS", b"OW"), 2), **dict.fromkeys((b"UL", b"SL", b"FL"), 4), b"FD": 8}
UNDEFINED: Final = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
CONTENT, CONCEPT, CODES, MEASURED, UNITS = 0x0040A730, 0x0040A043, 0x0040A168, 0x0040A300, 0x004008EA
NUMBER, UID, VALUE_TYPE = 0x0040A30A, 0x0040A124, 0x0040A040
CODE, SCHEME, MEANING, LONG_CODE = 0x00080100, 0x00080102, 0x00080104, 0x00080119
Entry = list["Element"]


@dataclass
class Element:
    """``items``: of a sequence; else ``value``, as it stands in explicit VR little endian."""

    tag: int
    vr: bytes
    value: bytes = b""
    items: list[Entry] | None = None


def parse(data: bytes, start: int = 0, end: int | None = None) -> Entry:
    """The elements of a whole explicit little endian data set."""
    found, at = _entry(data, start, len(data) if end is None else end)
    return found


def _entry(data: bytes, at: int, end: int) -> tuple[Entry, int]:
    found: Entry = []
    while at < end:
        group, number, vr, length = struct.unpack_from("<HH2sH", data, at)
        tag, at = group << 16 | number, at + 8
        if tag == ITEM_END:
            return found, at
        if vr in LONG:
            (length,) = struct.unpack_from("<L", data, at)
            at += 4
        if vr == b"SQ":
            items, at = _items(data, at, UNDEFINED if length == UNDEFINED else at + length)
            found.append(Element(tag, vr, items=items))
        else:
            found.append(Element(tag, vr, data[at : at + length]))
            at += length
    return found, at


def _items(data: bytes, at: int, end: int) -> tuple[list[Entry], int]:
    found: list[Entry] = []
    while at < end:
        group, number, length = struct.unpack_from("<HHL", data, at)
        at += 8
        if group << 16 | number == SEQUENCE_END:
            break
        entry, at = _entry(data, at, len(data) if length == UNDEFINED else at + length)
        found.append(entry)
    return found, at


@dataclass(frozen=True)
class Encoding:
    """How a tree is written. ``stated``: with lengths, else with delimiters."""

    implicit: bool = False
    little: bool = True
    stated: bool = True

    def write(self, entry: Entry) -> bytes:
        """The data set."""
        return b"".join(map(self._element, entry))

    def _element(self, one: Element) -> bytes:
        value = one.value
        if one.items is not None:
            value = b"".join(map(self._item, one.items)) + (b"" if self.stated else self._tag(SEQUENCE_END, 0))
        elif not self.little and (width := WIDTHS.get(one.vr)):
            value = b"".join(value[n : n + width][::-1] for n in range(0, len(value), width))
        value += (b"\0" if one.vr == b"UI" else b" ") * (len(value) % 2)
        size = len(value) if self.stated or one.items is None else UNDEFINED
        order = "<" if self.little else ">"
        head = struct.pack(f"{order}HH", one.tag >> 16, one.tag & 0xFFFF)
        if self.implicit:
            return head + struct.pack(f"{order}L", size) + value
        if one.vr in LONG:
            return head + one.vr + struct.pack(f"{order}HL", 0, size) + value
        return head + one.vr + struct.pack(f"{order}H", size) + value

    def _item(self, entry: Entry) -> bytes:
        body = self.write(entry)
        if self.stated:
            return self._tag(ITEM, len(body)) + body
        return self._tag(ITEM, UNDEFINED) + body + self._tag(ITEM_END, 0)

    def _tag(self, tag: int, length: int) -> bytes:
        return struct.pack("<HHL" if self.little else ">HHL", tag >> 16, tag & 0xFFFF, length)


def of(entry: Entry, tag: int) -> Element | None:
    """An element of a data set or item."""
    return next((one for one in entry if one.tag == tag), None)


def items(entry: Entry, tag: int) -> list[Entry]:
    """The items of one of its sequences."""
    return (one.items or []) if (one := of(entry, tag)) else []


def text(entry: Entry, tag: int) -> str:
    """A value as text."""
    return one.value.decode("latin-1").strip(" \0") if (one := of(entry, tag)) else ""


def put(entry: Entry, tag: int, vr: bytes, value: str) -> None:
    """A value in its place."""
    entry[:] = sorted(
        [*(one for one in entry if one.tag != tag), Element(tag, vr, value.encode())], key=lambda e: e.tag
    )


def concept(entry: Entry) -> str:
    """The code of what a content item states."""
    return next((text(code, CODE) for code in items(entry, CONCEPT)), "")


def below(entry: Entry) -> Iterator[tuple[Entry, Entry]]:
    """Each content item below a data set or item, with the one it is in."""
    for one in items(entry, CONTENT):
        yield one, entry
        yield from below(one)
