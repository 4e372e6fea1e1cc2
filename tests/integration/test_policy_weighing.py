"""The policy ``matching`` under the rules that ship, on PostgreSQL: at once, and taken back where the evidence goes."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.outbox.outbox import Entry
from domain.commands.identities import AttachIns, Correct
from domain.commands.links import Bar, Dismiss, Merge, Unbar, Unmerge
from domain.matching.record import Record
from krypton.policies.match import Match
from krypton.views import promote
from policies import commands
from projections.identity_index import neighbourhood, whole
from projections.identity_index.due import due
from tests.fakes.views import pair
from tests.fakes.weighing import TEST_OID, matricule
from tests.integration.policy_world import INDEX, PolicyWorld, made
from tests.waiting import until

pytestmark = pytest.mark.live
MERGED, UNMERGED, REVIEW = "link.merged", "link.unmerged", "link.review_requested"


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    made_world = made(installed_url, tmp_path, monkeypatch)
    made_world.shipped_in_force()
    yield made_world
    made_world.close()


def attach(world: PolicyWorld, identity: str, order: str = "001") -> None:
    world.ask(AttachIns(identity=UUID(identity), matricule=matricule(order), oid=TEST_OID))


def links(world: PolicyWorld, after: int, event_type: str) -> list[dict[str, Any]]:
    """What was said of pairs after a position."""
    return [dict(event.data) for event in world.history(after) if event.type == event_type]


def are_one(world: PolicyWorld, *identities: str) -> bool:
    return len(set(world.persons(*identities))) == 1


def test_one_number_and_one_given_name_are_one_person_whatever_else_differs(world: PolicyWorld) -> None:
    """The decision keeps rule, version, weight and the level of each field, and no value."""
    one, other = world.register("CHA"), world.register("CHB", family="MARIEE", birth_place="")
    attach(world, one)
    attach(world, other)
    world.react()
    assert are_one(world, one, other)
    (merged,) = links(world, 0, MERGED)
    assert (merged["rule"], merged["rule_version"]) == ("sure", 2)
    assert {"number own", "given exact", "birth exact", "family different"} <= set(merged["compared"])
    assert any(told.startswith("weight ") for told in merged["compared"])
    assert "FICTIVE" not in str(merged["compared"])


@pytest.mark.parametrize(
    "stated",
    [{}, {"family": "FICTIV"}, {"given": "ALEXX"}, {"family": "Fïctive"}],
    ids=["equal", "family", "given", "accent"],
)
def test_strict_traits_with_one_slip_in_one_name_are_one_person(world: PolicyWorld, stated: dict[str, str]) -> None:
    one, other = world.register("CHA"), world.register("CHB", **stated)
    world.react()
    assert are_one(world, one, other)
    assert [merged["rule"] for merged in links(world, 0, MERGED)] == ["strict"]


@pytest.mark.parametrize(
    "stated",
    [{"birth_date": "1970-01-03"}, {"birth_place": "13055"}, {"sex": "M"}, {"family": "FICTIV", "given": "ALEXX"}],
    ids=["day", "place", "sex", "two slips"],
)
def test_what_contradicts_or_says_too_little_is_not_merged(world: PolicyWorld, stated: dict[str, str]) -> None:
    one, other = world.register("CHA"), world.register("CHB", **stated)
    world.react()
    assert not are_one(world, one, other)
    assert not links(world, 0, MERGED)


def test_two_numbers_are_two_people_and_a_third_without_one_joins_neither(world: PolicyWorld) -> None:
    """A blank number never bridges two that differ."""
    one, other, between = (world.register(site) for site in ("CHA", "CHB", "CHC"))
    attach(world, one, "001")
    attach(world, other, "002")
    world.react()
    assert len(set(world.persons(one, other, between))) == 3


def test_a_twin_who_turns_up_takes_back_what_strict_traits_merged(world: PolicyWorld) -> None:
    """Of two Alex of one day and one name either may be the twin, sent under the wrong name: a human looks."""
    one, other = world.register("CHA"), world.register("CHB")
    world.react()
    assert are_one(world, one, other)
    before = world.head()
    twin = world.register("CHC", given="Zoé")
    world.react()
    assert len(set(world.persons(one, other, twin))) == 3
    assert len(links(world, before, UNMERGED)) == 1
    waiting = {frozenset((asked["low"], asked["high"])) for asked in links(world, before, REVIEW)}
    assert frozenset((one, other)) in waiting
    assert due_now(world) == ([], [], [])


def test_a_twin_who_is_looked_up_before_the_index_has_read_a_merge_takes_it_back(world: PolicyWorld) -> None:
    world.register("CHA", "0", family="AUTRE", birth_date="1950-05-05")
    world.react()  # the sender has begun
    one, other = world.register("CHA"), world.register("CHB")
    world.work(INDEX)
    match = Match(world.ours)
    early = Entry(uuid4(), "lookup", "match", {"identity": one}, world.head(), uuid4(), 0)
    until(lambda: match([early]).get(early.id), "the two are to be merged")
    ((_, said),) = match([early])[early.id]
    match.close()
    twin = world.register("CHC", given="Zoé")
    world.work(INDEX)
    world.ask(commands.build(said.does, said.body))
    world.fold("matching")
    until(world.senders["matching"].once, "all three were looked up, beside an index that knows of no merge")
    assert not links(world, 0, UNMERGED)
    world.react()
    assert len(set(world.persons(one, other, twin))) == 3
    assert due_now(world) == ([], [], [])


def test_a_twin_whom_a_human_knows_for_the_same_person_is_none(world: PolicyWorld) -> None:
    """Zoé was Alex by mistake: nobody in that block is a twin any more, until the human takes it back."""
    one, other, zoe = world.register("CHA"), world.register("CHB"), world.register("CHC", given="Zoé")
    world.react()
    assert not are_one(world, one, other)
    world.ask(Merge(**pair(one, zoe), reason="papers seen"))
    world.react()
    assert len(set(world.persons(one, other, zoe))) == 1
    assert due_now(world) == ([], [], [])
    world.ask(Unmerge(**pair(one, zoe), reason="the papers were another's"))
    world.react()
    assert len(set(world.persons(one, other, zoe))) == 3
    assert due_now(world) == ([], [], [])


def test_a_number_of_their_own_keeps_two_together_whoever_turns_up(world: PolicyWorld) -> None:
    one, other = world.register("CHA"), world.register("CHB")
    attach(world, one)
    attach(world, other)
    world.react()
    world.register("CHC", given="Zoé")
    world.react()
    assert are_one(world, one, other)


def test_a_correction_takes_the_ground_from_a_merge_which_is_taken_back(world: PolicyWorld) -> None:
    one, other = world.register("CHA"), world.register("CHB")
    world.react()
    world.ask(Correct(identity=UUID(other), stated={"birth_date": "1980-05-06"}, reason="another person"))
    world.react()
    assert not are_one(world, one, other)
    world.ask(Correct(identity=UUID(other), stated={"birth_date": "1970-01-02"}, reason="no, it was right"))
    world.react()
    assert are_one(world, one, other)


def test_two_who_register_at_once_are_one_person(world: PolicyWorld) -> None:
    people = [world.register(site) for site in ("CHA", "CHB", "CHC")]
    world.react()
    assert are_one(world, *people)
    assert len(links(world, 0, MERGED)) == 2


def test_what_a_human_said_stands(world: PolicyWorld) -> None:
    """Unmerged, dismissed or barred; whoever comes later agrees with both, and joins neither."""
    one, other = world.register("CHA"), world.register("CHB")
    world.react()
    world.ask(Unmerge(**pair(one, other), reason="two people"))
    world.react()
    assert not are_one(world, one, other)
    before = world.head()
    third = world.register("CHC")
    world.react()
    assert len(set(world.persons(one, other, third))) == 3
    assert not links(world, before, MERGED)
    assert links(world, before, REVIEW)


def test_a_lookup_weighs_no_two_twice_and_makes_nobodys_keys_twice(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [world.register(site) for site in ("CHA", "CHB", "CHC")]
    twin = world.register("CHA", "2", given="Zoé")
    world.work(INDEX)
    asked: Counter[Any] = Counter()
    for name in ("weighed", "keys"):
        monkeypatch.setattr(neighbourhood, name, counted(asked, name, getattr(neighbourhood, name)))
    with world.ours.snapshot() as connection:
        assert due(connection, "identity_index_v2", within=frozenset([people[0]])).proposals
        assert {called[0] for called in asked} == {"weighed", "keys"}
        assert {*asked.values()} == {1}
        assert twin in {side for one in due(connection, "identity_index_v2").proposals for side in one[:2]}


def counted(asked: Counter[Any], name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """The same, and how often it was asked for the same records."""

    def ask(*given: Any) -> Any:
        asked[name, frozenset(id(one) for one in given if isinstance(one, Record))] += 1
        return real(*given)

    return ask


def test_a_bar_keeps_two_apart_until_it_is_lifted(world: PolicyWorld) -> None:
    one = world.register("CHA")
    other = world.register("CHB", birth_date="1980-05-06")
    world.ask(Bar(**pair(one, other), reason="two people"))
    world.ask(Correct(identity=UUID(other), stated={"birth_date": "1970-01-02"}, reason="misread"))
    world.react()
    assert not are_one(world, one, other)
    world.ask(Unbar(**pair(one, other), reason="one after all"))
    world.react()
    assert are_one(world, one, other)


def test_a_doubtful_pair_is_put_to_a_human_once(world: PolicyWorld) -> None:
    """With its score, so that the likeliest comes first."""
    one, other = world.register("CHA"), world.register("CHB", birth_date="1970-02-01")  # day and month swapped
    world.react()
    (asked,) = links(world, 0, REVIEW)
    assert (asked["rule"], {asked["low"], asked["high"]}) == ("review", {one, other})
    assert 0.5 < asked["score"] <= 1
    world.ask(Dismiss(**pair(one, other), reason="two people"))
    world.react()
    assert len(links(world, 0, REVIEW)) == 1


def test_whom_a_human_merged_stay_together(world: PolicyWorld) -> None:
    one, other = world.register("CHA"), world.register("CHB", given="Zoé", birth_date="1980-05-06")
    world.ask(Merge(**pair(one, other), reason="papers seen", even_though=("birth_date",)))
    world.react()
    assert are_one(world, one, other)


def due_now(world: PolicyWorld) -> tuple[list[Any], list[Any], list[Any]]:
    """What a promotion of the same rules would decide."""
    with world.ours.snapshot() as connection:
        found = due(connection, "identity_index_v2")
    return found.merges, found.unmerges, found.proposals


def test_who_was_known_before_the_rules_is_matched_by_their_promotion(
    installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = made(installed_url, tmp_path, monkeypatch)
    try:
        one, other, stranger = world.register("CHA"), world.register("CHB"), world.register("CHC", family="AUTRE")
        world.shipped_in_force()
        assert are_one(world, one, other)
        assert not are_one(world, one, stranger)
        assert due_now(world) == ([], [], [])
    finally:
        world.close()


def test_a_lookup_answers_for_what_the_view_had_read_and_is_made_again_where_it_was_lost(world: PolicyWorld) -> None:
    """A registration and its number are two events. Who was not settled asks with the same entry once more."""
    world.register("CHA")
    newcomer, registered = world.register("CHB"), world.head()
    attach(world, newcomer)
    attached = world.head()
    world.work(INDEX)
    match = Match(world.ours)
    first, second = (
        Entry(uuid4(), "lookup", "match", {"identity": newcomer}, cause, uuid4(), 0) for cause in (registered, attached)
    )
    until(lambda: match([first]).get(first.id), "the newcomer is to be merged")
    assert match([second]) == {second.id: ()}
    assert match([first])[first.id]
    later = world.register("CHC")
    world.work(INDEX)
    third = first._replace(id=uuid4(), body={"identity": newcomer}, cause=world.head())
    assert {later, newcomer} <= {side for _, due in match([third])[third.id] for side in map(str, due.body.values())}
    match.close()


def test_whom_the_ledger_merged_is_not_merged_again_while_the_view_is_behind(world: PolicyWorld) -> None:
    """Each of two finds the other: in an import the index has read both long before it reads that they were merged."""
    one, other = world.register("CHA"), world.register("CHB")
    world.work(INDEX)
    match = Match(world.ours)
    first, second = (
        Entry(uuid4(), "lookup", "match", {"identity": side}, world.head(), uuid4(), 0) for side in (one, other)
    )
    until(lambda: match([first]).get(first.id), "the two are to be merged")
    ((_, said),) = match([first])[first.id]
    world.ask(commands.build(said.does, said.body))
    assert not match([second])[second.id]
    world.ask(Unmerge(**pair(one, other), reason="papers seen"))
    assert [said.does for _, said in match([second])[second.id]] == ["merge"]
    world.react()
    assert not are_one(world, one, other)
    match.close()


class Killed(BaseException):
    """The process is gone: nothing after this ran."""


def test_a_promotion_that_was_killed_while_it_decided_is_finished_by_the_next_command(
    installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = made(installed_url, tmp_path, monkeypatch)
    try:
        one, other = world.register("CHA"), world.register("CHB")
        world.shipped(2)
        world.work(INDEX)
        version = world.build(INDEX, matching=2)
        with monkeypatch.context() as patched:
            patched.setattr(whole, "decided", killed)
            with pytest.raises(Killed):
                promote.promote(world.ours, INDEX, version, "system:test")
        told: list[tuple[str, int, int]] = []
        for _ in range(2):
            assert promote.settle(world.ours, tell=lambda *how: told.append(how)) == {}
            world.work(INDEX)
        assert are_one(world, one, other)
        assert len(links(world, 0, MERGED)) == 1
        assert [what for what, done, total in told if done == total][-2:] == ["identities decided", "decisions raised"]
    finally:
        world.close()


def killed(*_: Any) -> Any:
    raise Killed


def test_a_region_is_decided_in_parts_as_if_all_were_one_neighbourhood(
    installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any number of processes; what people said before stands, and what they set apart is shown."""
    world = made(installed_url, tmp_path, monkeypatch)
    try:
        people = [
            world.register(site, f"{family}{given}{day}", family=family, given=given, birth_date=f"1970-01-0{day}")
            for family in ("FICTIVE", "FICTIV", "AUTRE")
            for given in ("Alex", "Zoé")
            for day in (2, 3)
            for site in ("CHA", "CHB", "CHC")
        ]
        people += [world.register(site, "P", family="FABULE", given="Paul") for site in ("CHA", "CHB", "CHC")]
        world.ask(Merge(**pair(people[0], people[4]), reason="papers seen", even_though=("birth_date",)))
        world.ask(Bar(**pair(people[1], people[2]), reason="twins"))
        world.ask(Dismiss(**pair(people[9], people[10]), reason="not the same"))
        world.shipped(2)
        world.work(INDEX)
        schema = f"{INDEX}_v{world.build(INDEX, matching=2)}"
        with world.ours.snapshot() as connection:
            near = due(connection, schema, within=frozenset(people))
            for processes in (1, 2):
                found = due(connection, schema, processes=processes)
                for what in ("merges", "proposals", "unmerges"):
                    assert sorted(getattr(found, what)) == sorted(getattr(near, what))
                assert found.would_be == near.would_be
        assert near.merges
        assert near.proposals
    finally:
        world.close()
