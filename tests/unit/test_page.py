"""A page of the event store: the bytes that Kafka must hold are the relay's, the hashes the tree's."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.eventstore.scan import Row
from domain.proofs.leaf import hashes, heading
from schemas.codec import Codec
from schemas.event import Record
from schemas.registry import registry
from streams.reading import bundle as batches
from streams.reading.page import Page, page
from streams.reading.record_tails import kinds
from streams.reading.text_columns import decimals, digits_of, times
from streams.relay.outgoing import Addresser, Stored, rfc3339
from tests.fakes.avro import sample_body
from tests.fakes.bundles import bundle, packed
from tests.fakes.columns import columns_of
from tests.fakes.two_logs import aggregate, event, record_of, row_of
from tests.fakes.vault import EagerVault


def made(rows: Sequence[Row]) -> Page | None:
    return page(columns_of(rows), kinds(registry()))


def test_the_records_of_two_logs_are_passed_byte_for_byte() -> None:
    rows = [row_of(number, number, event(number)) for number in range(1, 60)]
    lanes: dict[tuple[str, int], list[Record]] = {}
    for number in range(1, 60):
        record = record_of(number, number, event(number), 0)
        lane = lanes.setdefault((record.topic, record.partition), [])
        lane.append(record._replace(offset=len(lane)))
    found = made(rows)
    assert found is not None
    assert {place: len(one.rows) for place, one in found.expected.items()} == {
        place: len(one) for place, one in lanes.items()
    }
    for place, lane in lanes.items():
        assert bundle(lane).follow(found.expected[place].tails) == len(lane)


def test_rows_positions_and_hashes_are_those_of_each_row() -> None:
    """Also where positions and versions differ in length."""
    numbers = [1, 9, 10, 99, 100, 12_345, 999_999, 1_000_000, 10**15, 10**18 - 1, 10**18, 2**63 - 1]
    rows = [
        (heading(number, "link.merged", aggregate(number), 2**63 - number % 2**62), event(5 * place))
        for place, number in enumerate(numbers)
    ]
    found = made(rows)
    assert found is not None
    assert list(found) == rows
    assert found[1:3] == rows[1:3]
    assert (found.positions, found.leaves) == (numbers, hashes(rows))


def test_an_empty_page_holds_nothing() -> None:
    found = made([])
    assert found is not None
    assert (len(found), found.leaves, found.expected) == (0, [], {})


@pytest.mark.parametrize("schema", registry().latest.values(), ids=lambda schema: str(schema.name))
def test_every_event_type(schema: "object") -> None:
    """Whatever its key is."""
    kind = registry().of_type(schema.type)  # type: ignore[attr-defined]
    subject = aggregate(7)
    body = sample_body(kind) | {kind.aggregate: subject}
    stored = Codec(registry(), EagerVault()).encode(kind.type, body, aggregate_id=subject, version=300)
    sent = Addresser.of(registry()).outgoing(Stored(123_456, subject, 300, stored))
    record = Record(sent.topic, sent.partition, 5, sent.key, sent.value, tuple(sent.headers))
    found = made([(heading(123_456, kind.type, subject, 300), stored)])
    assert found is not None
    assert found.expected.keys() == {(sent.topic, sent.partition)}
    assert bundle([record]).follow(found.expected[sent.topic, sent.partition].tails) == 1


def heading_of(position: int = 2, event_type: str = "link.merged", version: int = 1) -> bytes:
    return heading(position, event_type, aggregate(1), version)


EARLY, LATE = (b"\0\0\0\0\1" + written + event(5)[13:] for written in (b"\x02", b"\x80" * 8 + b"\x01"))


@pytest.mark.parametrize(
    "row",
    [
        (heading_of(event_type="no.such_event"), event(5)),
        (heading_of(event_type="link.\nmerged"), event(5)),
        (heading_of(event_type="link.merged" + "d" * 60), event(5)),
        (heading_of(event_type="dose.opened"), b"junk"),
        (heading_of(event_type="dose.opened"), b"junk that is longer than an event's front"),
        (heading_of(), b""),
        (heading_of(), EARLY),
        (heading_of(), LATE),
        (heading_of(position=0), event(5)),
        (heading_of(position=-1), event(5)),
        (heading_of(version=0), event(5)),
    ],
)
def test_of_rows_that_the_ledger_does_not_write_no_page_is_made(row: Row) -> None:
    """Each of them is looked at then."""
    rows = [row_of(1, 1, event(1)), row, row_of(3, 3, event(3))]
    assert made(rows) is None
    assert made([rows[0], (heading_of(), event(5)), rows[2]]) is not None


def test_of_bytes_that_were_left_out_no_page_is_made() -> None:
    rows = [row_of(number, number, event(number)) for number in range(1, 4)]
    assert page(columns_of(rows, max(len(stored) for _, stored in rows) - 1), kinds(registry())) is None


@given(st.lists(st.integers(0, 36_028_797_018_963_967), min_size=1, max_size=20))
def test_times_are_the_relays(micros: list[int]) -> None:
    written = times(np.array(micros, np.int64))
    assert [bytes(one) for one in written] == [rfc3339(one) for one in micros]


@given(st.integers(1, 18), st.data())
def test_decimals_are_pythons(digits: int, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(10 ** (digits - 1), 10**digits - 1), min_size=1))
    numbers = np.array(values, np.int64)
    assert set(digits_of(numbers).tolist()) == {digits}
    assert [bytes(one) for one in decimals(numbers)] == [b"%d" % one for one in values]


def test_lengths_are_kafkas() -> None:
    for size in (0, 1, 63, 64, 8_191, 8_192, 1 << 20, 1 << 23):
        content = packed([Record("krypton.links", 0, 0, b"", b"v" * size, ())])
        _, begin = batches._varint(content, batches.RECORDS_AT)
        assert content[begin + 4 :].startswith(batches.length(size))
