"""A view's store applies each record exactly once, whatever is delivered again, and whoever else is at it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.errors import OffsetGap, PartitionLost, StoreAway
from projections.engine.store import ViewStore
from schemas.event import Record
from tests.integration.view_world import STUDIES, World

pytestmark = pytest.mark.live


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Three batches of one study, 2 instances each, and one of another."""
    made = World(database_url)
    for _ in range(3):
        made.region.receive(study_uid="2.25.1", instances=2)
    made.region.receive(study_uid="2.25.2", instances=5)
    yield made
    made.close()


def end_sessions(world: World, store: ViewStore) -> None:
    """As an administrator, or a crash of the server, would."""
    world.query(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = %s",
        f"krypton view {store.name} v{store.version}",
    )


def test_a_batch_becomes_rows_and_a_position(world: World) -> None:
    """Both or neither: they are one transaction."""
    store, records = world.store(), world.records()
    assert store.apply(records) == len(records)
    last = int(dict(records[-1].headers)["position"])
    assert (world.instances(), world.position()) == ({"2.25.1": 6, "2.25.2": 5}, (len(records), last))


def test_a_new_worker_goes_on_where_the_last_one_stopped(world: World) -> None:
    """It asks the database, and no memory or Kafka commit."""
    world.store().apply(world.records()[:2])
    assert world.store().positions() == {(STUDIES, 0): 2}


def test_a_partition_that_was_never_read_has_no_position(world: World) -> None:
    """Where to begin is the reader's affair."""
    assert world.store().positions() == {}


def test_records_that_come_again_change_nothing(world: World) -> None:
    """Kafka delivers at least once; counts must not grow."""
    store, records = world.store(), world.records()
    store.apply(records[:3])
    assert (store.apply(records[1:3]), store.apply(records)) == (0, 1)
    assert world.instances() == {"2.25.1": 6, "2.25.2": 5}


def test_records_that_come_again_to_a_new_worker_change_nothing(world: World) -> None:
    """After a restart Kafka may begin a little earlier than the position."""
    world.store().apply(world.records()[:3])
    assert world.store().apply(world.records()) == 1
    assert world.instances() == {"2.25.1": 6, "2.25.2": 5}


def test_an_event_that_the_relay_published_twice_is_applied_once(world: World) -> None:
    """The second copy has an offset of its own, but no new ledger position."""
    records = world.records()
    twice = [r._replace(offset=n) for n, r in enumerate([*records[:3], *records[1:3], *records[3:]])]
    assert world.store().apply(twice) == len(records)
    assert (world.instances(), world.position()[0]) == ({"2.25.1": 6, "2.25.2": 5}, len(twice))


def test_a_missing_record_halts_the_partition(world: World) -> None:
    """Nothing of the batch is applied, not even what came before the gap; the error says where."""
    store, records = world.store(), world.records()
    with pytest.raises(OffsetGap, match=f"{STUDIES}/0 jumps from offset 1 to 2"):
        store.apply([records[0], *records[2:]])
    assert (world.instances(), world.position()) == ({}, (0, 0))


def test_partitions_of_one_batch_move_together(world: World) -> None:
    """One transaction, however many partitions it has."""
    records = world.records()
    last = records[-1]._replace(partition=7, offset=0)
    store = world.store()
    store.apply([records[0], last, *records[1:3]])
    assert store.positions() == {(STUDIES, 0): 3, (STUDIES, 7): 1}


def test_a_worker_that_lost_its_partition_applies_nothing(world: World) -> None:
    """Another one has read on meanwhile: rows, counts and position stay as that one left them."""
    zombie, owner, records = world.store(), world.store(), world.records()
    zombie.apply(records[:1])
    owner.apply(records[:3])
    with pytest.raises(PartitionLost, match="another worker"):
        zombie.apply(records[1:])
    assert (world.instances(), world.position()[0]) == ({"2.25.1": 6}, 3)


def test_a_worker_that_lost_its_partition_stays_fenced(world: World) -> None:
    """Asking again does not make it the owner; a new assignment does, for it asks for positions."""
    zombie, records = world.store(), world.records()
    zombie.apply(records[:1])
    world.store().apply(records[:2])
    for _ in range(2):
        with pytest.raises(PartitionLost):
            zombie.apply(records[1:])
    zombie.positions()
    assert zombie.apply(records[1:]) == 2


def test_two_workers_at_the_very_start_do_not_both_apply(world: World) -> None:
    """Where there is no position yet there is no row to lock, and still only one may begin."""
    late, records = world.store(), world.records()
    late.positions()
    world.store().apply(records[:2])
    with pytest.raises(PartitionLost):
        late.apply(records)
    assert world.instances() == {"2.25.1": 4}


def test_workers_that_race_apply_each_record_once(world: World) -> None:
    """Four of them, each believing that the partition is its own, until one has it all."""
    for number in range(3, 43):
        world.region.receive(study_uid=f"2.25.{number}", instances=number)
    records = world.records()

    def work(store: ViewStore) -> int:
        try:
            return sum(store.apply([record]) for record in records)
        except PartitionLost:
            return 0

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, [world.store() for _ in range(4)]))
    world.store().apply(records)
    assert world.instances() == {"2.25.1": 6, "2.25.2": 5, **{f"2.25.{n}": n for n in range(3, 43)}}


def test_a_connection_that_dies_is_replaced(world: World) -> None:
    """The batch that met the dead one was not applied; the same batch again is applied once."""
    store, records = world.store(), world.records()
    store.apply(records[:1])
    end_sessions(world, store)
    with pytest.raises(StoreAway):
        store.apply(records[1:])
    assert (store.apply(records[1:]), world.instances()) == (3, {"2.25.1": 6, "2.25.2": 5})


def test_a_commit_whose_answer_was_lost_is_not_repeated(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server committed and died before it could say so: the retry finds the position moved."""
    store, records = world.store(), world.records()
    store.positions()

    def commit_then_die(*given: Any, careful: bool) -> None:
        write(*given, careful=careful)
        store._forget()
        raise StoreAway("the answer was lost")

    write = store._write
    monkeypatch.setattr(store, "_write", commit_then_die)
    with pytest.raises(StoreAway):
        store.apply(records)
    monkeypatch.undo()
    assert (store.apply(records), world.instances()) == (0, {"2.25.1": 6, "2.25.2": 5})


def test_a_database_that_is_not_there_is_away(world: World) -> None:
    """Not an error of its own kind: the processor waits and asks again."""
    store = ViewStore(world.projection, world.codec, "postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreAway, match="the database is away"):
        store.apply(world.records())


def test_a_worker_frozen_in_its_transaction_does_not_hold_its_partition(world: World) -> None:
    """The server ends the session of a stopped process, so that its successor need not wait for ever."""
    store = world.store()
    with store._session.transaction() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        held_s = int(cursor.fetchone()[0].removesuffix("s"))  # type: ignore[index]  # one row
        cursor.execute("SHOW lock_timeout")
        waits_s = int(cursor.fetchone()[0].removesuffix("s"))  # type: ignore[index]  # one row
    assert 0 < held_s < waits_s


def test_an_empty_batch_is_nothing(world: World) -> None:
    """Nor does it make a position."""
    empty: list[Record] = []
    assert (world.store().apply(empty), world.position()) == (0, (0, 0))
