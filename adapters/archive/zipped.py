"""Writes a ZIP file in order, without going back: nothing is compressed, each size and checksum is known beforehand.

So every program opens it, also one that reads it while it comes in. Source: PKWARE APPNOTE 6.3.10, 4.3 and 4.5.3.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_NEEDED, _ZIP64 = 20, 45
_UTF8: Final = 0x0800
_DAY: Final = 1 << 5 | 1
"""1 January 1980, the first day there is: when an instance was made is said in it."""
_MADE_BY, _MODE = 3 << 8 | _ZIP64, 0o100600 << 16
"""Unix; a file that its owner alone reads."""
_MOST, _MOST_MEMBERS = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True)
class Member:
    """A file in it."""

    name: str
    size: int
    crc: int


class Zip:
    """Call ``begin`` with each member, and send its bytes after what that returns; then ``end``."""

    def __init__(self) -> None:
        self._at = 0
        self._members: list[tuple[Member, int]] = []

    def begin(self, member: Member) -> bytes:
        """What comes before its bytes."""
        head = _local(member)
        self._members.append((member, self._at))
        self._at += len(head) + member.size
        return head

    def end(self) -> bytes:
        """What comes after all of them."""
        directory = b"".join(_central(member, at) for member, at in self._members)
        return directory + _last(len(self._members), len(directory), self._at)

    @staticmethod
    def size(members: Mapping[str, int]) -> int:
        """How long the whole will be; of each name the size."""
        made = Zip()
        for name, size in members.items():
            made.begin(Member(name, size, 0))
        return made._at + len(made.end())


def _local(member: Member) -> bytes:
    large = member.size >= _MOST
    extra = struct.pack("<HHQQ", 1, 16, member.size, member.size) if large else b""
    name, size = member.name.encode(), _MOST if large else member.size
    head = (_ZIP64 if large else _NEEDED, _UTF8, 0, 0, _DAY, member.crc, size, size, len(name), len(extra))
    return struct.pack("<4sHHHHHLLLHH", b"PK\x03\x04", *head) + name + extra


def _central(member: Member, at: int) -> bytes:
    sizes = [member.size] * 2 if member.size >= _MOST else []
    wide = [*sizes, *([at] if at >= _MOST else [])]
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    name, size = member.name.encode(), min(member.size, _MOST)
    head = (_MADE_BY, _ZIP64 if wide else _NEEDED, _UTF8, 0, 0, _DAY, member.crc, size, size, len(name), len(extra))
    return struct.pack("<4sHHHHHHLLLHHHHHLL", b"PK\x01\x02", *head, 0, 0, 0, _MODE, min(at, _MOST)) + name + extra


def _last(count: int, size: int, at: int) -> bytes:
    """The end records; those for large ones where they are needed."""
    wide = b""
    if count >= _MOST_MEMBERS or size >= _MOST or at >= _MOST:
        wide = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, _MADE_BY, _ZIP64, 0, 0, count, count, size, at)
        wide += struct.pack("<4sLQL", b"PK\x06\x07", 0, at + size, 1)
    count = min(count, _MOST_MEMBERS)
    return wide + struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, count, count, min(size, _MOST), min(at, _MOST), 0)
