"""Identifiers: the small data sets of queries and their answers, read and written as DICOM JSON.

Read by the archive's own reader, which is bounded and breaks off at nothing that a peer writes. Written in UTF-8 and in
little endian, in explicit or implicit VR. Source: DICOM PS3.5 7.1, PS3.18 annex F.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.archive.document import describe
from adapters.archive.source import Source, Stored
from adapters.dicom.network.contexts import EXPLICIT
from adapters.dicom.refusal import Unreadable
from adapters.dicom.values import is_uid

Attributes = dict[str, Any]
"""DICOM JSON: attributes by tag."""
UTF_8: Final = "ISO_IR 192"
CHARACTER_SET: Final = "00080005"
_LONG: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_NUMBERS: Final = {"FL": "f", "FD": "d", "SL": "l", "SS": "h", "UL": "L", "US": "H"}
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_ITEM, _UNDEFINED = 0xFFFEE000, 0xFFFFFFFF


def read(data: bytes, syntax: str) -> Attributes:
    """The attributes of an identifier, those without a value among them. Raises Unreadable."""
    source = Source(lambda offset, count: data[offset : offset + count], len(data))
    document = describe(Stored(source, 0, syntax, syntax == EXPLICIT, True, False), "", ()).document
    attributes = json.loads(document)
    if not isinstance(attributes, dict):
        raise Unreadable("an identifier that is no data set")
    return attributes


def write(attributes: Mapping[str, Any], syntax: str) -> bytes:
    """A data set of these attributes. What a VR cannot hold is left without a value."""
    return _data_set(attributes, explicit=syntax == EXPLICIT)


def _data_set(attributes: Mapping[str, Any], *, explicit: bool) -> bytes:
    return b"".join(_element(int(tag, 16), attributes[tag], explicit=explicit) for tag in sorted(attributes))


def _element(tag: int, attribute: Mapping[str, Any], *, explicit: bool) -> bytes:
    vr = str(attribute.get("vr", "UN"))
    value = _value(vr, attribute.get("Value", ()), explicit=explicit)
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack("<L", len(value)) + value
    if vr in _LONG:
        return head + vr.encode() + struct.pack("<HL", 0, len(value)) + value
    if len(value) > 0xFFFE:
        value = b""
    return head + vr.encode() + struct.pack("<H", len(value)) + value


def _value(vr: str, values: Sequence[Any], *, explicit: bool) -> bytes:
    if vr == "SQ":
        return b"".join(_item(one, explicit=explicit) for one in values if isinstance(one, Mapping))
    if vr in _NUMBERS:
        return _packed(_NUMBERS[vr], values)
    if vr == "AT":
        tags = [int(one, 16) for one in values if isinstance(one, str)]
        return b"".join(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in tags)
    return "\\".join(_text(vr, one) for one in values).encode()


def _packed(code: str, values: Sequence[Any]) -> bytes:
    try:
        return struct.pack(f"<{len(values)}{code}", *values)
    except struct.error:
        return b""


def _item(attributes: Mapping[str, Any], *, explicit: bool) -> bytes:
    body = _data_set(attributes, explicit=explicit)
    return struct.pack("<HHL", _ITEM >> 16, _ITEM & 0xFFFF, len(body)) + body


def _text(vr: str, value: Any) -> str:
    if value is None:
        return ""
    if vr == "PN" and isinstance(value, Mapping):
        return "=".join(str(value.get(group, "")) for group in _GROUPS).rstrip("=")
    return str(value) if not isinstance(value, float) else f"{value:.10g}"


def one(attributes: Mapping[str, Any], tag: str) -> str:
    """The key of an attribute as text, its values separated by backslashes; empty where it has none."""
    values = attributes.get(tag, {}).get("Value", ())
    return "\\".join(_text("PN" if isinstance(each, Mapping) else "", each) for each in values).strip()


def uids(attributes: Mapping[str, Any], tag: str) -> list[str]:
    """The UIDs of an attribute. Raises Unreadable: one of them is none."""
    found = [str(each) for each in attributes.get(tag, {}).get("Value", ()) if each]
    if not all(is_uid(each) for each in found):
        raise Unreadable("a unique key is one UID, or a list of UIDs")
    return list(dict.fromkeys(found))


def of_uids(found: Sequence[str], tag: str) -> Attributes:
    """An identifier that lists UIDs."""
    return {tag: {"vr": "UI", "Value": list(found)}}
