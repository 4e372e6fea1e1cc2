"""Bytes to be given out by a face: those that are there, or pieces of a file, which are read as they are sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Body:
    """Bytes to be given out: ``data``, or these pieces (offset, length) of a file, which is at ``path``, or is open
    already, as ``file``, and closed by who sends it. ``media_type``: where it is another one than was foreseen.
    """

    length: int
    data: bytes = field(default=b"", repr=False)
    path: Path | None = None
    pieces: Sequence[tuple[int, int]] = ()
    file: IO[bytes] | None = None
    media_type: str | None = None

    @staticmethod
    def of(data: bytes) -> "Body":
        """Bytes that are there."""
        return Body(len(data), data)

    @staticmethod
    def within(path: Path, pieces: Sequence[tuple[int, int]]) -> "Body":
        """Pieces of a file."""
        return Body(sum(length for _, length in pieces), path=path, pieces=pieces)

    def part(self, first_byte: int, length: int) -> "Body":
        """So many of its bytes, from one on."""
        if self.path is None:
            return Body.of(self.data[first_byte : first_byte + length])
        found, before = list[tuple[int, int]](), 0
        for at, size in self.pieces:
            start, end = max(first_byte, before), min(first_byte + length, before + size)
            if start < end:
                found.append((at + start - before, end - start))
            before += size
        return Body.within(self.path, found)
