"""The bytes that a partition must hold are those of the records that the relay makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.proofs.leaf import heading
from schemas.codec import Codec
from schemas.event import Record
from schemas.registry import registry
from streams.reading import bundle as batches
from streams.reading.record_tails import RecordTails, Times, kinds
from streams.relay.outgoing import Addresser, Stored, first_long, rfc3339
from tests.fakes.avro import sample_body
from tests.fakes.bundles import bundle, packed
from tests.fakes.two_logs import aggregate, event, record_of, row_of
from tests.fakes.vault import EagerVault


def made() -> RecordTails:
    return RecordTails(kinds(registry()), Times())


def test_the_records_of_two_logs_are_passed_byte_for_byte() -> None:
    rows = [row_of(number, number, event(number)) for number in range(1, 60)]
    lanes: dict[tuple[str, int], list[Record]] = {}
    for number in range(1, 60):
        record = record_of(number, number, event(number), 0)
        lane = lanes.setdefault((record.topic, record.partition), [])
        lane.append(record._replace(offset=len(lane)))
    found = made().of(rows)
    assert found is not None
    assert {place: len(one.tails) for place, one in found.items()} == {place: len(one) for place, one in lanes.items()}
    for place, lane in lanes.items():
        assert bundle(lane).follow(found[place].tails) == len(lane)


@pytest.mark.parametrize("schema", registry().latest.values(), ids=lambda schema: str(schema.name))
def test_every_event_type(schema: "object") -> None:
    """Whatever its key is."""
    kind = registry().of_type(schema.type)  # type: ignore[attr-defined]
    subject = aggregate(7)
    body = sample_body(kind) | {kind.aggregate: subject}
    stored = Codec(registry(), EagerVault()).encode(kind.type, body, aggregate_id=subject, version=300)
    sent = Addresser.of(registry()).outgoing(Stored(123_456, subject, 300, stored))
    record = Record(sent.topic, sent.partition, 5, sent.key, sent.value, tuple(sent.headers))
    found = made().of([(heading(123_456, kind.type, subject, 300), stored)])
    assert found is not None
    assert found.keys() == {(sent.topic, sent.partition)}
    assert bundle([record]).follow(found[sent.topic, sent.partition].tails) == 1


@pytest.mark.parametrize(
    "row",
    [
        (b"1\nno.such_event\nx\n1\n", b"\0\0\0\0\1"),
        (b"1\nlink.\nmerged\nx\n1\n", b"\0\0\0\0\1"),
        (b"1\ndose.opened\nx\n1\n", b"junk"),
    ],
)
def test_a_row_that_is_no_events_is_told(row: tuple[bytes, bytes]) -> None:
    assert made().of([row_of(1, 1, event(1)), row]) is None


@given(
    st.lists(st.integers(-(10**14), 10**18) | st.integers(1_767_225_600_000_000, 1_767_225_602_000_000), max_size=20)
)
def test_times_are_the_relays(micros: list[int]) -> None:
    times = Times()
    for one in micros:
        stored = bytes(5) + _long(one)
        assert first_long(stored) == one
        try:
            expected = rfc3339(one)
        except ValueError:
            with pytest.raises(ValueError, match="not a time"):
                times.of(stored)
        else:
            assert times.of(stored) == expected


def _long(value: int) -> bytes:
    """As Avro writes it."""
    left, written = (value << 1) ^ (value >> 63), bytearray()
    while left > 127:
        written.append(left & 127 | 128)
        left >>= 7
    return bytes([*written, left])


def test_lengths_are_kafkas() -> None:
    for size in (0, 1, 63, 64, 8_191, 8_192, 1 << 20, 1 << 23):
        content = packed([Record("krypton.links", 0, 0, b"", b"v" * size, ())])
        _, begin = batches._varint(content, batches.RECORDS_AT)
        assert content[begin + 4 :].startswith(batches.length(size))
