"""What policies decide of records that were dead letters of the view that they ask, on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from domain.commands.identities import Correct
from domain.work import Envelope
from krypton.policies import looker
from krypton.policies.letters import folded
from krypton.services import policies
from krypton.views.dead_letters import letters, replay_letter
from tests.fakes.region import received
from tests.integration.policy_world import INDEX, PolicyWorld, made
from tests.integration.test_erasure_letters import bad_row

pytestmark = pytest.mark.live


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    yield (world := made(installed_url, tmp_path, monkeypatch))
    world.close()


def replay(world: PolicyWorld, identity: str) -> None:
    """What waits of an identity in the version of the index that readers see."""
    (found, *_) = [x for x in letters(world.ours, INDEX) if (x["version"], x["key"]) == (2, identity)]
    replay_letter(world.ours, found["id"], Envelope("operator:one"), folded)


def test_who_was_a_dead_letter_of_the_index_is_matched_once_it_is_replayed(world: PolicyWorld) -> None:
    """Before, the lookup found nobody: the index had passed the record over."""
    first = world.register("CHA")
    world.in_force()
    second = world.register("CHB")
    with bad_row(world, second):
        world.react("matching")
    assert len(set(world.persons(first, second))) == 2
    replay(world, second)
    world.react("matching")
    assert len(set(world.persons(first, second))) == 1


def test_a_correction_that_was_a_dead_letter_is_matched_once_it_is_replayed(world: PolicyWorld) -> None:
    """The identity was looked up since, as it was before."""
    world.in_force()
    one, other = world.register("CHA"), world.register("CHB", family="AUTRE")
    world.react("matching")
    world.ask(Correct(identity=UUID(other), stated={"family": "FICTIVE"}, reason="typing error"))
    with bad_row(world, other):
        world.react("matching")
    replay(world, other)
    world.react("matching")
    assert len(set(world.persons(one, other))) == 1


def test_studies_that_are_dead_letters_hold_up_no_lookup_of_others(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as are looked up at a time wait until they are replayed; two who come later claim one study."""
    monkeypatch.setattr(looker, "AT_A_TIME", 2)
    for number in (1, 2):
        came = world.ask(received("CHA", f"2.25.{number}", local_id=str(number))).result
        with bad_row(world, came["identity"]):
            world.work("patient_record")
    for local_id in ("3", "4"):
        world.ask(received("CHA", "2.25.3", local_id=local_id, stated={"family": f"AUTRE{local_id}"}))
    world.work("patient_record")
    world.fold("sharing")
    sender = policies.sender(world.ours, "sharing")
    for _ in range(4):
        sender.once()
    assert world.types(0).get("link.review_requested") == 1
    assert world.outbox("does", "state = 'waiting'") == [("same_study",)] * 2
