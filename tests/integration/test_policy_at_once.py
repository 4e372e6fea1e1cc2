"""A backlog of matching lookups is answered by a decision of the whole region, and ends where single lookups end."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import psycopg2
import pytest

from krypton.policies import at_once, looker, seen
from krypton.policies.at_once import AtOnce
from krypton.policies.looker import Faced, Looker
from krypton.policies.match import Match
from krypton.services import policies
from projections.identity_index import due
from tests.integration.policy_world import INDEX, PolicyWorld, made
from tests.integration.ruled_world import regions_decided
from tests.waiting import until

pytestmark = pytest.mark.live
BORN = ("1970-01-02", "1970-01-03", "1970-01-04", "1970-01-05")
WAIT = "state = 'waiting'"


def going_on() -> bool:
    return True


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    """Where six lookups are a backlog, three are made at a time, and it is asked each time whether there is one."""
    made_world = made(installed_url, tmp_path, monkeypatch)
    made_world.shipped_in_force()
    monkeypatch.setattr(at_once, "LEAST", 6)
    monkeypatch.setattr(at_once, "MUCH", 6)
    monkeypatch.setattr(at_once, "AGAIN_MOST_S", 0.0)
    monkeypatch.setattr(looker, "AT_A_TIME", 3)
    monkeypatch.setattr(seen, "PAGE", 2)
    yield made_world
    made_world.close()


def imported(world: PolicyWorld) -> list[str]:
    """Each of four people at two sites, and the twin of the last one."""
    people = [
        world.register(site, f"{site}{number}", birth_date=born)
        for number, born in enumerate(BORN)
        for site in ("CHA", "CHB")
    ]
    twin = world.register("CHC", "twin", given="Zoé", birth_date=BORN[-1])
    world.fold("matching")
    return [*people, twin]


def looking(world: PolicyWorld) -> Looker:
    """A looker that has begun: it knows how far the index is."""
    world.register("CHA", "before", birth_date="1950-05-05")
    world.fold("matching")
    made_looker = policies.looker(world.ours, "matching")
    world.work(INDEX)
    until(lambda: made_looker.once() or not world.outbox("id", WAIT), "it has begun")
    return made_looker


def sent(world: PolicyWorld, looking: Looker) -> None:
    """Until nothing waits any more."""

    def once() -> bool:
        looking.once()
        world.senders.setdefault("matching", policies.sender(world.ours, "matching")).once()
        world.work(INDEX)
        world.fold("matching")
        return not world.outbox("id", WAIT)

    until(once, "all is answered")


def who(world: PolicyWorld, people: list[str]) -> list[int]:
    """Which of them are one person: the first place of each."""
    persons = list(world.persons(*people))
    return [persons.index(person) for person in persons]


def test_a_backlog_is_answered_by_one_decision_of_the_region(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same persons as single lookups make, and the doubtful pair is put to a human."""
    looks = looking(world)
    people = imported(world)
    world.work(INDEX)
    decided = regions_decided(monkeypatch)
    looks.once()  # the first three, and more wait
    assert decided == []
    assert looks.once()
    assert decided == ["identity_index_v2"]
    assert world.outbox("id", f"{WAIT} AND kind = 'lookup'") == []
    sent(world, looks)
    assert who(world, people) == [0, 0, 2, 2, 4, 4, 6, 7, 8]
    with world.ours.snapshot() as connection:
        left = due.due(connection, "identity_index_v2")
    assert (left.merges, left.proposals, left.unmerges) == ([], [], [])
    asked = {event.data["rule"] for event in world.history() if event.type == "link.review_requested"}
    assert asked == {"review"}


def begun(world: PolicyWorld) -> AtOnce:
    match = Match(world.ours)
    once = AtOnce(world.ours, match)
    until(lambda: _reads(world, match), "it knows how far the index is")
    return once


def facing_a_backlog(world: PolicyWorld) -> AtOnce:
    """It has begun, and the index has read all who wait."""
    world.work(INDEX)
    once = begun(world)
    imported(world)
    world.work(INDEX)
    return once


def _reads(world: PolicyWorld, match: Match) -> bool:
    with world.ours.snapshot() as connection:
        return match.read(connection) is not None


def test_few_who_wait_are_looked_up_one_by_one(world: PolicyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = regions_decided(monkeypatch)
    world.work(INDEX)
    once = begun(world)
    for number in range(5):
        world.register("CHA", str(number))
    world.work(INDEX)
    world.fold("matching")
    assert once.once(going_on) is Faced.ONE_BY_ONE
    assert decided == []


def test_all_that_the_index_has_read_is_answered_by_one_decision(world: PolicyWorld) -> None:
    """Not only as many as make it worth while."""
    assert facing_a_backlog(world).once(going_on) is Faced.ANSWERED
    assert world.outbox("id", f"{WAIT} AND kind = 'lookup'") == []


def test_who_the_index_has_not_read_waits(world: PolicyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the later of two of one person would see nobody."""
    decided = regions_decided(monkeypatch)
    world.work(INDEX)
    once = begun(world)
    imported(world)
    assert once.once(going_on) is Faced.RESTS
    assert decided == []
    world.work(INDEX)
    assert once.once(going_on) is Faced.ANSWERED
    assert decided


def reading(world: PolicyWorld, people: list[str], many: int) -> None:
    """The index reads on, up to so many of these people."""
    (at,) = (event.position for event in world.history() if event.aggregate_id == people[many - 1])
    for (view, _), store in world.stores.items():
        if view == INDEX:
            store.apply([one for one in world.records(INDEX) if int(dict(one.headers)["position"]) <= at])


def looked_at_three(world: PolicyWorld) -> tuple[Looker, list[str]]:
    """Nine wait, of whom the index has read five; the first three were looked up."""
    looks = looking(world)
    people = imported(world)
    reading(world, people, 5)
    looks.once()
    assert waiting(world) == 6
    return looks, people


def waiting(world: PolicyWorld) -> int:
    return len(world.outbox("id", f"{WAIT} AND kind = 'lookup'"))


def test_lookups_rest_while_the_index_reads_what_they_are_about(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would be made twice: one by one, and by the decision that comes."""
    decided = regions_decided(monkeypatch)
    looks, people = looked_at_three(world)
    assert not looks.once()
    assert looks.rests
    assert waiting(world) == 6
    world.work(INDEX)
    assert looks.once()
    assert (waiting(world), len(decided)) == (0, 1)
    sent(world, looks)
    assert who(world, people) == [0, 0, 2, 2, 4, 4, 6, 7, 8]


def test_nothing_rests_for_an_index_that_stands_still(world: PolicyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has read is matched: nobody knows when it goes on."""
    monkeypatch.setattr(at_once, "STILL_S", 0.0)
    looks, _ = looked_at_three(world)
    looks.once()
    assert waiting(world) == 4
    looks.once()
    assert waiting(world) == 4  # nobody can tell yet what these are about


@pytest.mark.parametrize(("waiting", "is_decided"), [(9, True), (8, False)])
def test_a_part_of_the_region_waits(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch, waiting: int, is_decided: bool
) -> None:
    """A file in a large region is matched one by one: an eighth of 72 are nine."""
    decided = regions_decided(monkeypatch)
    monkeypatch.setattr(at_once, "KNOWN", "SELECT 72 AS n, %(schema)s")
    world.work(INDEX)
    once = begun(world)
    for number in range(waiting):
        world.register("CHA", str(number), birth_date=f"1970-02-{number + 10}")
    world.work(INDEX)
    world.fold("matching")
    once.once(going_on)
    assert bool(decided) is is_decided


@pytest.mark.parametrize(("known", "is_decided"), [(13, True), (14, False)])
def test_while_the_index_has_much_to_read_three_quarters_of_the_region_are_to_wait(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch, known: int, is_decided: bool
) -> None:
    """A region that grows is not decided again and again. Nine wait whom the index has read."""
    decided = regions_decided(monkeypatch)
    monkeypatch.setattr(at_once, "KNOWN", f"SELECT {known} AS n, %(schema)s")
    once = facing_a_backlog(world)
    for number in range(10):
        world.register("CHB", f"later{number}", birth_date="1950-01-01")
    world.fold("matching")
    once.once(going_on)
    assert bool(decided) is is_decided


def test_where_the_index_stands_still_a_part_of_the_region_is_enough(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much it had to read: it will not soon."""
    decided = regions_decided(monkeypatch)
    monkeypatch.setattr(at_once, "KNOWN", "SELECT 72 AS n, %(schema)s")
    once = facing_a_backlog(world)
    for number in range(10):
        world.register("CHB", f"later{number}", birth_date="1950-01-01")
    world.fold("matching")
    assert once.once(going_on) is Faced.RESTS
    monkeypatch.setattr(at_once, "STILL_S", 0.0)
    assert once.once(going_on) is Faced.ANSWERED
    assert len(decided) == 1


def failing(*_: Any, **__: Any) -> Any:
    raise MemoryError


def stopping(tell: Callable[..., None]) -> Any:
    tell("identities read", 1, 2)
    raise AssertionError("it went on")


def test_what_cannot_be_decided_at_once_is_looked_up_one_by_one(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as a region too large for the memory: it is told once, and the slower way goes on."""
    once = facing_a_backlog(world)
    before = world.outbox()
    monkeypatch.setattr(due, "due", failing)
    assert once.once(going_on) is Faced.ONE_BY_ONE
    assert once.once(going_on) is Faced.ONE_BY_ONE
    assert world.outbox() == before
    assert caplog.text.count("cannot be answered at once (MemoryError)") == 1


@pytest.mark.parametrize("ended", [psycopg2.errors.QueryCanceled, psycopg2.errors.DiskFull])
def test_where_the_server_ends_the_decision_lookups_are_made_one_by_one(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch, ended: type[Exception]
) -> None:
    """It is there, and would end the next one, too. Another is tried later: it may have been restarted meanwhile."""
    once = facing_a_backlog(world)
    asked = Mock(side_effect=ended)
    monkeypatch.setattr(due, "due", asked)
    monkeypatch.setattr(at_once, "AGAIN_MOST_S", 600.0)
    assert once.once(going_on) is Faced.ONE_BY_ONE
    assert once.once(going_on) is Faced.ONE_BY_ONE
    assert asked.call_count == 1


def test_a_server_that_is_away_is_waited_for(world: PolicyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    once = facing_a_backlog(world)
    with monkeypatch.context() as patch:
        patch.setattr(due, "due", Mock(side_effect=psycopg2.OperationalError))
        patch.setattr(at_once, "reachable", Mock(side_effect=psycopg2.OperationalError))
        with pytest.raises(psycopg2.OperationalError):
            once.once(going_on)
    assert once.once(going_on) is Faced.ANSWERED


def test_what_a_region_holds_is_known_after_the_server_lost_its_counts(world: PolicyWorld) -> None:
    """It drops them when it recovers from a crash; a few who wait would be much of a region of nobody."""
    for number in range(5):
        world.register("CHA", str(number))
    world.work(INDEX)
    world.query("ANALYZE identity_index_v2.identity")
    world.query("SELECT pg_stat_reset()")
    ((known,),) = world.query(at_once.KNOWN % {"schema": "'identity_index_v2'"})
    assert known == 5


def test_a_process_that_is_to_end_does_not_decide_to_the_end(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is as it was."""
    once = facing_a_backlog(world)
    before = world.outbox()
    monkeypatch.setattr(due, "due", lambda *_, tell: stopping(tell))
    assert once.once(lambda: False) is Faced.ONE_BY_ONE
    assert world.outbox() == before


def test_what_is_due_of_two_who_do_not_wait_follows_from_who_waits(world: PolicyWorld) -> None:
    """A twin in a backlog takes a merge back that rules made before."""
    one, other = world.register("CHA", "old"), world.register("CHB", "old")
    world.react("matching")
    assert who(world, [one, other]) == [0, 0]
    twin = world.register("CHC", "twin", given="Zoé")
    people = [world.register("CHA", f"new{number}", birth_date=f"1950-03-1{number}") for number in range(8)]
    world.fold("matching")
    world.work(INDEX)
    assert begun(world).once(going_on) is Faced.ANSWERED
    assert world.outbox("id", f"{WAIT} AND kind = 'lookup'") == []
    sent(world, policies.looker(world.ours, "matching"))
    assert who(world, [one, other, twin, *people]) == list(range(11))
