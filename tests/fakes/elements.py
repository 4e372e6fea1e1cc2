"""DICOM elements written byte by byte: what pydicom would not write, at depths that it cannot."""

import struct

LONG = {b"SQ", b"UN", b"UT", b"OB"}
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = (struct.pack("<HH", 0xFFFE, number) for number in (0xE000, 0xE00D, 0xE0DD))


def element(tag: int, vr: bytes, value: bytes | str, *, length: int | None = None) -> bytes:
    """In explicit VR little endian; ``length``: what it says of itself, true or not."""
    raw = value.encode() if isinstance(value, str) else value
    raw += (b"\0" if vr == b"UI" else b" ") * (len(raw) % 2)
    size = len(raw) if length is None else length
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    return head + (struct.pack("<HL", 0, size) if vr in LONG else struct.pack("<H", size)) + raw


def sequence(tag: int, *items: bytes, stated: bool = True) -> bytes:
    """A sequence of items; ``stated``: with their lengths, else with delimiters."""
    if stated:
        body = b"".join(ITEM + struct.pack("<L", len(item)) + item for item in items)
        return element(tag, b"SQ", body)
    end = struct.pack("<L", 0)
    body = b"".join(ITEM + struct.pack("<L", UNDEFINED) + item + ITEM_END + end for item in items)
    return element(tag, b"SQ", body + SEQUENCE_END + end, length=UNDEFINED)


def code(value: str, scheme: str = "DCM", meaning: str = "meaning") -> bytes:
    """The elements of a coded entry."""
    return element(0x00080100, b"SH", value) + element(0x00080102, b"SH", scheme) + element(0x00080104, b"LO", meaning)


def item(concept: str, kind: str, value: bytes = b"", *below: bytes, stated: bool = True) -> bytes:
    """A content item, its value's elements, and the items below it."""
    named = sequence(0x0040A043, code(concept), stated=stated)
    content = sequence(0x0040A730, *below, stated=stated) if below else b""
    return element(0x0040A040, b"CS", kind) + named + value + content


def number(concept: str, text: str, unit: str, *, stated: bool = True) -> bytes:
    """A NUM item."""
    units = sequence(0x004008EA, code(unit, "UCUM"), stated=stated)
    value = sequence(0x0040A300, units + element(0x0040A30A, b"DS", text), stated=stated)
    return item(concept, "NUM", value, stated=stated)


def document(*content: bytes, stated: bool = True) -> bytes:
    """The data set of an X-ray dose report."""
    head = (
        element(0x00080016, b"UI", "1.2.840.10008.5.1.4.1.1.88.67")
        + element(0x00080018, b"UI", "2.25.100")
        + element(0x0020000D, b"UI", "2.25.200")
    )
    title = element(0x0040A040, b"CS", "CONTAINER") + sequence(0x0040A043, code("113701"), stated=stated)
    return head + title + sequence(0x0040A730, *content, stated=stated)
