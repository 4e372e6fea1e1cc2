"""A promotion raises what its diff found: the region is decided once, and who changed meanwhile is matched again."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.commands.identities import AttachIns, Correct
from domain.commands.links import Bar, Dismiss, Merge
from krypton.views import again, foreseen, promote, raise_due
from krypton.views.foreseen import Foreseen
from projections.identity_index.due import due
from projections.versions import switches
from projections.versions.promotable import NotPromotable
from tests.fakes.erasing import Erase
from tests.fakes.views import pair
from tests.fakes.weighing import NOBODY, TEST_OID, matricule
from tests.integration.policy_world import INDEX, PolicyWorld, made
from tests.integration.ruled_world import regions_decided
from tests.integration.test_promotion_decides import Killed, killed_after

pytestmark = pytest.mark.live
MERGED, UNMERGED, REVIEW = "link.merged", "link.unmerged", "link.review_requested"
PAIRS = 3


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    """Three pairs that rules of version 1 join; version 2 of the index is made with these, and nobody was matched."""
    world = made(installed_url, tmp_path, monkeypatch)
    world.unmatched_pairs(born(number) for number in range(PAIRS))
    yield world
    world.close()


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return regions_decided(monkeypatch)


def born(number: int) -> str:
    return f"1970-01-0{number + 2}"


def look(world: PolicyWorld, version: int = 2) -> Foreseen:
    """What the diff finds, before anybody promotes."""
    _, found = foreseen.compared(world.ours, INDEX, version, timeout_s=0)
    assert found
    return found


def raised(world: PolicyWorld, found: Foreseen) -> Mapping[str, Any]:
    """Promote with what was found; then views and the policy do what they have to."""
    done = promote.promote(world.ours, INDEX, found.version, "system:test", foreseen=found)
    world.react("matching")
    return done


def known(world: PolicyWorld, local_id: str) -> str:
    ((identity,),) = world.query(
        "SELECT identity_id::text FROM identity_index.identity WHERE assigner || local_id = %s", local_id
    )
    return str(identity)


def are_one(world: PolicyWorld, *local_ids: str) -> bool:
    return len(set(world.persons(*(known(world, one) for one in local_ids)))) == 1


def still_due(world: PolicyWorld) -> int:
    """Decisions that a look at the whole region calls for."""
    ((version,),) = world.query("SELECT version FROM views.view_version WHERE view = %s AND state = 'live'", INDEX)
    with world.ours.snapshot() as connection:
        return len(due(connection, f"{INDEX}_v{version}"))


def test_a_region_is_decided_once(world: PolicyWorld, decided: list[str]) -> None:
    before = world.head()
    done = raised(world, look(world))
    assert decided == [f"{INDEX}_v2"]
    assert done["decided"] == {"merged": PAIRS}
    assert world.types(before)[MERGED] == PAIRS
    assert still_due(world) == 0


def test_who_is_registered_between_diff_and_promotion_is_matched(world: PolicyWorld, decided: list[str]) -> None:
    """The policy looked at the newcomer while no rules were in force, and found nothing to do."""
    found, before = look(world), world.head()
    world.register("CHC", "0", birth_date=born(0))
    world.react("matching")
    assert MERGED not in world.types(before)
    done = raised(world, found)
    assert (decided, done["decided"]) == ([f"{INDEX}_v2"], {"merged": PAIRS, "again": 1})
    assert are_one(world, "CHA0", "CHB0", "CHC0")
    assert still_due(world) == 0


def test_who_is_registered_while_decisions_are_raised_is_matched_with_those_too(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy sees a twin before the merge that the twin makes doubtful: it is taken back all the same."""
    monkeypatch.setattr(raise_due, "BATCH", 1)
    found, real, came = look(world), raise_due._envelope, list[str]()

    def envelope(one: Any, cause: UUID) -> Any:
        if not came:
            came.append(world.register("CHC", "0", birth_date=born(0), given="Zoé"))
            world.react("matching")
        return real(one, cause)

    monkeypatch.setattr(raise_due, "_envelope", envelope)
    assert raised(world, found)["decided"] == {"merged": PAIRS, "again": 1}
    assert not are_one(world, "CHA0", "CHB0")
    assert are_one(world, "CHA1", "CHB1")
    assert still_due(world) == 0


def test_a_twin_who_came_after_the_diff_takes_a_merge_back(world: PolicyWorld) -> None:
    found, before = look(world), world.head()
    world.register("CHC", "0", birth_date=born(0), given="Zoé")
    world.react("matching")
    raised(world, found)
    assert not are_one(world, "CHA0", "CHB0")
    assert world.types(before)[UNMERGED] == 1
    assert still_due(world) == 0


def test_who_was_corrected_meanwhile_is_merged_with_nobody_and_frees_the_others(world: PolicyWorld) -> None:
    third = world.register("CHC", "0", birth_date=born(0))
    world.work(INDEX)
    found = look(world)
    world.ask(Correct(identity=UUID(known(world, "CHA0")), stated={"birth_date": "1985-05-06"}, reason="misread"))
    done = raised(world, found)
    assert done["decided"]["stand"] >= 1
    assert not are_one(world, "CHA0", "CHB0")
    assert are_one(world, "CHB0", "CHC0")
    assert third == known(world, "CHC0")
    assert still_due(world) == 0


def test_what_people_said_meanwhile_stands(world: PolicyWorld) -> None:
    found = look(world)
    world.ask(Bar(**pair(known(world, "CHA0"), known(world, "CHB0")), reason="two people"))
    world.ask(Merge(**pair(known(world, "CHA1"), known(world, "CHB1")), reason="same person"))
    world.ask(Erase(identity=UUID(known(world, "CHB2")), reason="asked for it"))
    assert raised(world, found)["decided"] == {"stand": PAIRS, "again": 2 * PAIRS}
    assert not are_one(world, "CHA0", "CHB0")
    assert are_one(world, "CHA1", "CHB1")
    assert still_due(world) == 0


def test_a_merge_that_the_ledger_puts_to_a_human_counts_as_a_proposal(world: PolicyWorld) -> None:
    """Somebody was barred meanwhile from one of the two, who is one person with the other."""
    third = world.register("CHC", "9", birth_date="1985-05-06")
    world.work(INDEX)
    found = look(world)
    world.ask(Merge(**pair(known(world, "CHB0"), third), reason="papers seen", even_though=("birth_date",)))
    world.ask(Bar(**pair(known(world, "CHA0"), third), reason="two people"))
    before = world.head()
    done = raised(world, found)["decided"]
    assert (done["merged"], done["proposed"]) == (PAIRS - 1, 1)
    assert (world.types(before)[MERGED], world.types(before)[REVIEW]) == (PAIRS - 1, 1)


def test_a_merge_that_former_rules_made_meanwhile_goes_by_the_new_ones(world: PolicyWorld) -> None:
    raised(world, look(world))
    world.matching(2, **NOBODY)
    found = look(world, world.build(INDEX, matching=2))
    world.register("CHC", "0", birth_date=born(0))
    world.react("matching")
    assert are_one(world, "CHA0", "CHB0", "CHC0")
    before = world.head()
    assert raised(world, found)["decided"]["unmerged"] == PAIRS
    assert len(set(world.persons(*(known(world, f"{site}0") for site in ("CHA", "CHB", "CHC"))))) == 3
    assert world.types(before)[UNMERGED] == PAIRS + 1
    assert still_due(world) == 0


@pytest.mark.parametrize(
    ("owner", "name", "calls"),
    [
        (promote, "settle", 0),  # switched, and nothing more
        (raise_due, "_envelope", 0),
        (raise_due, "_envelope", 2),  # some decisions are raised
        (raise_due, "look_again", 0),  # all are, and nobody is looked at again
        (again, "add", 0),
        (switches, "mark_settled", 0),
    ],
)
@pytest.mark.parametrize("caught_up", [False, True])
def test_what_was_killed_is_decided_afresh_and_nothing_is_lost_or_twice(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, calls: int, caught_up: bool
) -> None:
    """A newcomer and a number came after the diff; whether or not the index has caught up with what was raised."""
    monkeypatch.setattr(raise_due, "BATCH", 1)
    found, before = look(world), world.head()
    world.register("CHC", "0", birth_date=born(0))
    world.ask(AttachIns(identity=UUID(known(world, "CHA1")), matricule=matricule(), oid=TEST_OID))
    world.react("matching")
    with monkeypatch.context() as patched:
        killed_after(patched, calls, owner, name)
        with pytest.raises(Killed):
            promote.promote(world.ours, INDEX, 2, "system:test", foreseen=found)
    if caught_up:
        world.react("matching")
    for _ in range(2):
        promote.settle(world.ours)
        world.react("matching")
    types = world.types(before)
    assert (types["view.promoted"], types[MERGED], types.get(UNMERGED)) == (1, PAIRS + 1, None)
    assert are_one(world, "CHA0", "CHB0", "CHC0")
    assert still_due(world) == 0
    assert world.query("SELECT count(*) FROM views.switch WHERE settled_at IS NULL") == [(0,)]


def test_promoted_twice_it_writes_nothing_more(world: PolicyWorld) -> None:
    found = look(world)
    world.register("CHC", "0", birth_date=born(0))
    raised(world, found)
    before = world.head()
    with pytest.raises(NotPromotable):
        promote.promote(world.ours, INDEX, 2, "system:test", foreseen=found)
    assert promote.settle(world.ours, foreseen=found) == {}
    promote.rollback(world.ours, INDEX, "system:test")
    promote.promote(world.ours, INDEX, 2, "system:test", foreseen=found)
    world.react("matching")
    assert {*world.types(before)} == {"view.rolled_back", "view.promoted"}
    assert still_due(world) == 0


def test_a_dismissal_meanwhile_is_not_asked_again(world: PolicyWorld) -> None:
    world.register("CHC", "0", birth_date=born(0), birth_place="")
    world.work(INDEX)
    found = look(world)
    assert len(found.found.proposals) == 1
    for side in ("CHA0", "CHB0"):
        world.ask(Dismiss(**pair(known(world, side), known(world, "CHC0")), reason="not the same"))
    before = world.head()
    raised(world, found)
    assert REVIEW not in world.types(before)
    assert still_due(world) == 0


def test_a_version_that_lags_keeps_nothing(world: PolicyWorld) -> None:
    """What it did not read it did not decide: the promotion decides the region afresh."""
    world.register("CHC", "0", birth_date=born(0))
    summary, found = foreseen.compared(world.ours, INDEX, 2, timeout_s=0)
    assert (summary["persons"]["joined"], found) == (PAIRS, None)
