"""Reads a structured report whole, from its bytes: its header, as of any instance, and its content tree.

pydicom would make an object of every element at every depth, most of which nobody reads.
"""

from typing import Final, NamedTuple

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from adapters.dicom.attributes import ATTRIBUTES, BULK, readable
from adapters.dicom.bounds import MIB, UNBOUNDED, Most
from adapters.dicom.completeness import Stream
from adapters.dicom.rdsr.elements import UNDEFINED, Broken, Elements, Places
from adapters.dicom.rdsr.tree import Tree
from adapters.dicom.refusal import TooLarge, Unreadable

_HEAD: Final = 8  # bytes of a tag, and a VR or a length
_FIRST: Final = {b"UL", b"CS", b"DA", b"TM", b"UI", b"SH", b"LO"}  # of the elements with which a data set begins


class Structured(NamedTuple):
    """A report. ``header``: its attributes that are read of every instance, as pydicom has them."""

    header: Dataset
    tree: Tree


def read_structured(stream: Stream, end: int, transfer_syntax: str, most: Most = UNBOUNDED) -> Structured:
    """The data set from the stream's position to ``end``; what follows pixels is not read.

    Raises Unreadable if the bytes are no data set, or end too early; TooLarge. Damage within a sequence raises nothing:
    the tree says where it met some.
    """
    with readable(stream, end, transfer_syntax, most) as (plain, until, implicit, little):
        size = until - plain.tell()
        data = plain.read(max(0, min(size, most.header_mib * MIB)))
    implicit = implicit and data[4:6] not in _FIRST
    elements = Elements(data, implicit=implicit, little=little)
    try:
        top = _top(elements)
    except Broken:
        if len(data) < size:
            raise TooLarge(f"more than {most.header_mib} MiB before the pixels (KRYPTON_DICOM_HEADER_MIB)") from None
        raise Unreadable("broken: it is cut off, bytes are missing at its end") from None
    if not top:
        raise Unreadable("broken: its dataset cannot be parsed")
    return Structured(_header(elements, top, implicit=implicit), Tree(elements, top))


def _top(elements: Elements) -> Places:
    """The elements of the data set, up to the pixels. Raises Broken."""
    found: Places = {}
    at, end = 0, len(elements.data)
    while end - at >= _HEAD:
        tag, value, length = elements.element(at)
        if tag >= BULK:
            break
        if length == UNDEFINED:
            stop, at = elements.to_delimiter(value, end)
        else:
            at = stop = value + length
        if at > end:
            raise Broken
        found.setdefault(tag, (value, stop))
    return found


def _header(elements: Elements, top: Places, *, implicit: bool) -> Dataset:
    """What ``attributes.read_instance`` reads, in pydicom's form."""
    dataset = Dataset()
    for tag in ATTRIBUTES:
        if place := top.get(int(tag)):
            start, stop = place
            raw = elements.data[start:stop]
            dataset[tag] = RawDataElement(BaseTag(tag), None, len(raw), raw, start, implicit, elements.little)
    return dataset
