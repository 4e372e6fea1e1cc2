"""A crash of the vault's server takes back keys that were made an instant ago: nothing is stored that they sealed."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg2
import pytest

from domain.aggregates.identity import Identity
from domain.commands.identities import Correct, Register
from domain.errors import KeyMissing
from domain.work import Command, Envelope
from krypton.bootstrap import Krypton
from tests.integration.policy_world import PolicyWorld, made

pytestmark = pytest.mark.live
Ask = Callable[[Krypton, Command], None]


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    one = made(installed_url, tmp_path, monkeypatch)
    yield one
    one.close()


def register(local_id: str) -> Register:
    return Register(assigner="CHA", local_id=local_id, stated={"family": "FICTIVE", "given": "Alex"})


def one_by_one(ours: Krypton, *commands: Command) -> None:
    for command in commands:
        ours.execute(command, Envelope())


def in_a_batch(ours: Krypton, *commands: Command) -> None:
    for outcome in ours.ledger.execute_many([(command, Envelope()) for command in commands]):
        assert not isinstance(outcome, Exception), outcome


def crashes(world: PolicyWorld, monkeypatch: pytest.MonkeyPatch, lost: Sequence[UUID]) -> None:
    """Before the next events are stored: the keys of these were not on disk yet."""
    recorder = world.ours.ledger.recorder
    insert = recorder.insert_events

    def inserts(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(recorder, "insert_events", insert)
        with psycopg2.connect(world.ours.addresses.database) as connection, connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM vault.subject_key WHERE subject = ANY(%s::uuid[])", ([str(one) for one in lost],)
            )
        connection.close()
        return insert(*given, **named)

    monkeypatch.setattr(recorder, "insert_events", inserts)


@pytest.mark.parametrize("ask", [one_by_one, in_a_batch])
def test_who_is_registered_is_sealed_under_a_key_that_is_there(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., None]
) -> None:
    people = [Identity.create_id(world.ours.ledger.ids, "CHA", local_id) for local_id in ("A", "B")]
    crashes(world, monkeypatch, people)
    ask(world.ours, register("A"), register("B"))
    later = Krypton(world.ours.settings, world.ours.addresses)
    for one in people:
        known: Identity = later.ledger.repository.get(one)
        assert known.traits["family"] == "FICTIVE"
    later.close()


def test_nothing_is_sealed_with_a_key_that_one_process_holds_and_the_vault_does_not(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restore of the vault: the person waits for a newer backup of it (K1)."""
    one = UUID(world.ours.execute(register("A"), Envelope()).result["identity"])
    crashes(world, monkeypatch, [one])
    with pytest.raises(KeyMissing, match=f"no key for {one}"):
        world.ours.execute(Correct(identity=one, stated={"birth_place": "33063"}, reason="x"), Envelope())
