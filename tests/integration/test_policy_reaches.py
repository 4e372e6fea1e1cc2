"""The policy ``matching`` where a decision rests on somebody who shares no key with whoever changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.commands.identities import AttachIns, Correct
from domain.commands.links import Bar, Dismiss, Merge, Unbar
from krypton.services import policies
from projections.identity_index.due import due
from tests.fakes.erasing import Erase
from tests.fakes.views import pair
from tests.fakes.weighing import TEST_OID, matricule
from tests.integration.policy_world import INDEX, PolicyWorld, made
from tests.waiting import until

pytestmark = pytest.mark.live
ELSEWHERE = {"birth_date": "1980-05-06"}
MARRIED = {"used_name": "MARTIN"}
MAIDEN = {"family": "MARTIN"}
"""Agrees with who is MARRIED, and with nobody who is FICTIVE alone."""


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    made_world = made(installed_url, tmp_path, monkeypatch)
    made_world.in_force()
    yield made_world
    made_world.close()


def are_one(world: PolicyWorld, *identities: str) -> bool:
    return len(set(world.persons(*identities))) == 1


def is_settled(world: PolicyWorld) -> bool:
    """Whether a decision of the whole region calls for nothing."""
    ((version,),) = world.query("SELECT version FROM views.view_version WHERE view = %s AND state = 'live'", INDEX)
    with world.ours.snapshot() as connection:
        return not len(due(connection, f"{INDEX}_v{version}"))


def correct(world: PolicyWorld, identity: str, **stated: str) -> None:
    world.ask(Correct(identity=UUID(identity), stated=stated, reason="typing error"))


def two_set_apart_and_one_between(world: PolicyWorld) -> tuple[str, str, str]:
    """A human set one apart from another; whoever is between agrees with both, and is put to a human."""
    one, other = world.register("CHA"), world.register("CHB", **MAIDEN)
    world.ask(Dismiss(**pair(one, other), reason="two people"))
    world.react()
    between = world.register("CHC", **MARRIED)
    world.react()
    assert len(set(world.persons(one, other, between))) == 3
    return one, other, between


def test_who_is_between_two_set_apart_is_merged_with_neither_whichever_of_them_is_corrected(world: PolicyWorld) -> None:
    one, other, between = two_set_apart_and_one_between(world)
    correct(world, one, first_names="Alex Lea")
    world.react()
    assert len(set(world.persons(one, other, between))) == 3
    assert is_settled(world)


def test_whom_a_human_set_apart_is_not_joined_through_a_merge_that_a_bar_holds_back(world: PolicyWorld) -> None:
    """It counts again once the bar is lifted; until then a human is asked about the newcomer."""
    one, same, elsewhere = world.register("CHA"), world.register("CHB"), world.register("CHC", **ELSEWHERE)
    world.react()
    assert are_one(world, one, same)
    world.ask(Bar(**pair(one, elsewhere), reason="two people"))
    world.ask(Merge(**pair(same, elsewhere), reason="papers seen", even_though=("birth_date",)))
    world.react()
    newcomer = world.register("CHA", "2")
    world.ask(Dismiss(**pair(one, newcomer), reason="two people"))
    world.react()
    assert _asked(world) == {frozenset((same, newcomer))}
    assert is_settled(world)
    world.ask(Unbar(**pair(one, elsewhere), reason="a mistake"))
    world.react()
    assert (are_one(world, one, same, elsewhere), are_one(world, one, newcomer)) == (True, False)
    assert is_settled(world)


def test_who_is_between_two_is_merged_with_one_once_the_other_is_somebody_else(world: PolicyWorld) -> None:
    one, other, between = two_set_apart_and_one_between(world)
    correct(world, other, **ELSEWHERE)
    world.react()
    assert are_one(world, one, between)
    assert is_settled(world)


def test_two_whom_a_twin_kept_apart_are_merged_once_the_twin_was_born_on_another_day(world: PolicyWorld) -> None:
    one, other, twin = world.register("CHA"), world.register("CHB"), world.register("CHC", given="Lea")
    world.react()
    assert len(set(world.persons(one, other, twin))) == 3
    correct(world, twin, **ELSEWHERE)
    world.react()
    assert are_one(world, one, other)
    assert is_settled(world)


def test_two_with_swapped_names_are_merged_once_the_twin_of_one_was_born_on_another_day(world: PolicyWorld) -> None:
    """They are in two birth blocks, of which the twin leaves one."""
    world.matching(2, strict_bits=3)
    world.promote(INDEX, world.build(INDEX, matching=2))
    one = world.register("CHA", family="MARTIN", given="Alex")
    other = world.register("CHB", family="ALEX", given="Martin")
    world.react()
    assert are_one(world, one, other)
    twin = world.register("CHC", family="MARTIN", given="Lea")
    world.react()
    assert not are_one(world, one, other)
    correct(world, twin, **ELSEWHERE)
    world.react()
    assert are_one(world, one, other)
    assert is_settled(world)


def test_a_human_is_asked_about_the_rest_of_a_person_once_the_one_that_waited_is_erased(world: PolicyWorld) -> None:
    one, likely = world.register("CHA", birth_place=""), world.register("CHB", birth_place="")
    world.react()
    same = world.register("CHC", birth_place="")
    world.ask(Merge(**pair(one, same), reason="papers seen"))
    world.react()
    assert _asked(world) == {frozenset((one, likely))}
    world.ask(Erase(identity=UUID(one), reason="error: file 1"))
    world.react()
    assert _asked(world) == {frozenset((one, likely)), frozenset((same, likely))}
    assert is_settled(world)


def _asked(world: PolicyWorld) -> set[frozenset[str]]:
    """The pairs that were put to a human."""
    found = (event.data for event in world.history() if event.type == "link.review_requested")
    return {frozenset((data["low"], data["high"])) for data in found}


@pytest.mark.parametrize("stored", [False, True], ids=["asked for", "stored"])
def test_a_merge_that_the_index_has_not_read_counts_for_who_is_looked_up_meanwhile(
    world: PolicyWorld, stored: bool
) -> None:
    """Lea is no twin: under her number she is Alex elsewhere, as a list of given names and the number say."""
    looker, sender = (make(world.ours, "matching") for make in (policies.looker, policies.sender))
    one, lea = world.register("CHA"), world.register("CHB", given="Lea")
    known = world.register("CHC", **MAIDEN, first_names="Alex Lea")
    for identity in (lea, known):
        world.ask(AttachIns(identity=UUID(identity), matricule=matricule(), oid=TEST_OID))
    world.work(INDEX)
    world.fold("matching")
    until(looker.once, "the three are looked up")
    assert _waiting(world) == [("merge", *sorted((lea, known)))]
    newcomer = world.register("CHA", "2")
    world.work(INDEX)
    if stored:
        assert sender.once()
    world.fold("matching")
    assert looker.once()
    world.react()
    assert are_one(world, lea, known)
    assert are_one(world, one, newcomer)
    assert is_settled(world)


def _waiting(world: PolicyWorld) -> list[Any]:
    """Commands of the outbox."""
    found = world.outbox("does, body", "state = 'waiting' AND kind = 'command'")
    return [(does, *sorted((body["one"], body["other"]))) for does, body in found]


def test_a_merge_that_failed_at_first_is_looked_at_again_for_a_twin_may_have_come_meanwhile(world: PolicyWorld) -> None:
    one, other = world.register("CHA"), world.register("CHB")
    world.work(INDEX)
    world.fold("matching")
    until(policies.looker(world.ours, "matching").once, "the two are looked up")
    of_merges = "WHERE does = 'merge' AND state = 'waiting'"
    world.query(f"UPDATE policies.outbox SET try_at = try_at + 3600000000, error = 'Contended' {of_merges}")
    world.register("CHC", given="Lea")
    world.react()
    assert not are_one(world, one, other)
    world.query(f"UPDATE policies.outbox SET try_at = due_at {of_merges}")
    world.react()
    assert not are_one(world, one, other)
    assert is_settled(world)
