"""Turns a record batch, as it was fetched, into a bundle that can be followed, or into records."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

import aiokafka.errors as failures
from aiokafka.record.memory_records import MemoryRecords

from schemas.event import Record
from streams.reading.bundle import Bundle, is_plain, length_of
from streams.reading.spans import Span

BATCH: Final = 50  # unpacked, decoded and folded together, so it stays in the processor's cache


class Fetched(NamedTuple):
    """A record batch: as the library reads it, what was fetched with it, where it is there, the offset asked for."""

    batch: Any
    content: bytes
    at: int
    asked: int


def bundled(one: Fetched, span: Span) -> Iterator[Bundle | list[Record]]:
    """A record batch, to be followed if it is plain."""
    content = one.content[one.at : one.at + length_of(one.content, one.at)]

    def unpack(first: int) -> list[Record]:
        batch = MemoryRecords(content).next_batch()
        return [record for some in unpacked(batch, span, first, BATCH) for record in some]

    if not is_plain(content):
        yield from unpacked(one.batch, span, one.asked, BATCH)
        return
    _check(one.batch, span)
    bundle = Bundle(content, one.batch.base_offset, span.end, unpack)
    try:
        bundle.skip_to(one.asked)
    except IndexError:
        raise failures.CorruptRecordException(f"{span.topic}/{span.partition}: a record batch is damaged") from None
    if not bundle.is_done:
        yield bundle


def _check(batch: Any, span: Span) -> None:
    if not batch.validate_crc():
        raise failures.CorruptRecordException(f"{span.topic}/{span.partition}: a record batch's checksum is wrong")


def unpacked(batch: Any, span: Span, first: int, most: int) -> Iterator[list[Record]]:
    """The records of one record batch from ``first`` to the span's end, in lists of at most ``most``.

    Unpacked lazily, so that they are still in the processor's cache when used.
    """
    _check(batch, span)
    topic, partition, _, end = span
    make = tuple.__new__  # half the time of calling the class: this runs once per record
    left = (make(Record, (topic, partition, r.offset, r.key, r.value, tuple(r.headers))) for r in batch)
    while found := list(islice(left, most)):
        if found[0].offset < first or found[-1].offset >= end:
            found = [record for record in found if first <= record.offset < end]
        if found:
            yield found
