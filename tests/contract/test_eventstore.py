"""What the ledger asks of its event store, held by the one in memory and the one on PostgreSQL alike."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent
from eventsourcing.utils import Environment

from adapters.eventstore import Factory, storing
from adapters.eventstore.factory import DATABASE
from adapters.eventstore.tables import EVENTS, ONE_WRITER, create
from adapters.eventstore.whose import CONFLICTS
from domain.askers import Asker
from domain.errors import CommandRepeated
from domain.ports import Answer, Basis, CommandRecord
from schemas.codec import Codec
from schemas.registry import registry
from tests.fakes.avro import sample_body
from tests.fakes.eventstore import MemoryRecorder
from tests.fakes.vault import MemoryVault
from tests.samples import FixedVault
from tests.waiting import WITHIN_S

Recorder = Any
ASKER = Asker("clerk:c1", "Register")


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.live)])
def recorder(request: pytest.FixtureRequest) -> Iterator[Recorder]:
    """An empty event store."""
    if request.param == "memory":
        yield MemoryRecorder()
    else:
        yield from postgres(request.getfixturevalue("database_url"))


@pytest.fixture
def postgres_recorder(database_url: str) -> Iterator[Recorder]:
    """The real one alone."""
    yield from postgres(database_url)


def postgres(url: str) -> Iterator[Recorder]:
    create(url)
    create(url)  # safe to repeat
    made = Factory(Environment("ledger", {DATABASE: url})).application_recorder()
    yield made
    made.close()


def event(aggregate: UUID | None = None, version: int = 1, topic: str = "identity.registered") -> StoredEvent:
    return StoredEvent(aggregate or uuid4(), version, topic, b"state")


def conflicting(study: UUID, said_of: UUID, digest: str | None = "ab" * 32) -> StoredEvent:
    """Something came second in a study, and says that it is of this identity."""
    vault = MemoryVault()
    owner = str(uuid4())
    vault.prepare((), {owner, str(said_of)})
    body = {
        "recorded_at": 1_800_000_000_000_000,
        "actor": "aet:CHB_PACS",
        **{name: str(uuid4()) for name in ("command_id", "correlation_id", "conflict_id")},
        "identity_id": owner,
        "study_uid": "1.2",
        "site": "CHB",
        "kind": "patient",
        "differing": ["PatientID"],
        "instances": 1,
        "uid": "1.2.3",
        "digest": digest,
        "other_identity_id": str(said_of),
        "other_study_uid": "1.4",
        "stated": {"local_id": str(uuid4())},
    }
    codec = Codec(registry(), vault)
    state = codec.encode("study.conflict_found", body, aggregate_id=str(study), version=1)
    return StoredEvent(study, 1, "study.conflict_found", state)


def command(events: int = 1, ident: UUID | None = None) -> CommandRecord:
    return CommandRecord(ident or uuid4(), ASKER, events, {"made": "x"})


def begins(topic: str, identity: UUID) -> StoredEvent:
    """An event that begins something for an identity, in its real bytes."""
    schema = registry().of_type(topic)
    body = {**sample_body(schema), "identity_id": str(identity)}
    codec = Codec(registry(), FixedVault())
    return StoredEvent(uuid4(), 1, topic, codec.encode(topic, body, aggregate_id=body[schema.aggregate], version=1))


def test_what_began_for_an_identity_or_was_moved_to_it_is_found_also_from_a_position_on(recorder: Recorder) -> None:
    """An erasure is stopped by what came after its approval (F7)."""
    one, other = uuid4(), uuid4()
    study, order = begins("study.arrived", one), begins("order.placed", one)
    others = begins("study.arrived", other), begins("order.placed", other)
    moved = [
        StoredEvent(each.originator_id, 2, f"{family}.reassigned", f"from {other} to {one}".encode())
        for family, each in zip(("study", "order"), others, strict=True)
    ]
    at = recorder.insert_events([study, *others, order, *moved], commands=[command(6)])
    came = [each.originator_id for each in (study, order, *others)]
    found = [set(recorder.begun_for(one, after)) for after in (0, at[0], at[3], at[4], at[5])]
    assert found == [set(came), set(came[1:]), set(came[2:]), {came[3]}, set()]


def test_what_was_brought_to_somebody_is_found_from_a_position_on(recorder: Recorder) -> None:
    """To what was there before: so nothing goes that came since somebody looked (F7)."""
    one, other = uuid4(), uuid4()
    study, beside = begins("study.arrived", one), begins("study.arrived", other)
    own, theirs = study.originator_id, beside.originator_id
    extended = [StoredEvent(own, version, "study.extended", b"x") for version in (2, 3)]
    stored = [study, beside, *extended, StoredEvent(theirs, 2, "study.extended", b"x"), conflicting(uuid4(), one)]
    stored += [StoredEvent(own, 4, "study.withdrawn", b"x"), StoredEvent(own, 5, "study.report_added", b"x")]
    at = recorder.insert_events(stored, commands=[command(len(stored))])

    def brought(after: int, *types: str) -> set[tuple[UUID, str]]:
        return set(recorder.brought_to(one, [own], ["study.conflict_found", *types], after))

    images, report, conflict = (own, "study.extended"), (own, "study.report_added"), stored[5]
    named = conflict.originator_id, "study.conflict_found"
    assert brought(0, "study.extended", "study.report_added") == {images, report, named}
    assert brought(at[2], "study.extended") == {images, named}
    assert brought(at[3], "study.extended") == {named}
    assert brought(at[5], "study.extended", "study.report_added") == {report}
    assert brought(at[7], "study.extended", "study.report_added") == set()


def test_conflicts_are_found_by_whose_the_second_is_and_by_the_study(recorder: Recorder) -> None:
    """Of an event that two persons claim, no digest tells what came second; it names whom it is of all the same."""
    people, studies = [uuid4() for _ in range(4)], [uuid4() for _ in range(4)]
    stored = [conflicting(one, of) for one, of in zip(studies[:3], people[:3], strict=True)]
    stored.append(conflicting(studies[3], people[3], digest=None))
    recorder.insert_events(stored, commands=[command(4)])

    def found(identities: list[UUID], of: list[UUID]) -> list[bytes]:
        asked = recorder.conflicts([str(one) for one in identities], [str(one) for one in of])
        return [state for _, state in asked]

    states = [one.state for one in stored]
    assert found(people[:1], []) == [states[0]]
    assert found([], studies[1:2]) == [states[1]]
    assert found([people[0], people[3]], studies[:2]) == [states[0], states[1], states[3]]
    assert found([uuid4()], [uuid4()]) == []


@pytest.mark.live
def test_what_every_decision_asks_is_planned_once(postgres_recorder: Recorder) -> None:
    """Left to itself PostgreSQL would plan a look at one identity again, which takes ten times the look."""
    for _ in range(8):
        postgres_recorder.pairs_around([str(uuid4())])
        postgres_recorder.events_of([uuid4()])
    sql = "SELECT sum(custom_plans), sum(generic_plans) FROM pg_prepared_statements"
    assert postgres_recorder._read(sql) == [(0, 16)]


OTHERS = """SELECT gen_random_uuid(), 1, 'study.conflict_found', convert_to(repeat('a', 64) || 'H' || gen_random_uuid(),
    'UTF8') FROM generate_series(1, 5000)"""


@pytest.mark.live
def test_conflicts_are_found_by_an_index(database_url: str) -> None:
    """However many the region has, of other people."""
    create(database_url)
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {EVENTS} (originator_id, originator_version, topic, state) {OTHERS}")
        cursor.execute(f"ANALYZE {EVENTS}")
        cursor.execute(f"EXPLAIN {CONFLICTS}", ([str(uuid4())], [str(uuid4())]))
        plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "ledger_events_said_of_idx" in plan
        assert "ledger_events_naming_idx" not in plan


@pytest.mark.parametrize("later", ["link.merged", "rules.published", "view.promoted", "establishment.enrolled"])
def test_what_rests_on_what_was_changed_first_is_not_stored(recorder: Recorder, later: str) -> None:
    """The aggregates that were read, and the events that commands fold."""
    one = uuid4()
    read = recorder.insert_events([event(one), event(topic="link.proposed")], commands=[command(2)])[-1]
    recorder.insert_events([event()], commands=[command()])  # of somebody else
    basis = Basis({one: 1}, read)
    recorder.insert_events([event(one, 2), event(topic=later)], commands=[command(2)], basis=basis)
    for stale in (Basis({one: 1}, read + 9), Basis({one: 2}, read), Basis({}, read)):
        asked = command()
        with pytest.raises(IntegrityError):
            recorder.insert_events([event()], commands=[asked], basis=stale)
        assert recorder.answer_of(asked.command_id) is None
    recorder.insert_events([event()], commands=[command()], basis=Basis({one: 2}, read + 3))


def test_a_command_answers_with_the_positions_of_its_own_events(recorder: Recorder) -> None:
    first, second = command(2), command(1)
    positions = recorder.insert_events([event(), event(), event()], commands=[first, second])
    assert recorder.answer_of(first.command_id) == Answer(tuple(positions[:2]), {"made": "x"})
    assert recorder.answer_of(second.command_id) == Answer(tuple(positions[2:]), {"made": "x"})


def test_answers_of_many_commands_are_found_in_one_look(recorder: Recorder) -> None:
    known, silent, unknown = command(2), command(0), command()
    positions = recorder.insert_events([event(), event()], commands=[known, silent])
    asked = [unknown.command_id, silent.command_id, known.command_id]
    assert recorder.answers_of(asked) == {
        known.command_id: Answer(tuple(positions), {"made": "x"}),
        silent.command_id: Answer((), {"made": "x"}),
    }
    assert {answer.asker for answer in recorder.answers_of(asked).values()} == {ASKER}
    assert recorder.answers_of([]) == {}


def test_a_known_command_id_writes_nothing(recorder: Recorder) -> None:
    asked = command()
    recorder.insert_events([event()], commands=[asked])
    again = event()
    with pytest.raises(CommandRepeated):
        recorder.insert_events([again], commands=[asked])
    assert recorder.select_events(again.originator_id) == []


def test_a_command_that_made_no_event_is_remembered_too(recorder: Recorder) -> None:
    """So that repeating it later answers the same, whatever has changed."""
    asked = command(events=0)
    assert list(recorder.insert_events([], commands=[asked])) == []
    assert recorder.answer_of(asked.command_id) == Answer((), {"made": "x"})


def test_the_same_id_twice_in_one_transaction_writes_nothing(recorder: Recorder) -> None:
    asked = command()
    with pytest.raises(CommandRepeated):
        recorder.insert_events([event(), event()], commands=[asked, asked])
    assert recorder.answer_of(asked.command_id) is None
    assert recorder.max_notification_id() is None


def test_where_another_writer_was_first_neither_events_nor_command_are_stored(recorder: Recorder) -> None:
    aggregate, asked = uuid4(), command(2)
    recorder.insert_events([event(aggregate, 1)], commands=[command()])
    other = event()
    with pytest.raises(IntegrityError):
        recorder.insert_events([other, event(aggregate, 1)], commands=[asked])
    assert recorder.answer_of(asked.command_id) is None
    assert recorder.select_events(other.originator_id) == []


def test_events_of_one_transaction_keep_their_order(recorder: Recorder) -> None:
    events = [event() for _ in range(2_500)]
    recorder.insert_events(events, commands=[command(2_500)])
    stored = recorder.select_notifications(0, 5_000, inclusive_of_start=False)
    assert [s.originator_id for s in stored] == [e.originator_id for e in events]


def test_several_aggregates_are_read_in_one_look_each_in_order(recorder: Recorder) -> None:
    one, other = uuid4(), uuid4()
    recorder.insert_events([event(one, 1), event(other, 1), event(one, 2)], commands=[command(3)])
    found = recorder.events_of([one, other, uuid4()])
    assert [e.originator_version for e in found if e.originator_id == one] == [1, 2]
    assert len(found) == 3


def test_the_position_of_an_aggregate_is_that_of_its_first_event(recorder: Recorder) -> None:
    one = uuid4()
    (position,) = recorder.insert_events([event(one)], commands=[command()])
    recorder.insert_events([event(one, 2)], commands=[command()])
    assert recorder.positions_of([one, uuid4()]) == {one: position}


@pytest.mark.live
def test_a_reader_that_follows_positions_misses_nothing_while_eight_threads_write(postgres_recorder: Recorder) -> None:
    """Positions must become visible in order: a late commit of a low position would be skipped for ever."""
    recorder, written, per_thread = postgres_recorder, Event(), 60

    def write(_: int) -> None:
        for size in range(per_thread):
            recorder.insert_events([event() for _ in range(size % 3 + 1)], commands=[command(size % 3 + 1)])

    with ThreadPoolExecutor(9) as pool:
        seen = pool.submit(follow, recorder, written)
        for done in [pool.submit(write, n) for n in range(8)]:
            done.result(timeout=WITHIN_S)
        written.set()
        assert seen.result(timeout=WITHIN_S) == [n.id for n in recorder.select_notifications(0, 10_000)]


def follow(recorder: Recorder, written: Event) -> list[int]:
    """Read on from the last position seen, as the relay does, until the writers are done and nothing is left."""
    seen: list[int] = []
    while True:
        done = written.is_set()
        page = recorder.select_notifications(seen[-1] if seen else 0, 50, inclusive_of_start=False)
        seen += [n.id for n in page]
        if done and not page:
            return seen


@pytest.mark.live
def test_a_stuck_writer_is_named_and_nothing_is_written(
    postgres_recorder: Recorder, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "LOCK_TIMEOUT_MS", 200)
    with closing(psycopg2.connect(database_url)) as stuck:
        stuck.cursor().execute(ONE_WRITER)
        with pytest.raises(OperationalError, match="locked"):
            postgres_recorder.insert_events([event()], commands=[command()])
    assert postgres_recorder.max_notification_id() is None


@pytest.mark.live
def test_a_program_of_an_earlier_release_writes_in_turn(
    postgres_recorder: Recorder, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It locks the table; so long nobody else writes."""
    monkeypatch.setattr(storing, "LOCK_TIMEOUT_MS", 200)
    postgres_recorder.insert_events([event()], commands=[command()])
    with closing(psycopg2.connect(database_url)) as earlier:
        earlier.cursor().execute("LOCK TABLE ledger.ledger_events IN EXCLUSIVE MODE")
        with pytest.raises(OperationalError, match="locked"):
            postgres_recorder.insert_events([event()], commands=[command()])


@pytest.mark.live
def test_events_are_stored_while_the_table_is_vacuumed_and_the_other_way_round(
    postgres_recorder: Recorder, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A VACUUM of a region's events takes hours, and one that never ends keeps no table in order."""
    monkeypatch.setattr(storing, "LOCK_TIMEOUT_MS", 200)
    with closing(psycopg2.connect(database_url)) as vacuuming:
        vacuuming.cursor().execute("LOCK TABLE ledger.ledger_events IN SHARE UPDATE EXCLUSIVE MODE")
        assert postgres_recorder.insert_events([event()], commands=[command()])
    with closing(psycopg2.connect(database_url)) as writing, closing(psycopg2.connect(database_url)) as vacuuming:
        writing.cursor().execute(ONE_WRITER)
        vacuuming.autocommit = True
        vacuuming.cursor().execute("SET lock_timeout = 200")
        vacuuming.cursor().execute("VACUUM ANALYZE ledger.ledger_events")


@pytest.mark.live
def test_a_writer_whose_connection_was_cut_is_told_to_ask_again(postgres_recorder: Recorder, database_url: str) -> None:
    """A database that restarts must look like one thing to callers, whatever layer notices it."""
    postgres_recorder.insert_events([event()], commands=[command()])
    cut_all(database_url)
    asked, new = command(), event()
    with pytest.raises(OperationalError, match="retry with the same command id"):
        postgres_recorder.insert_events([new], commands=[asked])
    assert postgres_recorder.insert_events([new], commands=[asked]) != []


@pytest.mark.live
def test_readers_go_on_by_themselves_when_all_connections_were_cut(
    postgres_recorder: Recorder, database_url: str
) -> None:
    aggregate = uuid4()
    positions = postgres_recorder.insert_events([event(aggregate)], commands=[command()])
    with ThreadPoolExecutor(4) as threads:  # so that several connections are idle, and all of them broken
        list(threads.map(lambda _: postgres_recorder._read("SELECT pg_sleep(0.05)::text"), range(4)))
    cut_all(database_url)
    assert postgres_recorder.positions_of([aggregate]) == {aggregate: positions[0]}


@pytest.mark.live
def test_a_writer_that_failed_leaves_a_connection_that_reads_and_writes(postgres_recorder: Recorder) -> None:
    aggregate, asked = uuid4(), command()
    postgres_recorder.insert_events([event(aggregate)], commands=[command()])
    with pytest.raises(IntegrityError):
        postgres_recorder.insert_events([event(aggregate)], commands=[asked])
    assert postgres_recorder.answer_of(asked.command_id) is None
    assert postgres_recorder.insert_events([event()], commands=[asked]) != []


@pytest.mark.live
def test_a_statement_that_fails_is_not_asked_for_ever(postgres_recorder: Recorder) -> None:
    postgres_recorder.max_notification_id()
    with pytest.raises(OperationalError, match="QueryCanceled"):
        postgres_recorder._read("SET statement_timeout = 10; SELECT pg_sleep(5)::text")


def cut_all(url: str) -> None:
    """End every other connection to the database, as its restart would."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True  # in a transaction, the same sessions would be listed for ever
        cursor = connection.cursor()
        cursor.execute(f"SELECT pg_terminate_backend(pid, 5000) {others}")
        while cursor.fetchall():
            cursor.execute(f"SELECT pg_terminate_backend(pid, 5000) {others}")
