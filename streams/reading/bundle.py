"""One record batch as Kafka keeps it: followed byte by byte, or unpacked into records.

Whoever knows what the next records must be compares bytes with bytes, at a fraction of the cost of an object for each
key, value and header. What is not as expected is unpacked, and looked at as records. Only batches of the current format
(magic 2) that are neither compressed nor of a transaction's end are followed. Source: Kafka 4.3, "Record Batch" and
"Record" under "Message format".
"""

import re
from collections.abc import Callable, Sequence
from itertools import islice
from struct import Struct
from typing import Final, NamedTuple

from schemas.event import Record

LENGTH_AT: Final = 8
MAGIC_AT: Final = 16
ATTRIBUTES_AT: Final = 21
LAST_AT: Final = 23
COUNT_AT: Final = 57
RECORDS_AT: Final = 61
BEFORE_LENGTH: Final = 12  # bytes of a batch that its length does not count
MAGIC: Final = 2
COMPRESSED: Final = 0b111
CONTROL: Final = 0b100000
HEADERS: Final = 9
POSITION_AT: Final = 7
POSITION: Final = re.compile(rb"[1-9][0-9]{0,18}")
"""The ``position`` header exactly as the relay writes it; ``int`` would accept other forms."""
NUMBER: Final = Struct(">i").unpack_from
MORE: Final = 127  # a byte of a varint above this has another one behind it
TWO_BYTES: Final = 1 << 14  # what a varint of two bytes stays below
HELD: Final = 100_000


def length(size: int) -> bytes:
    """A length, a count or a place in a batch, as records have it: a zigzag varint."""
    left, written = size << 1, bytearray()
    while left > MORE:
        written.append(left & MORE | MORE + 1)
        left >>= 7
    written.append(left)
    return bytes(written)


class _Lengths(dict[int, bytes]):
    def __missing__(self, size: int) -> bytes:
        made = length(size)
        if len(self) < HELD:
            self[size] = made
        return made


LENGTHS: Final = _Lengths()
"""The same, made once."""


def length_of(fetched: bytes, at: int) -> int:
    """How many bytes the batch takes that begins there."""
    return BEFORE_LENGTH + int(NUMBER(fetched, at + LENGTH_AT)[0])


def is_plain(content: bytes) -> bool:
    """Whether a batch can be followed byte by byte."""
    if content[MAGIC_AT] != MAGIC or content[ATTRIBUTES_AT + 1] & (COMPRESSED | CONTROL):
        return False
    return bool(NUMBER(content, COUNT_AT)[0] == NUMBER(content, LAST_AT)[0] + 1)


class Tails(NamedTuple):
    """Records from the lengths of their keys on, in three pieces: up to the value, the value, and the headers.

    They are nowhere put together: copies of all values would take longer than comparing them.
    """

    before: Sequence[bytes]
    values: Sequence[bytes]
    after: Sequence[bytes]


class Bundle:
    """The records of a plain batch from one offset to below another, that are not passed yet."""

    __slots__ = ("_at", "_base", "_content", "_end", "_index", "_unpack")

    def __init__(self, content: bytes, base: int, end: int, unpack: Callable[[int], list[Record]]) -> None:
        """``content``: the batch, ``base``: the offset of its first record; ``end``: the offset to stop before.

        ``unpack``: makes records of those from an offset on.
        """
        self._content = content
        self._base = base
        self._end = min(int(NUMBER(content, COUNT_AT)[0]), end - base)
        self._at = RECORDS_AT
        self._index = 0
        self._unpack = unpack

    @property
    def begin(self) -> int:
        """The offset of the next record."""
        return self._base + self._index

    @property
    def end(self) -> int:
        """The offset to stop before."""
        return self._base + self._end

    @property
    def is_done(self) -> bool:
        """Whether all are passed."""
        return self._index >= self._end

    def skip_to(self, offset: int) -> None:
        """Pass the records before an offset. Raises IndexError: the batch is damaged."""
        while self._index < offset - self._base and not self.is_done:
            size, begin = _varint(self._content, self._at)
            self._at = begin + (size >> 1)
            self._index += 1

    def follow(self, tails: Tails, first: int = 0) -> int:
        """How many of ``tails``, from ``first`` on, are the next records; they are passed.

        A tail is a record from the length of its key on: all of it but what depends on its place in the batch.
        """
        content, at, index, last = self._content, self._at, self._index, self._end
        is_next = content.startswith
        try:
            for before, value, after in islice(zip(*tails, strict=True), first, first + last - index):
                size, front = content[at], at + 1
                if size > MORE:
                    size, front = size & MORE | content[front] << 7, front + 1
                    if size >= TWO_BYTES:
                        size, front = _varint(content, at)
                begin = front + 1  # the attributes, and the time since the batch's first record
                while content[begin] > MORE:
                    begin += 1
                begin += 1
                place = LENGTHS[index] + before
                middle = begin + len(place)
                end = middle + len(value)
                stop = end + len(after)
                if content[front] or size != stop - front << 1:
                    break
                if not (is_next(place, begin) and is_next(value, middle) and is_next(after, end)):
                    break
                at, index = stop, index + 1
        except IndexError:
            pass  # unpacking it says what is wrong
        done, self._at, self._index = index - self._index, at, index
        return done

    def position(self) -> int | None:
        """The ledger position that the next record states, if all of it is as the relay writes records; else None."""
        try:
            return _position(self._content, self._at)
        except IndexError:
            return None

    def records(self) -> list[Record]:
        """What is not passed yet, as records; it is passed then. Raises CorruptRecordException."""
        first, self._index = self._base + self._index, self._end
        return self._unpack(first)


def _position(content: bytes, at: int) -> int | None:
    size, at = _varint(content, at)
    stop = at + (size >> 1)
    _, at = _varint(content, at + 1)  # behind the attributes: the time, and the place in the batch
    _, at = _varint(content, at)
    parts: list[bytes] = []
    for number in range(3 + 2 * HEADERS):  # key, value, how many headers, and each name and content
        length, begin = _varint(content, at)
        at = begin if number == 2 else begin + (length >> 1)
        if length & 1 or (number == 2 and length >> 1 != HEADERS):
            return None
        parts.append(content[begin:at])
    name, digits = parts[3 + 2 * POSITION_AT : 5 + 2 * POSITION_AT]
    return int(digits) if at == stop and name == b"position" and POSITION.fullmatch(digits) else None


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """An unsigned varint, and its end."""
    value = shift = 0
    while (byte := content[at]) > MORE:
        value |= (byte & MORE) << shift
        shift += 7
        at += 1
    return value | byte << shift, at + 1
