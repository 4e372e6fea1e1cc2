"""Writes one value as DICOM JSON has it, whatever a device has put there: a value that is not what its VR asks is kept.

Text is decoded, numbers are in little endian. A number that is none is given as its text; a value of the wrong length
as unknown bytes. Source: DICOM PS3.18 F.2.
"""

import base64
import json
import math
import re
import struct
from collections.abc import Sequence
from typing import Any, Final

from adapters.dicom.charsets import decode

WIDTHS: Final = {"OB": 1, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "UN": 1}
"""VRs of bytes, and how many of them make a word."""
_NUMBERS: Final = {"FL": "f", "FD": "d", "SL": "l", "SS": "h", "UL": "L", "US": "H", "SV": "q", "UV": "Q"}
TEXTS: Final = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM"})
_LONG_TEXTS: Final = frozenset({"UC", "UI", "UR", "UT"})
_ENCODED: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})  # in the declared character set
_SINGLE: Final = frozenset({"LT", "ST", "UR", "UT"})  # a backslash in them separates nothing
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_json: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""Made once: ``json.dumps`` would make one for each value."""
_SAFE: Final = 2**53
"""Beyond this, JSON's readers round whole numbers."""


def is_text(vr: str) -> bool:
    """Whether its value is text, which is given in the document however long it is."""
    return vr in TEXTS or vr in _LONG_TEXTS


def value(vr: str, raw: bytes, declared: Sequence[str], *, little: bool) -> str:
    """The members of the JSON object of an attribute, from its VR on."""
    if is_text(vr):
        return _texts(vr, raw, declared)
    if vr == "AT":
        return _attributes(raw, little=little)
    if vr in _NUMBERS:
        return _numbers(vr, raw, little=little)
    return inline(vr if vr in WIDTHS else "UN", raw, little=little)


def inline(vr: str, raw: bytes, *, little: bool = True) -> str:
    """Bytes as they are, in little endian."""
    if not raw:
        return f'"vr":"{vr}"'
    data = raw if little else turned(raw, WIDTHS.get(vr, 1))
    return f'"vr":"{vr}","InlineBinary":"{base64.b64encode(data).decode("ascii")}"'


def bulk(vr: str, uri: str) -> str:
    """Where the bytes are given out."""
    return f'"vr":"{vr}","BulkDataURI":"{uri}"'


def turned(raw: bytes, word: int) -> bytes:
    """Words in the other byte order; as they are where they are not whole."""
    if word == 1 or len(raw) % word:
        return raw
    other = bytearray(len(raw))
    for place in range(word):
        other[place::word] = raw[word - 1 - place :: word]
    return bytes(other)


def width(vr: str) -> int:
    """How many bytes make one number, or one word, of a VR."""
    if vr in _NUMBERS:
        return struct.calcsize(f"<{_NUMBERS[vr]}")
    return 2 if vr == "AT" else WIDTHS.get(vr, 1)


def _with(vr: str, values: Sequence[Any]) -> str:
    if all(one is None for one in values):
        return f'"vr":"{vr}"'
    return f'"vr":"{vr}","Value":{_json(values)}'


def _texts(vr: str, raw: bytes, declared: Sequence[str]) -> str:
    text = decode(raw, declared) if vr in _ENCODED else raw.decode("latin-1")
    text = text.rstrip(" \0")
    if vr in _SINGLE:
        return _with(vr, [text or None])
    parts = [part.strip(" \0") for part in text.split("\\")]
    if vr in ("DS", "IS"):
        written = [_number(part, whole=vr == "IS") for part in parts]
        return f'"vr":"{vr}","Value":[{",".join(written)}]' if any(parts) else f'"vr":"{vr}"'
    return _with(vr, [_name(part) if vr == "PN" else part or None for part in parts])


def _number(text: str, *, whole: bool) -> str:
    """As JSON writes it: with the digits that it came with, if JSON knows them so; what is no number as text."""
    if _JSON_NUMBER.fullmatch(text) and not (whole and _exceeds(text)) and math.isfinite(float(text)):
        return text
    if _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return repr(int(number) if number.is_integer() and abs(number) <= _SAFE else number)
    return _json(text) if text else "null"


def _exceeds(text: str) -> bool:
    return abs(float(text)) > _SAFE


def _safe(number: int) -> Any:
    return number if -_SAFE <= number <= _SAFE else str(number)


def _name(text: str) -> Any:
    groups = (part.strip(" \0") for part in text.split("="))
    return {name: part for name, part in zip(_GROUPS, groups, strict=False) if part.strip("^")} or None


def _numbers(vr: str, raw: bytes, *, little: bool) -> str:
    code, size = _NUMBERS[vr], width(vr)
    if len(raw) % size:
        return inline("UN", raw)
    found = struct.unpack(f"{'<' if little else '>'}{len(raw) // size}{code}", raw)
    if vr in ("FL", "FD"):
        return _with(vr, [number if math.isfinite(number) else None for number in found])  # JSON has no infinity
    return _with(vr, [_safe(number) for number in found])


def _attributes(raw: bytes, *, little: bool) -> str:
    if len(raw) % 4:
        return inline("UN", raw)
    numbers = struct.unpack(f"{'<' if little else '>'}{len(raw) // 2}H", raw)
    return _with(
        "AT", [f"{group:04X}{element:04X}" for group, element in zip(numbers[::2], numbers[1::2], strict=True)]
    )
