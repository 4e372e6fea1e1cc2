"""What operators decide about entries that a policy gave up: on record with who and why, and done once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.outbox import operators
from domain.errors import NoReasonToDrop, NotFound
from domain.work import Envelope
from krypton.policies import decide
from schemas.event import LedgerEvent
from tests.integration.policy_world import PolicyWorld, made

pytestmark = pytest.mark.live
WHO = "operator:one"
PARKED = """INSERT INTO policies.outbox
(id, policy, version, kind, does, body, cause, correlation_id, place, due_at, try_at, state, attempts, error) VALUES
(%s, 'expiry', 1, 'command', 'expire_order', '{}', 1, %s, 0, 0, 0, 'parked', 8, 'OperationalError')"""


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    world = made(installed_url, tmp_path, monkeypatch)
    yield world
    world.close()


@pytest.fixture
def entry(world: PolicyWorld) -> UUID:
    """One that is parked."""
    ident = uuid4()
    world.query(PARKED, str(ident), str(uuid4()))
    return ident


def decided(world: PolicyWorld) -> list[LedgerEvent]:
    return [event for event in world.history() if event.type.startswith("policy.")]


def state(world: PolicyWorld) -> list[tuple[Any, ...]]:
    return world.outbox("state, attempts")


def test_a_retry_is_on_record_and_repeating_it_changes_nothing(world: PolicyWorld, entry: UUID) -> None:
    by = Envelope(WHO)
    first = decide.retry(world.ours, entry, by)
    assert [decide.retry(world.ours, entry, again).positions for again in (by, Envelope(WHO))] == [first.positions, ()]
    (told,) = decided(world)
    assert (told.type, told.position) == ("policy.entry_retried", first.positions[-1])
    assert [told.data[name] for name in ("actor", "policy", "entry_id", "does")] == [
        WHO,
        "expiry",
        str(entry),
        "expire_order",
    ]
    assert state(world) == [("waiting", 0)]


def test_who_drops_an_entry_says_why(world: PolicyWorld, entry: UUID) -> None:
    """Y1."""
    with pytest.raises(NoReasonToDrop):
        decide.drop(world.ours, entry, " ", Envelope(WHO))
    assert (state(world), decided(world)) == ([("parked", 8)], [])
    decide.drop(world.ours, entry, "entered twice", Envelope(WHO))
    decide.drop(world.ours, entry, "entered twice", Envelope(WHO))
    (told,) = decided(world)
    assert (told.type, told.data["actor"], told.data["reason"]) == ("policy.entry_dropped", WHO, "entered twice")
    assert state(world) == [("dropped", 8)]


def test_what_is_not_parked_is_not_decided(world: PolicyWorld, entry: UUID) -> None:
    decide.drop(world.ours, entry, "entered twice", Envelope(WHO))
    with pytest.raises(NotFound):
        decide.retry(world.ours, entry, Envelope(WHO))
    with pytest.raises(NotFound):
        decide.retry(world.ours, uuid4(), Envelope(WHO))
    assert len(decided(world)) == 1


def test_what_was_killed_between_ledger_and_outbox_is_asked_again_and_on_record_once(
    world: PolicyWorld, entry: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    by = Envelope(WHO)
    with monkeypatch.context() as patched:
        patched.setattr(operators, "retry", killed)
        with pytest.raises(KeyboardInterrupt):
            decide.retry(world.ours, entry, by)
    assert state(world) == [("parked", 8)]
    decide.retry(world.ours, entry, by)
    assert (state(world), len(decided(world))) == ([("waiting", 0)], 1)
