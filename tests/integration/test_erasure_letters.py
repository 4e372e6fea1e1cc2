"""Dead letters of somebody who is erased: none outlasts the erasure, and no replay brings a text back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.commands.erasures import ApproveErasure, RequestErasure
from domain.commands.identities import Correct
from domain.commands.readings import RequestReading
from domain.commands.studies import ReassignStudy
from domain.work import Envelope
from krypton.erasing import rows, status
from krypton.policies.letters import folded
from krypton.services import policies
from krypton.views import lag
from krypton.views.dead_letters import letters, replay_letter
from projections.declared import VIEWS
from schemas.event import ERASED
from tests.fakes.erasing import erase, without_delay
from tests.fakes.region import received
from tests.integration.policy_world import INDEX, PolicyWorld
from tests.waiting import until

pytestmark = pytest.mark.live
POLICY, RECORD = "erasure", "patient_record"
LOOKS = 3
KEY = "UPDATE vault.subject_key SET wrapped = %s WHERE subject = %s::uuid"


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    monkeypatch.setattr(lag, "offsets_behind", lambda *_: {})  # no Kafka here: ``follow`` lets the views read all
    monkeypatch.setattr(rows, "FRESH_S", 0.0)  # no other process holds keys here
    monkeypatch.setattr(rows, "LOOK_AGAIN_S", 0.0)
    made = PolicyWorld(installed_url, tmp_path)
    without_delay(made.ours)
    yield made
    made.close()


def key_of(world: PolicyWorld, identity: str) -> bytes:
    """As the vault has it."""
    ((wrapped,),) = world.query("SELECT wrapped FROM vault.subject_key WHERE subject = %s::uuid", identity)
    return bytes(wrapped)


def put(world: PolicyWorld, identity: str, wrapped: bytes) -> None:
    """Into the vault, as no process knows yet."""
    world.query(KEY, wrapped, identity)
    world.ours.vault.forget([identity])


@contextmanager
def bad_row(world: PolicyWorld, identity: str) -> Iterator[None]:
    """One byte of the person's row in the vault is another."""
    kept = key_of(world, identity)
    put(world, identity, bytes([kept[0] ^ 1]) + kept[1:])
    yield
    put(world, identity, kept)


def corrected(world: PolicyWorld) -> str:
    """Somebody whose correction is a dead letter."""
    identity = world.register()
    world.work(INDEX)
    world.ask(Correct(identity=UUID(identity), stated={"birth_place": "33318"}, reason="Alex was born in Pessac"))
    with bad_row(world, identity):
        world.work(INDEX)
    return identity


def arrived(world: PolicyWorld) -> str:
    """Somebody who got a study of another, whose arrival is a dead letter; the rest waits behind it."""
    came, owner = world.ask(received("CHA", "2.25.1")).result, world.register("CHB")
    with bad_row(world, came["identity"]):
        world.work(RECORD)
    reassign(world, came["study"], owner)
    return owner


def asked_about(world: PolicyWorld) -> str:
    """Somebody who got a study of another, about which a question was asked before; that is the dead letter."""
    came, owner = world.ask(received("CHA", "2.25.1")).result, world.register("CHB")
    world.ask(RequestReading(study=UUID(came["study"]), from_site="CHA", to_site="CHB", question="Alex has stones?"))
    with bad_row(world, came["identity"]):
        store = world.ours.view(RECORD, 1)
        store.apply([one for one in world.records(RECORD) if one.topic == "krypton.orders"])
        store.close()
    reassign(world, came["study"], owner)
    return owner


def reassign(world: PolicyWorld, study: str, owner: str) -> None:
    world.ask(ReassignStudy(study=UUID(study), to_identity=UUID(owner), reason="sent under the wrong number"))
    world.work(RECORD)


MADE = {"own": (corrected, INDEX), "got a study": (arrived, RECORD), "got what is asked about": (asked_about, RECORD)}


def texts(world: PolicyWorld) -> set[Any]:
    """All texts in live rows that the letters of these tests are about."""
    return {
        text
        for column in ("traits->>'family' FROM identity_index.identity", "description FROM patient_record.study",
                       "question FROM patient_record.reading", "reason FROM identity_index.identity_event")
        for (text,) in world.query(f"SELECT {column}")
    }  # fmt: skip


def ask_erasure(world: PolicyWorld, identity: str) -> None:
    ask = RequestErasure(identity=UUID(identity), ground="error", reference="file 1")
    world.ours.execute(ask, Envelope("operator:one"))
    world.ours.execute(ApproveErasure(identity=UUID(identity)), Envelope("operator:other"))


def follow(world: PolicyWorld, identity: str) -> tuple[str, list[str]]:
    """What workers and the policy do once; how the erasure stands."""
    for view in VIEWS:
        world.work(view)
    world.fold(POLICY)
    if POLICY not in world.senders:
        world.senders[POLICY] = policies.sender(world.ours, POLICY)
    world.query("UPDATE policies.outbox SET try_at = 0 WHERE state = 'waiting'")
    world.senders[POLICY].once()
    (found,) = status.of_identity(world.ours, UUID(identity))
    return found["state"], found["left"]


def replay(world: PolicyWorld) -> None:
    """All that waits."""
    while found := letters(world.ours, None):
        replay_letter(world.ours, found[0]["id"], Envelope("operator:one"), folded)


@pytest.mark.parametrize("case", MADE)
def test_rows_stay_left_until_what_waits_behind_a_dead_letter_is_replayed(world: PolicyWorld, case: str) -> None:
    make, view = MADE[case]
    identity = make(world)
    assert {one["view"] for one in letters(world.ours, None)} == {view}
    ask_erasure(world, identity)
    until(lambda: follow(world, identity)[1] == ["views"], "all but rows")
    assert {follow(world, identity)[1][0] for _ in range(LOOKS)} == {"views"}
    number = letters(world.ours, None)[0]["id"]
    waits = status.of_identity(world.ours, UUID(identity))[0]["waits"]
    assert waits[0]["for"] == f"dead letter {number} in {view} v1"
    assert f"krypton dead-letters replay {number}" in waits[0]["do"]
    with world.ours.snapshot() as connection:
        assert {one["identity"]: one["waits"] for one in status.open_ones(world.ours, connection)} == {identity: waits}
    replay(world)
    until(lambda: follow(world, identity)[0] == "completed", "completed")
    assert status.of_identity(world.ours, UUID(identity))[0]["waits"] == []
    index = "SELECT erased, traits->>'family' FROM identity_index.identity WHERE identity_id = %s::uuid"
    assert world.query(index, identity) == [(True, ERASED)]
    assert not texts(world) & {"Alex was born in Pessac", "an exam", "Alex has stones?"}


def test_a_letter_of_somebody_else_holds_no_erasure(world: PolicyWorld) -> None:
    corrected(world)
    other = world.register("CHB")
    ask_erasure(world, other)
    until(lambda: follow(world, other)[0] == "completed", "completed")
    assert letters(world.ours, INDEX)


def test_a_replay_destroys_again_what_an_older_vault_brought_back(world: PolicyWorld) -> None:
    identity = corrected(world)
    kept = key_of(world, identity)
    erase(world.ours, UUID(identity))
    world.work(INDEX)
    put(world, identity, kept)
    replay(world)
    assert world.ours.vault.destroyed([identity]) == {identity}
    said = world.query("SELECT reason FROM identity_index.identity_event WHERE type = 'identity.traits_corrected'")
    assert said == [(ERASED,)]


@pytest.mark.parametrize(("make", "column"), [(arrived, "description FROM patient_record.study"),
                                              (asked_about, "question FROM patient_record.reading")])  # fmt: skip
def test_a_replay_shows_no_text_of_a_study_whose_owner_was_erased(world: PolicyWorld, make: Any, column: str) -> None:
    """Though it is sealed under the key of somebody who lives: a version that is built later has such letters."""
    erase(world.ours, UUID(make(world)))
    replay(world)
    assert world.query(f"SELECT {column}") == [(ERASED,)]
