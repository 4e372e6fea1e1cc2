"""Emergency accesses left open, on PostgreSQL: closed by the policy, told of, listed through the gate, reviewed."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from domain.actors import Caller
from domain.commands.accesses import OpenAccess, ReviewEmergency
from domain.commands.directory import RegisterProfessional
from domain.work import Envelope
from krypton.policies.letters import folded
from krypton.queries.worklists import emergencies_to_review
from krypton.views.dead_letters import letters, replay_letter
from tests.fakes.region import CLINICIAN
from tests.integration.policy_world import PolicyWorld, made

pytestmark = pytest.mark.live
VIEW = "access_history"
AUDITOR = Caller("auditor:dpo", "weekly review")


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    world = made(installed_url, tmp_path, monkeypatch)
    world.ask(RegisterProfessional(rpps=CLINICIAN, name="Dr Clinicien", profession="physician", sites=("CHA",)))
    yield world
    world.close()


def emergency(world: PolicyWorld) -> UUID:
    """One that nobody closes."""
    identity = UUID(world.register())
    ask = OpenAccess(identity=identity, rpps=CLINICIAN, reason="unconscious", emergency=True)
    return UUID(world.ask(ask).result["access"])


def test_left_open_it_is_closed_told_of_listed_on_record_and_reviewed(world: PolicyWorld, tmp_path: Path) -> None:
    access = emergency(world)
    world.react("emergency")
    assert [event.type for event in world.history()][-1] == "access.emergency_opened"
    world.senders.clear()
    world.ours.ledger.clock = lambda: world.ours.ledger.log.now() + timedelta(hours=5)
    world.react("emergency")
    world.work(VIEW)
    (listed,) = emergencies_to_review(world.ours, AUDITOR)
    assert (listed["access"], listed["rpps"], listed["reason"]) == (str(access), CLINICIAN, "unconscious")
    assert world.history()[-1].type == "access.listed"  # who read the list is on record
    (notice,) = [json.loads(file.read_text()) for file in (tmp_path / "notices").iterdir()]
    assert (notice["name"], notice["access"]) == ("emergency_awaits_review", str(access))
    review = ReviewEmergency(access=access, by=AUDITOR.actor, note="was unconscious indeed")
    world.ours.execute(review, Envelope(AUDITOR.actor))
    world.work(VIEW)
    assert emergencies_to_review(world.ours, AUDITOR) == []


def test_a_record_that_a_policy_cannot_read_waits_for_an_operator_and_is_replayed(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reaction was broken; the entry is there once it is fixed."""
    emergency(world)
    policy = type(world.policy("emergency"))
    with monkeypatch.context() as broken:
        broken.setattr(policy, "react", lambda *_: 1 // 0)
        world.fold("emergency")
    assert world.outbox() == []
    (letter, *_) = letters(world.ours, "policy-emergency")
    for one in letters(world.ours, "policy-emergency"):
        replay_letter(world.ours, one["id"], Envelope("operator:one"), folded)
    assert world.outbox("does, state") == [("lapse_emergency", "waiting")]
    assert letters(world.ours, "policy-emergency") == []
    assert letter["reason"].endswith("was not applied: ZeroDivisionError")
