"""The frame index of an instance: where each frame lies in its file, so that one is read without the others.

``index_of`` makes it once, at arrival. Native frames follow each other, of one size; those of one bit per pixel begin
within a byte. Encapsulated ones are fragments. In a deflated file the places are those of the inflated data set.
Source: DICOM PS3.5 8.1, 8.2, A.4; PS3.3 C.7.6.3.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.archive.elements import Element, Reader
from adapters.archive.fragments import Piece, Tables, basic_table, fragments_at, frames_of
from adapters.archive.source import Stored
from adapters.dicom.completeness import UNDEFINED
from adapters.dicom.refusal import Unreadable

PIXELS: Final = {0x7FE00008: "OF", 0x7FE00009: "OD", 0x7FE00010: "OW"}  # tag: its VR, where none is stated
STARTS, LENGTHS = 0x7FE00001, 0x7FE00002  # the extended offset table
SAMPLES, PHOTOMETRIC, FRAMES, ROWS, COLUMNS = 0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011
ALLOCATED: Final = 0x00280100
_SHARED: Final = {"YBR_FULL_422": (2, 3), "YBR_PARTIAL_422": (2, 3), "YBR_PARTIAL_420": (1, 2)}  # C.7.6.3.1.2
_VIDEO: Final = tuple(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))
"""MPEG-2, MPEG-4, HEVC: one stream, whose frames nobody can cut out (PS3.18 10.4.1.1.6)."""
_LONGEST_NUMBER: Final = 16


@dataclass(frozen=True)
class Native:
    """``bits`` of one frame; the first begins at ``at``. ``word``: so many bytes are in big-endian order."""

    at: int
    bits: int
    count: int
    word: int = 1


@dataclass(frozen=True)
class Encapsulated:
    """``pieces``: of each frame the offset and length of each of its fragments, in turn."""

    pieces: tuple[Piece, ...]

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self.pieces)


@dataclass(frozen=True)
class Frames:
    """Of one instance."""

    of: Native | Encapsulated
    deflated: bool = False

    @property
    def count(self) -> int:
        """How many frames there are."""
        return self.of.count

    def document(self) -> dict[str, Any]:
        """As it is stored."""
        native = isinstance(self.of, Native)
        how = [self.of.at, self.of.bits, self.of.count, self.of.word] if isinstance(self.of, Native) else self.of.pieces
        return {"native" if native else "encapsulated": how, "deflated": self.deflated}

    @staticmethod
    def of_document(document: Mapping[str, Any]) -> "Frames":
        """As it was stored."""
        if "native" in document:
            return Frames(Native(*document["native"]), document["deflated"])
        return Frames(Encapsulated(tuple(map(tuple, document["encapsulated"]))), document["deflated"])


class Seen:
    """Collects, while a header is walked, what tells where the frames are."""

    def __init__(self, reader: Reader, stored: Stored) -> None:
        self._reader, self._stored = reader, stored
        self._order = "<" if stored.little else ">"
        self._elements: dict[int, Element] = {}

    def see(self, element: Element) -> bool:
        """Look at an element of the top level; False once nothing that follows matters."""
        if element.tag in _WANTED:
            self._elements[element.tag] = element
        return element.tag not in PIXELS

    def frames(self) -> Frames | None:
        """None: it has no pixels. Raises Unreadable: they are not where they should be."""
        pixels = next((self._elements[tag] for tag in PIXELS if tag in self._elements), None)
        if pixels is None:
            return None
        native = pixels.length != UNDEFINED
        return Frames(self._native(pixels) if native else self._encapsulated(pixels), self._stored.deflated)

    def _native(self, pixels: Element) -> Native:
        cells = self._number(ROWS) * self._number(COLUMNS)
        bits = cells * (self._number(SAMPLES) or 1) * self._number(ALLOCATED)
        count = self._number(FRAMES) or 1
        if not bits:
            raise Unreadable("its pixels have no size: rows, columns or bits allocated are missing")
        if (bits * count + 7) // 8 > pixels.length:
            share, of = _SHARED.get(self._text(PHOTOMETRIC), (1, 1))
            bits = bits * share // of
        if (bits * count + 7) // 8 > pixels.length or pixels.at + pixels.length > self._stored.source.size:
            raise Unreadable(f"broken: its pixel data hold fewer bytes than {count} frames take")
        return Native(pixels.at, bits, count, 1 if self._stored.little else self._word(pixels))

    def _word(self, pixels: Element) -> int:
        """In OW, bytes of eight bits are in pairs, too (PS3.5 8.1.1, annex D.3)."""
        vr = pixels.vr or PIXELS[pixels.tag]
        return max(2 if vr == "OW" else 1, self._number(ALLOCATED) // 8)

    def _encapsulated(self, pixels: Element) -> Encapsulated:
        source, little = self._stored.source, self._stored.little
        items = fragments_at(self._reader, pixels.at)
        if len(items) < 2:
            raise Unreadable("broken: its pixel data hold no fragment")
        table, fragments = items[0], items[1:]
        if self._stored.transfer_syntax in _VIDEO:
            return Encapsulated(tuple(frames_of(source, fragments, 1, ())))
        basic = basic_table(source, table, len(fragments), little=little)
        extended = Tables(self._longs(STARTS, len(fragments)), self._longs(LENGTHS, len(fragments)))
        count = self._number(FRAMES) if FRAMES in self._elements else len(basic.starts)
        return Encapsulated(tuple(frames_of(source, fragments, count or 1, (extended, basic))))

    def _longs(self, tag: int, most: int) -> tuple[int, ...]:
        element = self._elements.get(tag)
        if element is None or element.length % 8 or element.length // 8 > most + 1:
            return ()
        data = self._stored.source.at(element.at, element.length)
        return struct.unpack(f"{self._order}{element.length // 8}Q", data)

    def _number(self, tag: int) -> int:
        """A number, written as a US or as an IS; 0 where there is none, or nonsense."""
        element = self._elements.get(tag)
        if element is None or element.length > _LONGEST_NUMBER:
            return 0
        raw = self._stored.source.at(element.at, element.length)
        if tag != FRAMES and len(raw) == 2:
            return int(struct.unpack(f"{self._order}H", raw)[0])
        text = raw.decode("ascii", "replace").strip(" \0")
        return int(text) if text.isascii() and text.isdigit() else 0

    def _text(self, tag: int) -> str:
        element = self._elements.get(tag)
        if element is None or element.length > _LONGEST_NUMBER:
            return ""
        return self._stored.source.at(element.at, element.length).decode("ascii", "replace").strip(" \0")


_WANTED: Final = frozenset({*PIXELS, STARTS, LENGTHS, SAMPLES, PHOTOMETRIC, FRAMES, ROWS, COLUMNS, ALLOCATED})


def index_of(stored: Stored) -> Frames | None:
    """The frame index of an open instance; None: it has no pixels. Raises Unreadable."""
    reader = Reader(stored)
    seen = Seen(reader, stored)
    for element in reader.elements(stored.start, stored.source.size, stored.explicit):
        if not seen.see(element):
            break
    return seen.frames()
