"""The policy ``matching`` on PostgreSQL: who comes later is matched as a promotion would, and by no rule otherwise."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.commands.identities import AttachIns, ClearFlag, Correct
from domain.commands.links import Bar, Dismiss, Merge, Unbar, Unmerge
from domain.commands.pairs import link_of
from domain.commands.rules import PublishRules
from domain.matching.candidates import MOST
from domain.work import Work
from krypton.services import matching_health, policies
from krypton.services.decisions import counted
from krypton.views import lag
from projections.identity_index.due import due
from projections.versions import catalog, versions
from tests.fakes.erasing import Erase
from tests.fakes.views import pair
from tests.fakes.weighing import TEST_OID, matricule, of_equal_fields
from tests.integration.policy_world import INDEX, PolicyWorld, made
from tests.waiting import until

pytestmark = pytest.mark.live
MERGED, UNMERGED, REVIEW = "link.merged", "link.unmerged", "link.review_requested"
PLACES = {"CHA": "33063", "CHB": "75056", "CHC": "13055"}
"""None is near another: strict traits merge nobody of these."""


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    yield (world := made(installed_url, tmp_path, monkeypatch))
    world.close()


def test_who_registers_under_rules_in_force_is_matched(world: PolicyWorld) -> None:
    """No promotion decides it: the newcomer's own registration does."""
    first = world.register("CHA")
    world.in_force()
    before = world.head()
    second = world.register("CHB")
    world.react()
    assert len(set(world.persons(first, second))) == 1
    (merged,) = [event for event in world.history(before) if event.type == MERGED]
    told = [merged.data[name] for name in ("actor", "rule", "rule_version", "reason")]
    assert told == ["system:policy-matching", "strict", 1, "strict of matching@1"]


def test_what_was_matched_follows_from_the_registration(world: PolicyWorld) -> None:
    """Both carry the same correlation id."""
    world.in_force()
    world.register("CHA")
    before = world.head()
    world.register("CHB")
    world.react()
    registered, *linked = world.history(before)
    assert {event.data["correlation_id"] for event in linked} == {registered.data["correlation_id"]}


def test_two_who_register_at_once_are_matched_once(world: PolicyWorld) -> None:
    world.in_force()
    before = world.head()
    people = [world.register(site) for site in ("CHA", "CHB", "CHC")]
    world.react()
    assert len(set(world.persons(*people))) == 1
    assert world.types(before)[MERGED] == 2


def test_a_weaker_rule_puts_the_newcomer_to_a_human(world: PolicyWorld) -> None:
    world.in_force()
    world.register("CHA")
    before = world.head()
    world.register("CHB", birth_place="")
    world.react()
    found = world.types(before)
    assert (found.get(REVIEW), found.get(MERGED)) == (1, None)


def test_what_became_of_each_newcomer_is_counted(world: PolicyWorld) -> None:
    """Merged, proposed to a human, or left alone; by nobody but who notes it, and once."""
    world.in_force()
    world.register("CHA")
    world.react()
    before = matched(world)
    world.register("CHB")
    world.react()
    assert matched(world) == before | {"merged": before["merged"] + 1}
    world.register("CHC", birth_place="")
    world.react()
    assert matched(world) == before | {"merged": before["merged"] + 1, "proposed": before["proposed"] + 1}
    world.register("CHC", "2", family="AUTRE")
    world.react()
    assert matched(world)["left"] == before["left"] + 1


def matched(world: PolicyWorld) -> dict[str, int]:
    """How often matching decided what."""
    counts = counted(world.ours.addresses.database)
    return {one.decision: n for one, n in counts.items() if one.by == "matching" and not one.rule}


def test_a_correction_that_makes_two_agree_matches_them(world: PolicyWorld) -> None:
    world.in_force()
    one, other = world.register("CHA"), world.register("CHB", family="AUTRE")
    world.react()
    assert len(set(world.persons(one, other))) == 2
    world.ask(Correct(identity=UUID(other), stated={"family": "FICTIVE"}, reason="typing error"))
    world.react()
    assert len(set(world.persons(one, other))) == 1


def test_a_correction_takes_the_ground_from_a_rules_merge_which_is_taken_back(world: PolicyWorld) -> None:
    world.in_force()
    one, other = world.register("CHA"), world.register("CHB")
    world.react()
    before = world.head()
    world.ask(Correct(identity=UUID(other), stated={"birth_date": "1980-02-03"}, reason="another person"))
    world.react()
    assert len(set(world.persons(one, other))) == 2
    (unmerged,) = [event.data for event in world.history(before) if event.type == UNMERGED]
    assert (unmerged["rule"], unmerged["rule_version"]) == ("matching", 1)


def test_a_correction_that_comes_before_the_merge_is_asked_for_prevents_it(world: PolicyWorld) -> None:
    """L7: the index had not read it yet, the ledger knows it."""
    world.in_force()
    one = world.register("CHA")
    world.react()
    other = world.register("CHB")
    world.fold("matching")
    world.work(INDEX)
    corrected: list[int] = []

    def correct(step: str) -> None:
        if step == "looked" and not corrected:
            answer = world.ask(Correct(identity=UUID(other), stated={"given": "Camille"}, reason="another person"))
            corrected.extend(answer.positions)

    sender = world.senders["matching"] = policies.sender(world.ours, "matching", correct)
    until(lambda: sender.once() and bool(corrected), "looked up")
    assert world.outbox("does, state, error", "kind = 'command'") == [("merge", "refused", "L7")]
    world.react()
    assert MERGED not in world.types(0)
    assert len(set(world.persons(one, other))) == 2


def test_a_correction_takes_back_no_merge_of_a_human(world: PolicyWorld) -> None:
    world.in_force()
    one, other = world.register("CHA"), world.register("CHB", family="AUTRE")
    world.ask(Merge(**pair(one, other), reason="same person"))
    before = world.head()
    world.ask(Correct(identity=UUID(other), stated={"given": "Camille"}, reason="typing error"))
    world.react()
    assert UNMERGED not in world.types(before)


def test_an_ins_that_is_attached_matches(world: PolicyWorld) -> None:
    world.in_force()
    one, other = world.register("CHA"), world.register("CHB", birth_place="75056")
    for identity in (one, other):
        world.ask(AttachIns(identity=UUID(identity), matricule=matricule(), oid=TEST_OID))
    world.react()
    assert len(set(world.persons(one, other))) == 1


def test_an_ins_that_took_the_place_of_another_merges_nobody_until_a_clerk_settles_it(world: PolicyWorld) -> None:
    """I11: what rested on the first is taken back, and a human is asked about who has the second."""
    world.in_force()
    one, other, third = (world.register(site, birth_place=place) for site, place in PLACES.items())
    first, second = matricule("001"), matricule("002")
    for identity, number in ((one, first), (other, first), (third, second)):
        world.ask(AttachIns(identity=UUID(identity), matricule=number, oid=TEST_OID))
    world.react()
    assert len(set(world.persons(one, other))) == 1
    before = world.head()
    world.ask(AttachIns(identity=UUID(one), matricule=second, oid=TEST_OID))
    world.react()
    assert len(set(world.persons(one, other, third))) == 3
    assert (world.types(before)[UNMERGED], MERGED in world.types(before)) == (1, False)
    assert asked(world, before) == {frozenset((one, third))}
    world.ask(ClearFlag(identity=UUID(one), flag="ins_replaced", reason="INSi knows the second"))
    world.react()
    assert (len(set(world.persons(one, third))), len(set(world.persons(one, other)))) == (1, 2)


@pytest.mark.parametrize("said", [(Merge, Unmerge), (Dismiss,), (Dismiss, Bar, Unbar), (Merge, Unmerge, Bar, Unbar)])
def test_what_a_human_parted_stays_apart_whatever_is_corrected(world: PolicyWorld, said: tuple[type, ...]) -> None:
    """A bar in between included; and nothing is put back on the list."""
    world.in_force()
    one, other = world.register("CHA"), world.register("CHB", family="AUTRE")
    world.react()
    for statement in said:
        world.ask(statement(**pair(one, other), reason="twins"))
    before = world.head()
    world.ask(Correct(identity=UUID(other), stated={"family": "FICTIVE"}, reason="typing error"))
    world.react()
    assert len(set(world.persons(one, other))) == 2
    assert {MERGED, REVIEW} & world.types(before).keys() == set()


@pytest.mark.parametrize("said", [(Merge, Unmerge), (Dismiss,), (Bar,)])
def test_a_newcomer_who_agrees_with_both_of_two_set_apart_is_proposed_with_each(
    world: PolicyWorld, said: tuple[type, ...]
) -> None:
    """L5: merged with neither, and not forgotten. Once a human says which of the two it is, nothing follows."""
    world.in_force()
    one, other = world.register("CHA"), world.register("CHB", family="AUTRE")
    world.react("matching")
    for statement in said:
        world.ask(statement(**pair(one, other), reason="twins"))
    world.ask(Correct(identity=UUID(other), stated={"family": "FICTIVE"}, reason="typing error"))
    world.react("matching")
    before = world.head()
    newcomer = world.register("CHC")
    world.react("matching")
    assert len(set(world.persons(one, other, newcomer))) == 3
    assert asked(world, before) == {frozenset((newcomer, one)), frozenset((newcomer, other))}
    world.ask(Merge(**pair(newcomer, one), reason="same person"))
    before = world.head()
    world.ask(Correct(identity=UUID(newcomer), stated={"birth_place": ""}, reason="not known"))
    world.ask(Correct(identity=UUID(newcomer), stated={"birth_place": "33063"}, reason="known"))
    world.react("matching")
    assert {MERGED, REVIEW, UNMERGED} & world.types(before).keys() == set()


def test_a_promotion_proposes_too_who_agrees_with_both_of_two_set_apart(world: PolicyWorld) -> None:
    one, other, third = (world.register(site) for site in ("CHA", "CHB", "CHC"))
    world.ask(Dismiss(**pair(one, other), reason="twins"))
    world.in_force()
    assert MERGED not in world.types(0)
    assert asked(world, 0) == {frozenset((third, one)), frozenset((third, other))}
    world.react("matching")
    assert len(asked(world, 0)) == 2


def asked(world: PolicyWorld, after: int) -> set[frozenset[str]]:
    """The pairs put to a human after a position."""
    return {frozenset((e.data["low"], e.data["high"])) for e in world.history(after) if e.type == REVIEW}


def test_a_bar_that_was_a_mistake_is_lifted_and_the_rules_decide(world: PolicyWorld) -> None:
    world.in_force()
    one, other = world.register("CHA"), world.register("CHB", family="AUTRE")
    world.react()
    world.ask(Bar(**pair(one, other), reason="a mistake"))
    world.ask(Correct(identity=UUID(other), stated={"family": "FICTIVE"}, reason="typing error"))
    world.react()
    assert len(set(world.persons(one, other))) == 2
    world.ask(Unbar(**pair(one, other), reason="a mistake"))
    world.react()
    assert len(set(world.persons(one, other))) == 1


def test_without_rules_in_force_nobody_is_matched_and_nothing_stays_behind(world: PolicyWorld) -> None:
    """Publishing is not enough."""
    world.matching(1)
    before = world.head()
    world.register("CHA")
    world.register("CHB")
    world.react()
    assert set(world.types(before)) == {"identity.registered"}
    assert world.outbox() == []


def test_a_newcomer_waits_until_the_index_has_read_what_came_before(world: PolicyWorld) -> None:
    """Its lookup is asked again, and then sees everybody."""
    world.in_force()
    one = world.register("CHA")
    world.react()
    other = world.register("CHB")
    world.fold("matching")
    sender = world.senders["matching"]
    before = world.head()
    assert not sender.once()  # the index has not read the registration
    assert world.head() == before
    assert world.outbox("state, attempts") == [("waiting", 0)]
    world.react()
    assert len(set(world.persons(one, other))) == 1


def test_once_the_policy_has_settled_a_promotion_of_the_same_rules_would_decide_nothing(world: PolicyWorld) -> None:
    """Whatever order people and corrections came in."""
    world.in_force()
    people = []
    for number in range(12):
        stated = {"birth_date": f"1970-01-0{2 + number % 3}", "family": "FICTIVE" if number % 4 else "AUTRE"}
        people.append(world.register("CHA" if number % 2 else "CHB", str(number), **stated))
        if number % 5 == 0:
            world.react()
    for number in (1, 4, 9):
        world.ask(Correct(identity=UUID(people[number]), stated={"birth_date": "1970-01-05"}, reason="typing error"))
    world.react()
    assert MERGED in world.types(0)
    with world.ours.snapshot() as connection:
        found = due(connection, f"{INDEX}_v2")
    assert (found.merges, found.proposals, found.unmerges) == ([], [], [])


def test_a_rebuild_runs_no_policy(world: PolicyWorld) -> None:
    world.in_force()
    for site in ("CHA", "CHB"):
        world.register(site)
    world.work(INDEX)
    before = world.head()
    world.build(INDEX, matching=1)
    assert (world.head(), world.outbox()) == (before, [])


def _between_two_that_a_human_parted(world: PolicyWorld) -> tuple[str, str, str]:
    """Two that a human set apart, and a third who agrees with both: merged with neither."""
    world.in_force()
    one, other = world.register("CHA"), world.register("CHB")
    world.react()
    world.ask(Unmerge(**pair(one, other), reason="twins"))
    world.react()
    third = world.register("CHC")
    world.react()
    assert len(set(world.persons(one, other, third))) == 3
    return one, other, third


def test_who_stood_between_two_is_matched_once_a_human_merges_them(world: PolicyWorld) -> None:
    """The human's word makes the third one's merge due, and no other event would lead to a look at it."""
    one, other, third = _between_two_that_a_human_parted(world)
    world.ask(Merge(**pair(one, other), reason="one person after all"))
    world.react()
    assert len(set(world.persons(one, other, third))) == 1


@pytest.mark.parametrize("said", [Dismiss, Bar])
def test_who_stood_between_two_is_matched_with_one_once_a_human_sets_the_other_apart(
    world: PolicyWorld, said: type
) -> None:
    one, other, third = _between_two_that_a_human_parted(world)
    world.ask(said(**pair(other, third), reason="twins"))
    world.react()
    persons = world.persons(one, other, third)
    assert (persons[0] == persons[2], persons[0] == persons[1]) == (True, False)


def test_who_stood_between_two_is_matched_with_the_one_that_is_left_once_the_other_is_erased(
    world: PolicyWorld,
) -> None:
    """Nothing speaks against it any more, and no other event would lead to a look at it."""
    one, other, third = _between_two_that_a_human_parted(world)
    world.ask(Erase(identity=UUID(other), reason="asked for by the person"))
    world.react()
    persons = world.persons(one, other, third)
    assert (persons[0] == persons[2], persons[0] == persons[1]) == (True, False)


def test_a_promotion_while_the_index_is_looked_at_makes_no_late_version_pass_for_complete(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version, which has read all, is live just while that is asked, and is taken back."""
    world.in_force()
    one = world.register("CHA")
    world.react()
    late, ahead = 2, world.build(INDEX, matching=1)
    other = world.register("CHB")
    world.fold("matching")
    world.stores[INDEX, ahead] = store = world.ours.view(INDEX, ahead)
    store.apply(world.records(INDEX))
    asked: list[int] = []

    def lacks(*question: Any) -> str:
        versions.promote(world.url, INDEX, ahead, "system:test", force=True)
        try:
            asked.append(ahead)
            return world.lacks(*question)
        finally:
            versions.rollback(world.url, INDEX, "system:test")

    sender = world.senders["matching"] = policies.sender(world.ours, "matching")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(lag, "lacks", lacks)
        sender.once()
    assert asked
    for _ in range(2):
        sender.once()
    with world.ours.snapshot() as connection:
        assert catalog.live_version(connection, INDEX) == late
    assert world.outbox("state", "kind = 'lookup'") == [("waiting",)]
    world.react()
    assert len(set(world.persons(one, other))) == 1


def test_a_policy_decides_about_each_event_in_whatever_order_they_lie_on_kafka(world: PolicyWorld) -> None:
    """The last one is there before its turn, and again in its turn."""
    world.in_force()
    for number in range(9):  # one more than there are partitions
        world.register("CHA", str(number), birth_date=f"1970-01-0{1 + number}")
    registered = [one for one in world.records(INDEX) if one.topic == "krypton.identities"]
    busiest = max((one.partition for one in registered), key=[one.partition for one in registered].count)
    some = [one for one in registered if one.partition == busiest]
    assert len(some) > 1
    lies = [one._replace(offset=offset) for offset, one in enumerate([some[-1], *some])]
    store = policies.store(world.ours, "matching")
    for record in lies:
        store.apply([record])
    store.close()
    assert {where for (where,) in world.outbox("cause")} == {int(dict(one.headers)["position"]) for one in some}
    assert world.query("SELECT count(*) FROM views.dead_letter") == [(0,)]


def test_more_records_of_one_person_than_share_a_look_at_a_key_are_one_person(world: PolicyWorld) -> None:
    """By a promotion, and whoever comes later."""
    people = [world.register("CHA", f"N{number}") for number in range(MOST + 5)]
    world.in_force()
    assert len(set(world.persons(*people))) == 1
    people.append(world.register("CHB"))
    world.react()
    assert len(set(world.persons(*people))) == 1


def unmatched(world: PolicyWorld) -> list[Any]:
    """What health says of matching."""
    with world.ours.snapshot() as connection:
        return [(one.part, one.what) for one in matching_health.problems_of(connection)]


def test_health_says_nothing_of_matching_where_no_rules_were_chosen(world: PolicyWorld) -> None:
    assert unmatched(world) == []


@dataclass(frozen=True)
class MergedByEqualFields:
    """What an older program decided under rules of equal fields."""

    one: UUID
    other: UUID

    def decide(self, work: Work) -> None:
        """As its ledger holds it."""
        link_of(work, self.one, self.other).merge(
            reason="ins-and-birth of matching@1",
            rule="ins-and-birth",
            rule_version=1,
            score=1.0,
            compared=["ins", "family", "birth_date"],
            differing=[],
        )


def test_rules_of_equal_fields_decide_nothing_and_a_model_takes_back_the_twins_that_they_merged(
    world: PolicyWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """What they merged stands until then: twins who share a number by mistake among them."""
    one, twin = world.register("CHA"), world.register("CHB", given="Zoe")
    for identity in (one, twin):
        world.ask(AttachIns(identity=UUID(identity), matricule=matricule(), oid=TEST_OID))
    world.ask(PublishRules(document=of_equal_fields()))
    world.work(INDEX)
    world.promote(INDEX, world.build(INDEX, matching=1))
    world.ask(MergedByEqualFields(**pair(one, twin)))
    alike = [world.register(site, "2", birth_date="1980-01-02") for site in ("CHA", "CHB")]
    before = world.head()
    world.react()
    assert (len(set(world.persons(one, twin))), len(set(world.persons(*alike)))) == (1, 2)
    assert world.types(before) == {}
    assert caplog.text.count("matching@1 holds rules of equal fields, which decide nothing: publish a model") == 1
    assert [said for _, said in unmatched(world)] == [
        "nobody who registers is matched: matching@1 holds no model; "
        'see "Matching rules of equal fields" in docs/upgrade.md'
    ]
    world.matching(2)
    world.promote(INDEX, world.build(INDEX, matching=2))
    assert unmatched(world) == []
    assert (len(set(world.persons(one, twin))), len(set(world.persons(*alike)))) == (2, 1)
    (unmerged,) = [event.data["reason"] for event in world.history(before) if event.type == UNMERGED]
    assert "ins-and-birth of version 1" in unmerged
