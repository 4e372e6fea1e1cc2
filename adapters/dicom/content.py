"""Compares what two data sets of one SOP instance say, whatever their transfer syntaxes.

An archive that sends an instance on may write it in another transfer syntax: the same content, other bytes. Elements
are compared as little-endian bytes without padding; lengths of groups and sequences say nothing. Pixels in different
encodings cannot be compared without decoding them: then all else decides.
Standard: DICOM PS3.5 section 7 (data sets), 6.2 (padding), annex A (transfer syntaxes).
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from adapters.dicom.attributes import BULK, metered_if_large, readable
from adapters.dicom.bounds import UNBOUNDED, Most
from adapters.dicom.completeness import UNDEFINED, Stream
from adapters.dicom.refusal import TooLarge, Unreadable

_WIDTHS: Final = {
    **dict.fromkeys(("US", "SS", "OW", "AT"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OF", "OL"), 4),
    **dict.fromkeys(("FD", "OD", "SV", "UV", "OV"), 8),
}
_PADDING: Final = 0xFFFCFFFC  # Data Set Trailing Padding
_OF_THE_ENCODING: Final = {"PixelData", "PhotometricInterpretation", "PlanarConfiguration"}
_CHUNK: Final = 8 * 1024 * 1024  # bytes; a multiple of every width


@dataclass(frozen=True)
class Content:
    """What a data set says: a digest per attribute of its top level. ``encapsulated``: its pixels are compressed."""

    said: dict[str, bytes]
    encapsulated: bool


def content_of(stream: Stream, offset: int, end: int, transfer_syntax: str, most: Most = UNBOUNDED) -> Content:
    """The content of a data set. Raises Unreadable, TooLarge."""
    stream.seek(offset)
    with readable(stream, end, transfer_syntax, most) as (plain, until, implicit, little):
        return _content(plain, until, implicit, little, most)


def _content(stream: Stream, end: int, implicit: bool, little: bool, most: Most) -> Content:
    bulk: list[tuple[str | None, int, int]] = []

    def stop(tag: int, vr: str | None, length: int) -> bool:
        if tag >= BULK:
            bulk.append((vr, length, stream.tell()))
        return tag >= BULK

    try:
        dataset = read_dataset(metered_if_large(stream, end, most), implicit, little, stop_when=stop)
        said = {_name(tag): _digest(dataset, tag).digest() for tag in list(dataset.keys()) if _says(tag)}
    except TooLarge:
        raise
    except Exception as broken:  # pydicom raises many kinds of error for a broken data set
        raise Unreadable(f"broken: its dataset cannot be parsed ({type(broken).__name__})") from None
    for vr, _, start in bulk:
        width = 1 if little else _WIDTHS.get(vr or "", 1)
        said["PixelData"] = _pixels(stream, start, end, width)
    return Content(said, any(length == UNDEFINED for _, length, _ in bulk))


def differing(one: Content, other: Content) -> list[str]:
    """Keywords of the attributes that differ, sorted; empty where both say the same."""
    passed_over = _OF_THE_ENCODING if one.encapsulated or other.encapsulated else frozenset[str]()
    if one.encapsulated and other.encapsulated and one.said.get("PixelData") == other.said.get("PixelData"):
        passed_over = frozenset()
    names = (one.said.keys() | other.said.keys()) - passed_over
    return sorted(name for name in names if one.said.get(name) != other.said.get(name))


def _says(tag: BaseTag) -> bool:
    """A group's length and padding say nothing."""
    return bool(tag.element != 0 and tag != _PADDING)


def _name(tag: BaseTag) -> str:
    return keyword_for_tag(tag) or f"({tag.group:04X},{tag.element:04X})"


def _digest(dataset: Dataset, tag: BaseTag) -> "hashlib._Hash":
    element = dataset.get_item(tag)
    digest = hashlib.sha256()
    if _is_sequence(tag, element):
        value = dataset[tag].value
        for item in value if isinstance(value, Sequence) else ():
            digest.update(b"item")
            for inner in sorted(item.keys()):
                if _says(inner):
                    digest.update(inner.to_bytes(4, "big") + _digest(item, inner).digest())
        return digest
    raw = element.value if isinstance(element, RawDataElement) else str(getattr(element, "value", "")).encode()
    if isinstance(element, RawDataElement) and not element.is_little_endian:
        raw = _swapped(raw or b"", _WIDTHS.get(element.VR or "", 1))
    digest.update((raw or b"").rstrip(b" \0"))
    return digest


def _is_sequence(tag: BaseTag, element: object) -> bool:
    vr = getattr(element, "VR", None)
    if vr is None:
        try:
            vr = dictionary_VR(tag)
        except KeyError:  # a private attribute in implicit VR: bytes
            return False
    return bool(vr == "SQ")


def _swapped(raw: bytes, width: int) -> bytes:
    """The same numbers in little endian."""
    if width == 1 or len(raw) % width:
        return raw
    swapped = bytearray(len(raw))
    for place in range(width):
        swapped[place::width] = raw[width - 1 - place :: width]
    return bytes(swapped)


def _pixels(stream: Stream, start: int, end: int, width: int) -> bytes:
    digest = hashlib.sha256()
    stream.seek(start)
    left = end - start
    while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
        digest.update(_swapped(chunk, width))
        left -= len(chunk)
    return digest.digest()
