"""Reads one frame of a stored instance: one read of its file, or one for each fragment.

What is given out is in little endian, its first pixel in the lowest bit of the first byte; a compressed frame is as it
was stored. Source: DICOM PS3.18 8.7.3.5 (octet streams are in explicit VR little endian).
"""

import os
from pathlib import Path

from adapters.archive.fragments import Piece
from adapters.archive.frames import Encapsulated, Frames, Native
from adapters.archive.source import CUT_OFF, ReadAt, opened
from adapters.dicom.bounds import UNBOUNDED, Most
from adapters.dicom.refusal import Unreadable


class NoFrame(LookupError):
    """The instance has no frame of that number."""


def place_of_frame(frames: Frames, number: int) -> Piece | None:
    """Where a frame lies in its file: offset and length of each part; None where it is not stored as it is given out.

    Raises NoFrame.
    """
    held = _held(frames, number)
    if frames.deflated:
        return None
    if isinstance(frames.of, Encapsulated):
        return frames.of.pieces[held]
    whole = frames.of.bits % 8 == 0 and frames.of.word == 1
    length = frames.of.bits // 8
    return (frames.of.at + held * length, length) if whole else None


def _held(frames: Frames, number: int) -> int:
    """Raises NoFrame."""
    if not 1 <= number <= frames.count:
        raise NoFrame(f"it has {frames.count} frames, and none of number {number}")
    return number - 1


def read_frame(path: Path, frames: Frames, number: int, most: Most = UNBOUNDED) -> bytes:
    """A frame by its number, from 1 on. Raises NoFrame; Unreadable: the file is not what it was; OSError."""
    place = _held(frames, number)
    if frames.deflated:
        with opened(path, most) as stored:
            return _frame(stored.source.whole, frames, place)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _frame(lambda offset, count: _pread(fd, offset, count), frames, place)
    finally:
        os.close(fd)


def _pread(fd: int, offset: int, count: int) -> bytes:
    data = os.pread(fd, count, offset)
    while len(data) < count and (more := os.pread(fd, count - len(data), offset + len(data))):
        data += more  # one call reads 2 GiB at most
    if len(data) < count:
        raise Unreadable(CUT_OFF)
    return data


def _frame(read_at: ReadAt, frames: Frames, place: int) -> bytes:
    if isinstance(frames.of, Native):
        return _native(read_at, frames.of, place)
    piece = frames.of.pieces[place]
    return b"".join(read_at(at, length) for at, length in zip(piece[::2], piece[1::2], strict=True))


def _native(read_at: ReadAt, native: Native, place: int) -> bytes:
    first, shift = divmod(place * native.bits, 8)
    length = (shift + native.bits + 7) // 8
    data = _little(read_at, native, first, length)
    if not shift and native.bits % 8 == 0:
        return data
    pixels = int.from_bytes(data, "little") >> shift & (1 << native.bits) - 1
    return pixels.to_bytes((native.bits + 7) // 8, "little")


def _little(read_at: ReadAt, native: Native, first: int, length: int) -> bytes:
    """So many bytes of the pixels, each word turned round where they are in big endian."""
    word = native.word
    if word == 1:
        return read_at(native.at + first, length)
    before = first % word
    data = read_at(native.at + first - before, -(-(before + length) // word) * word)
    turned = bytearray(len(data))
    for place in range(word):
        turned[place::word] = data[word - 1 - place :: word]
    return bytes(turned[before : before + length])
