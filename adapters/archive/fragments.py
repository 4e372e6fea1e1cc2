"""Says which fragments of encapsulated pixel data make up which frame: by its tables where they are right.

Where there is no table, or it contradicts the fragments, they are told apart by their number or by the markers with
which a JPEG or JPEG 2000 image begins and ends. What cannot be told is refused, never guessed. Source: DICOM PS3.5 A.4;
PS3.3 C.7.6.3.1.8 (extended offset table); ISO/IEC 10918-1 B.1.1.3, 15444-1 A.2 (markers).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from adapters.archive.elements import ITEM, SEQUENCE_END, Reader
from adapters.archive.source import Source
from adapters.dicom.completeness import UNDEFINED
from adapters.dicom.refusal import Unreadable

_BEGIN: Final = (b"\xff\xd8\xff", b"\xff\x4f\xff")  # of an image: JPEG and JPEG-LS, JPEG 2000
_END: Final = b"\xff\xd9"
_TAIL: Final = 10  # bytes in which the end is sought: some writers pad with more than one
Piece = tuple[int, ...]
"""A frame: offset and length of each of its fragments, in turn."""


class Fragment(NamedTuple):
    """``tag_at``: where its item begins; ``at``, ``length``: where its bytes are."""

    tag_at: int
    at: int
    length: int


@dataclass(frozen=True)
class Tables:
    """What the data set states of where frames begin, from the first fragment on, and how long they are."""

    starts: Sequence[int] = ()
    lengths: Sequence[int] = ()


def fragments_at(reader: Reader, at: int) -> list[Fragment]:
    """All items of pixel data, the basic offset table first. Raises Unreadable."""
    found: list[Fragment] = []
    while True:
        item = reader.element(at, False)
        if item.tag == SEQUENCE_END:
            return found
        if item.tag != ITEM or item.length == UNDEFINED:
            raise Unreadable("broken: its pixel data hold something else than fragments")
        found.append(Fragment(at, item.at, item.length))
        at = item.at + item.length
        # An odd length is against PS3.5 A.4: the byte that makes it even is there, or is not.
        if item.length % 2 and not reader.begins_item(at) and reader.begins_item(at + 1):
            at += 1


def basic_table(source: Source, table: Fragment, fragments: int, *, little: bool) -> Tables:
    """The basic offset table, if there can be one of that length."""
    if table.length % 4 or table.length // 4 > fragments + 1:
        return Tables()
    data = source.at(table.at, table.length)
    return Tables(struct.unpack(f"{'<' if little else '>'}{table.length // 4}L", data))


def frames_of(source: Source, fragments: Sequence[Fragment], count: int, tables: Sequence[Tables]) -> list[Piece]:
    """The frames, ``count`` of them, of at least one fragment. ``tables``: to be believed in this order.

    Raises Unreadable.
    """
    for table in tables:
        if frames := _by_table(fragments, count, table):
            return frames
    if len(fragments) < count:
        raise Unreadable(f"broken: it states {count} frames and holds {len(fragments)} fragments")
    if count == 1:
        return [_piece(fragments)]
    if len(fragments) == count:
        return [_piece([fragment]) for fragment in fragments]
    return _by_markers(source, fragments, count)


def _by_table(fragments: Sequence[Fragment], count: int, table: Tables) -> list[Piece]:
    """None where the table is empty, or contradicts the fragments; entries too many are passed over."""
    starts = list(table.starts[:count])
    if len(starts) < count:
        return []
    places = {fragment.tag_at - fragments[0].tag_at: place for place, fragment in enumerate(fragments)}
    begins = [places.get(start, -1) for start in starts]
    if begins[0] != 0 or any(one >= other for one, other in pairwise(begins)):
        return []
    until = [*begins[1:], len(fragments)]
    frames = [_piece(fragments[first:last]) for first, last in zip(begins, until, strict=True)]
    if len(table.lengths) < count or len(fragments) != count:
        return frames
    return [(at, min(length, stated)) for (at, length), stated in zip(frames, table.lengths, strict=False)]


def _by_markers(source: Source, fragments: Sequence[Fragment], count: int) -> list[Piece]:
    """Raises Unreadable where neither the beginnings nor the ends make that many frames."""
    heads = [source.at(one.at, min(3, one.length)) in _BEGIN for one in fragments]
    ends = [_END in source.at(one.at + max(0, one.length - _TAIL), min(_TAIL, one.length)) for one in fragments]
    for begins in (heads, [True, *ends[:-1]]):
        at = [place for place, first in enumerate(begins) if first]
        if at[:1] == [0] and len(at) == count and all(_begins(source, fragments[first]) for first in at):
            until = [*at[1:], len(fragments)]
            return [_piece(fragments[first:last]) for first, last in zip(at, until, strict=True)]
    raise Unreadable(f"its {len(fragments)} fragments cannot be told apart into {count} frames: it has no offset table")


def _begins(source: Source, fragment: Fragment) -> bool:
    """Whether an image begins in it."""
    return source.at(fragment.at, min(2, fragment.length)) in (b"\xff\xd8", b"\xff\x4f")


def _piece(fragments: Sequence[Fragment]) -> Piece:
    return tuple(number for fragment in fragments for number in (fragment.at, fragment.length))
