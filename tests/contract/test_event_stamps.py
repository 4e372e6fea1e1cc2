"""``recorded_at`` in the real event store: never backwards along positions (T2); a wrong clock writes nothing (T1)."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.utils import Environment

from adapters.eventstore import Factory
from adapters.eventstore.clock import SECOND, StoreClock, wall_us
from adapters.eventstore.factory import CLOCK_BOUND, DATABASE
from adapters.eventstore.recorder import LedgerRecorder
from adapters.eventstore.tables import create
from domain.askers import Asker
from domain.errors import ClockDiffers
from domain.ports import CommandRecord
from domain.times import micros
from streams.relay.outgoing import first_long

pytestmark = pytest.mark.live

HOURS = 3600 * SECOND
ASKER = Asker("clerk:c1", "Register")
HEAD, BODY = b"\0\0\0\0\7", b"\x0esubject and all the rest of an event"


@pytest.fixture
def recorder(database_url: str) -> Iterator[LedgerRecorder]:
    """An empty event store."""
    create(database_url)
    made = Factory(Environment("ledger", {DATABASE: database_url, CLOCK_BOUND: "60"})).application_recorder()
    yield made
    made.close()


def varint(value: int) -> bytes:
    """Avro's long."""
    left, out = value << 1, b""
    while left > 0x7F:
        out, left = out + bytes([left & 0x7F | 0x80]), left >> 7
    return out + bytes([left])


def event(at: int) -> StoredEvent:
    return StoredEvent(uuid4(), 1, "identity.registered", HEAD + varint(at) + BODY)


def insert(recorder: LedgerRecorder, *events: StoredEvent) -> None:
    recorder.insert_events(events, commands=[CommandRecord(uuid4(), ASKER, len(events), {})])


def stored(recorder: LedgerRecorder) -> list[bytes]:
    """The bytes of all events in ledger order."""
    return [n.state for n in recorder.select_notifications(0, 10_000, inclusive_of_start=False)]


def test_an_event_that_was_decided_before_the_last_one_gets_its_stamp_and_keeps_every_other_byte(
    recorder: LedgerRecorder,
) -> None:
    now = wall_us()
    insert(recorder, event(now))
    insert(recorder, event(now - 2 * HOURS), event(now - 2 * HOURS))
    insert(recorder, event(now + 1))
    assert stored(recorder) == [HEAD + varint(at) + BODY for at in (now, now, now, now + 1)]


def test_times_of_many_writers_never_run_backwards(recorder: LedgerRecorder) -> None:
    chance, now = random.Random(20), wall_us()
    times = (now + chance.randrange(-5, 5) * HOURS for _ in range(200))
    asked = [[event(at) for _ in range(chance.randint(1, 5))] for at in times]
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda events: insert(recorder, *events), asked))
    stamps = [first_long(state) for state in stored(recorder)]
    assert len(stamps) == sum(map(len, asked))
    assert all(before <= after for before, after in pairwise(stamps))
    assert micros(recorder.now()) >= stamps[-1]  # what is decided next is not before what is stored


def test_a_batch_over_several_statements_has_one_stamp(recorder: LedgerRecorder) -> None:
    now = wall_us()
    insert(recorder, event(now))
    insert(recorder, *(event(now - HOURS) for n in range(2_500)))
    assert [first_long(state) for state in stored(recorder)] == [now] * 2_501


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_wrong_clock_writes_nothing_and_stops_nobody_else(
    recorder: LedgerRecorder, hours: int, database_url: str
) -> None:
    _ = recorder.now()
    recorder._clock._wall = lambda: wall_us() + hours * HOURS
    with pytest.raises(ClockDiffers):
        insert(recorder, event(wall_us()))
    other = Factory(Environment("ledger", {DATABASE: database_url})).application_recorder()
    insert(other, event(wall_us()))
    assert len(stored(other)) == 1
    other.close()


def test_what_was_decided_while_a_clock_jumped_is_not_stored(recorder: LedgerRecorder) -> None:
    _ = recorder.now()
    clock: StoreClock = recorder._clock
    steady = clock.steady
    clock.steady = lambda: steady() - 3 * HOURS
    with pytest.raises(IntegrityError):
        insert(recorder, event(micros(recorder.now())))
    assert stored(recorder) == []
    insert(recorder, event(micros(recorder.now())))
    assert abs(first_long(stored(recorder)[0]) - wall_us()) < 60 * SECOND


def test_bytes_that_are_no_event_are_left_alone(recorder: LedgerRecorder) -> None:
    insert(recorder, event(wall_us()))
    odd = [b"", b"state", HEAD + b"\x01" * 20]
    insert(recorder, *(StoredEvent(uuid4(), 1, "x", state) for state in odd))
    assert stored(recorder)[1:] == odd
    insert(recorder, event(7))  # the last one has no stamp to compare with
