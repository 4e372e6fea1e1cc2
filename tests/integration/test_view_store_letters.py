"""What a view cannot read or apply waits, with all that follows under its key, and everything else goes on."""

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import psycopg2
import pytest

from domain.errors import IdTaken, NotFound, PartitionLost
from projections.engine import dead_letters
from projections.engine.dead_letters import ReplayFailed
from projections.engine.replays import Asked
from schemas.event import Record
from tests.integration.view_world import INCOMPRESSIBLE, Picky, World, with_accession

pytestmark = pytest.mark.live
BAD, GOOD = "2.25.1", "2.25.2"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Two batches of a study that the view fails on, around two of one that it does not."""
    made = World(database_url, Picky())
    for study_uid in (GOOD, BAD, GOOD, BAD):
        made.region.receive(study_uid=study_uid, instances=2)
    yield made
    made.close()


@pytest.fixture
def poisoned(world: World) -> World:
    """The same, applied: the bad study waits."""
    picky(world).fails_on = {BAD}
    world.store().apply(world.records())
    return world


def picky(world: World) -> Picky:
    assert isinstance(world.projection, Picky)
    return world.projection


def replay(world: World, *, key: bytes | None = None, ident: int | None = None, by: Asked | None = None) -> int:
    with closing(psycopg2.connect(world.url)) as connection:
        return dead_letters.replay(connection, world.projection, world.codec, key=key, ident=ident, by=by)


def damaged(record: Record) -> Record:
    """Its last bytes are lost."""
    return record._replace(value=record.value[:-3])


def test_an_event_that_cannot_be_applied_does_not_stop_the_others(poisoned: World) -> None:
    """The other study is whole, and the position has passed both."""
    assert (poisoned.instances(), poisoned.position()[0]) == ({GOOD: 4}, 4)


def test_later_events_of_its_key_wait_behind_it(poisoned: World) -> None:
    """Though they could be applied by themselves: order within a key is kept."""
    bad = [r for r in poisoned.records() if r.key == poisoned.records()[1].key]
    with closing(psycopg2.connect(poisoned.url)) as connection:
        assert [letter.record for letter in dead_letters.waiting(connection)] == bad


def test_events_of_a_parked_key_wait_in_later_batches_too(poisoned: World) -> None:
    """Also for a worker that was started since, and once the view is fixed."""
    picky(poisoned).fails_on = set()
    poisoned.region.receive(study_uid=BAD, instances=2)
    poisoned.store().apply(poisoned.records())
    assert (len(poisoned.reasons()), poisoned.instances()) == (3, {GOOD: 4})


def test_a_reason_names_event_position_and_error_but_no_value(poisoned: World) -> None:
    """Even where the error's own message names one."""
    position = int(dict(poisoned.records()[1].headers)["position"])
    assert poisoned.reasons()[0] == f"study.arrived at position {position} was not applied: ZeroDivisionError"


def test_a_record_that_cannot_be_read_waits(world: World) -> None:
    """Cut in transit, say; its key's next event waits behind it."""
    records = world.records()
    world.store().apply([records[0], damaged(records[1]), *records[2:]])
    first, second = world.reasons()
    assert "cannot be read: NotAnEvent: truncated or damaged body" in first
    assert "waits behind" in second


def test_a_record_without_a_position_waits(world: World) -> None:
    """Somebody else's message on our topic."""
    alien = Record("krypton.studies", 0, 0, b"alien", b"{}", ())
    world.store().apply([alien, *(r._replace(offset=r.offset + 1) for r in world.records())])
    assert (len(world.reasons()), world.instances()) == (1, {GOOD: 4, BAD: 4})
    assert world.reasons()[0].startswith("a record at unknown position cannot be read: NotAnEvent")


def test_an_altered_seal_is_one_records_fault(world: World) -> None:
    """Its bytes decode, but the sealed field does not open: the others are read all the same."""
    records = world.records()
    altered = bytearray(records[1].value)
    altered[altered.index(b"2026-01-02") + 20] ^= 1  # in the sealed description, which follows the start time
    world.store().apply([records[0], records[1]._replace(value=bytes(altered)), *records[2:]])
    assert (world.instances(), len(world.reasons())) == ({GOOD: 4}, 2)


def test_a_row_that_postgresql_refuses_is_one_events_fault(world: World) -> None:
    """A NUL character in a text is found only when it is written: the batch is then folded one by one."""
    records = world.records()
    world.store().apply([records[0], with_accession(world, records[1], "A\0"), *records[2:]])
    assert world.instances() == {GOOD: 4}
    assert world.reasons()[0].endswith('RowRefused: "patient_record_v1"."study": UntranslatableCharacter')


def test_a_text_too_long_for_its_index_is_one_events_fault(world: World) -> None:
    """psycopg2 counts PostgreSQL's refusal with the errors of a server that is away: asking again would never end."""
    records = world.records()
    world.store().apply([records[0], with_accession(world, records[1], INCOMPRESSIBLE), *records[2:]])
    assert world.instances() == {GOOD: 4}
    assert world.reasons()[0].endswith('RowRefused: "patient_record_v1"."study": ProgramLimitExceeded')


def test_a_failed_event_leaves_no_dead_letter_when_the_batch_is_lost(world: World) -> None:
    """Letters are of the same transaction as the position."""
    picky(world).fails_on = {BAD}
    zombie = world.store()
    zombie.positions()
    world.store().apply(world.records()[:1])
    with pytest.raises(PartitionLost):
        zombie.apply(world.records())
    assert world.reasons() == []


def test_dead_letters_are_published_once(poisoned: World) -> None:
    """The processor puts them on their topic, byte for byte, and says so."""
    store = poisoned.store()
    letters = store.unpublished(10)
    store.published([letter.id for letter in letters])
    bad = [r for r in poisoned.records() if r.key == letters[0].record.key]
    assert ([letter.record for letter in letters], store.unpublished(10)) == (bad, [])


def test_replay_applies_all_that_waits_in_order(poisoned: World) -> None:
    """And the key goes on by itself from there."""
    picky(poisoned).fails_on = set()
    assert replay(poisoned, key=poisoned.records()[1].key) == 2
    poisoned.region.receive(study_uid=BAD, instances=2)
    poisoned.store().apply(poisoned.records())
    assert poisoned.instances() == {GOOD: 4, BAD: 6}


def test_replay_of_one_letter_takes_its_whole_key_along(poisoned: World) -> None:
    """A later letter cannot overtake the one that it waits behind."""
    picky(poisoned).fails_on = set()
    with closing(psycopg2.connect(poisoned.url)) as connection:
        last = dead_letters.waiting(connection, "patient_record")[-1]
    assert (replay(poisoned, ident=last.id), poisoned.instances()) == (2, {GOOD: 4, BAD: 4})


def test_a_replay_that_fails_again_changes_nothing_and_says_why(poisoned: World) -> None:
    """The letters still wait, and the key is still parked."""
    with pytest.raises(
        ReplayFailed, match=r"study\.arrived at position \d+ was not applied: ZeroDivisionError: nothing"
    ):
        replay(poisoned, key=poisoned.records()[1].key)
    with closing(psycopg2.connect(poisoned.url)) as connection:
        assert len(dead_letters.waiting(connection)) == 2
    assert (poisoned.instances(), poisoned.query("SELECT count(*) FROM views.parked_key")) == ({GOOD: 4}, [(1,)])


def test_a_replay_asked_again_under_its_id_answers_as_the_first_time_and_names_who_asked(poisoned: World) -> None:
    """One that failed is no answer yet: it is tried again."""
    by = Asked("system:operator", uuid4())
    key = poisoned.records()[1].key
    with pytest.raises(ReplayFailed):
        replay(poisoned, key=key, by=by)
    picky(poisoned).fails_on = set()
    assert (replay(poisoned, key=key, by=by), replay(poisoned, key=key, by=by)) == (2, 2)
    assert poisoned.query("SELECT actor, applied FROM views.replay") == [("system:operator", 2)]
    with pytest.raises(IdTaken):  # W5
        replay(poisoned, key=key, by=by._replace(actor="operator:other"))


def test_what_was_replayed_waits_no_more_but_can_be_shown(poisoned: World) -> None:
    """A second replay finds nothing; the letter stays for who asks later what happened."""
    picky(poisoned).fails_on = set()
    key = poisoned.records()[1].key
    replay(poisoned, key=key)
    with pytest.raises(NotFound, match="nothing waits in patient_record v1"):
        replay(poisoned, key=key)
    with closing(psycopg2.connect(poisoned.url)) as connection:
        assert dead_letters.show(connection, 1).record.key == key


def test_a_letter_that_does_not_exist_is_not_found(poisoned: World) -> None:
    """The message says where to look."""
    with closing(psycopg2.connect(poisoned.url)) as connection, pytest.raises(NotFound, match="dead-letters list"):
        dead_letters.show(connection, 999)
