"""Replay without Kafka: what a span must hold, and that whatever goes wrong is one of two errors, with a sentence."""

from collections.abc import Iterator
from typing import Any

import aiokafka.errors as failures
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from kafka.errors import KafkaError

from domain.errors import OffsetGap
from schemas.event import Record
from streams.reading import unpacking
from streams.reading.replay import Replay
from streams.reading.spans import Span

SPAN = Span("krypton.doses", 3, 0, 6)


def record(offset: int) -> Record:
    return Record(SPAN.topic, SPAN.partition, offset, b"key", b"value", ())


class Fed(Replay):
    """Fetches what it is given: a list of records for each record batch, the offset at which a transaction ended, or
    the error that the fetch ends with.
    """

    def __init__(self, *fetched: list[Record] | int | Exception) -> None:
        self._fetched = fetched

    def _records(self, span: Span, most: int) -> Iterator[list[Record] | int]:
        for one in self._fetched:
            if isinstance(one, Exception):
                raise one
            if isinstance(one, int):
                yield one
                continue
            yield from (one[at : at + most] for at in range(0, len(one), most))


def records(*offsets: int) -> list[Record]:
    return [record(offset) for offset in offsets]


def read(*fetched: list[Record] | Exception, most: int = 4) -> list[list[int]]:
    return [[r.offset for r in batch] for batch in Fed(*fetched).batches(SPAN, most)]


def test_records_come_in_lists_of_at_most_so_many() -> None:
    assert read(records(0, 1, 2), records(3, 4, 5)) == [[0, 1, 2, 3], [4, 5]]


def test_a_hole_between_record_batches_is_an_error() -> None:
    with pytest.raises(OffsetGap, match=r"krypton.doses/3 jumps from offset 3 on: records were lost"):
        read(records(0, 1, 2), records(4, 5))


def test_a_hole_inside_a_record_batch_is_an_error() -> None:
    with pytest.raises(OffsetGap, match=r"krypton.doses/3 jumps from offset 0 on"):
        read(records(0, 1, 3, 4, 5))


def test_records_that_are_missing_at_the_end_are_an_error() -> None:
    with pytest.raises(OffsetGap, match=r"krypton.doses/3 ends at offset 5, and should at 6: records were lost"):
        read(records(0, 1, 2), records(3, 4))


def test_where_a_transaction_ended_no_record_lies_and_whoever_asks_is_told() -> None:
    """Within, twice in a row, and at the end of the span; one before the span is nobody's business."""
    ended: list[int] = []
    fed = Fed(records(0), 1, 2, records(3, 4), 5)
    assert [[r.offset for r in batch] for batch in fed.batches(SPAN, ended=ended)] == [[0, 3, 4]]
    assert ended == [1, 2, 5]
    later = Fed(2, records(4, 5))
    assert [[r.offset for r in batch] for batch in later.batches(SPAN._replace(start=4), ended=ended)] == [[4, 5]]
    assert ended == [1, 2, 5]


def test_for_who_follows_offsets_the_end_of_a_transaction_is_a_hole() -> None:
    with pytest.raises(OffsetGap, match="somebody's transaction ended there: run krypton recover"):
        list(Fed(records(0), 1, records(2, 3, 4, 5)).batches(SPAN))


def test_records_that_were_deleted_at_the_begin_are_an_error() -> None:
    with pytest.raises(OffsetGap, match=r"krypton.doses/3 no longer has offset 0: records were lost"):
        read(failures.OffsetOutOfRangeError("krypton.doses/3"))


def packed(*, damaged: bool) -> Any:
    """A record batch as a broker keeps it, with one bit of its value turned."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=0,
        producer_epoch=0,
        base_sequence=0,
        batch_size=999,
    )
    for offset in range(6):
        builder.append(offset, 0, b"key", b"value", [])
    content = bytearray(builder.build())
    content[-2] ^= damaged
    return MemoryRecords(bytes(content)).next_batch()


def test_a_record_batch_is_unpacked() -> None:
    pieces = list(unpacking.unpacked(packed(damaged=False), SPAN, 0, 4))
    assert pieces == [records(0, 1, 2, 3), records(4, 5)]


def test_of_a_record_batch_what_is_outside_the_span_is_left_out() -> None:
    """A fetch gives whole record batches: the first may begin before what was asked, the last end after the span."""
    pieces = unpacking.unpacked(packed(damaged=False), SPAN._replace(end=5), 3, 2)
    assert list(pieces) == [records(3), records(4)]


def test_a_record_batch_that_was_damaged_is_an_error() -> None:
    class Damaged(Replay):
        def __init__(self) -> None:
            pass

        def _records(self, span: Span, most: int) -> Iterator[list[Record] | int]:
            yield from unpacking.unpacked(packed(damaged=True), span, 0, most)

    with pytest.raises(OffsetGap, match=r"krypton.doses/3: a record batch's checksum is wrong"):
        list(Damaged().batches(SPAN))


@pytest.mark.parametrize("error", [failures.KafkaConnectionError, failures.RequestTimedOutError, failures.KafkaError])
def test_a_kafka_that_goes_away_is_one_error(error: type[Exception]) -> None:
    with pytest.raises(KafkaError, match=error.__name__):
        read(records(0, 1, 2), error("gone"))


def test_a_kafka_that_is_not_there_is_the_same_error() -> None:
    with pytest.raises(KafkaError, match="KafkaConnectionError"), Replay("127.0.0.1:1"):
        pass
