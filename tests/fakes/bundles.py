"""Records as a broker keeps them: in record batches, for whoever follows or unpacks them."""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from schemas.event import Record
from streams.reading.bundle import Bundle

TOGETHER = 7


def packed(records: Sequence[Record], compression: int = 0) -> bytes:
    """One record batch of records whose offsets follow each other; ``compression``: Kafka's number of it."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=compression,
        is_transactional=0,
        producer_id=0,
        producer_epoch=0,
        base_sequence=0,
        batch_size=1 << 24,
    )
    for place, record in enumerate(records):
        headers: list[Any] = list(record.headers)
        assert builder.append(place, 1_000 * record.offset, record.key, record.value, headers)
    content = bytearray(builder.build())
    struct.pack_into(">q", content, 0, records[0].offset)
    return bytes(content)


def unpacked(content: bytes, topic: str, partition: int) -> list[Record]:
    """The records of a batch."""
    batch: Any = MemoryRecords(content).next_batch()
    return [Record(topic, partition, one.offset, one.key, one.value, tuple(one.headers)) for one in batch]


def bundle(records: Sequence[Record]) -> Bundle:
    """One batch of these, to be followed."""
    topic, partition, base = records[0][:3]
    content = packed(records)

    def from_offset(first: int) -> list[Record]:
        return [one for one in unpacked(content, topic, partition) if one.offset >= first]

    return Bundle(content, base, base + len(records), from_offset)


def bundles(records: Sequence[Record], most: int = TOGETHER) -> Iterator[Bundle]:
    """Batches of at most so many records, each of offsets that follow each other."""
    begin = 0
    for at in range(1, len(records) + 1):
        goes_on = at < len(records) and records[at].offset == records[at - 1].offset + 1
        if not goes_on or at - begin == most:
            yield bundle(records[begin:at])
            begin = at
