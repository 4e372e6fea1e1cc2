"""A vault, an event store, or both come back from yesterday's backup, with an erasure in between.

Who was erased stays erased, and everything else is as before, but for what was sealed for people whose keys no backup
has.
"""

import base64
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from domain.actors import Caller
from domain.aggregates.viewing import key_of
from domain.commands.identities import Correct
from domain.commands.links import Merge
from domain.commands.listings import ListPeople
from domain.errors import KeyMissing
from domain.work import Envelope
from krypton.auditing.replayed import replayed
from krypton.bootstrap import Krypton
from krypton.devstack.stack import Stack
from krypton.failures import told
from krypton.integrity.findings import Kind, Log
from krypton.integrity.restore import restore
from krypton.services.install import install
from krypton.vaults import open_vault
from schemas.event import ERASED
from tests.fakes.erasing import Erase, erase
from tests.fakes.ports import free_port
from tests.integration.live_ledger import LiveLedger, live_ledger, person
from tests.integration.proof_world import heads, krypton, records_of, relay_and_sign, run_sql, verdict
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live

LEDGER, VAULT = ("ledger.ledger_events", "ledger.command"), ("vault.subject_key",)
Facts = dict[int, dict[str, Any]]


class Day(NamedTuple):
    """A ledger a day after its backup: ``kept`` was known yesterday, ``erased`` too, ``later`` came since."""

    ledger: LiveLedger
    kept: UUID
    erased: UUID
    later: UUID
    facts: Facts

    def brought_back(self, *tables: str) -> Krypton:
        """Yesterday's content of these tables; the ledger for a process that starts now."""
        names = ", ".join(tables)
        filled = [f"INSERT INTO {table} SELECT * FROM {_backup(table)}" for table in tables]
        run_sql(self.ledger, f"TRUNCATE {names}", *filled)
        return krypton(self.ledger)

    def said_of(self, *people: UUID) -> set[int]:
        """The positions of events that were sealed for any of them."""
        ids = {str(one) for one in people}
        return {at for at, body in self.facts.items() if ids & {v for v in body.values() if isinstance(v, str)}}


def _backup(table: str) -> str:
    return f"public.yesterday_{table.replace('.', '_')}"


@pytest.fixture(scope="module")
def made(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """All relayed and signed. No test writes to Kafka, so all share what lies there."""
    with live_ledger(stack, tmp_path_factory.mktemp("day")) as made:
        made.register(1)  # the establishment, too
        kept, erased = (_registered(made, local_id) for local_id in ("K", "E"))
        run_sql(made, *(f"CREATE TABLE {_backup(table)} AS TABLE {table}" for table in LEDGER + VAULT))
        made.krypton.execute(Merge(one=kept, other=erased, reason="said since"), Envelope())
        erase(made.krypton, erased)
        later = _registered(made, "L")
        relay_and_sign(made)
        yield Day(made, kept, erased, later, facts(krypton(made)))


@pytest.fixture
def day(made: Day, tmp_path: Path) -> Iterator[Day]:
    """The same with a database and a signed log of the test's own."""
    with made.ledger.copy(tmp_path) as ledger:
        yield made._replace(ledger=ledger)


def _registered(ledger: LiveLedger, local_id: str) -> UUID:
    return UUID(ledger.krypton.execute(person(local_id), Envelope()).result["identity"])


def facts(ours: Krypton) -> Facts:
    """Everything that the ledger says, by position, as a process reads it that starts now."""
    stored = ours.ledger.recorder.select_notifications(0, 1_000, inclusive_of_start=False)
    return {event.id: ours.codec.decode(event.state, event.originator_version)[1] for event in stored}


def unreadable(found: Facts) -> set[int]:
    """Positions of events of which something reads as erased."""
    return {position for position, body in found.items() if ERASED in body.values()}


def test_before_anything_is_lost_the_erased_are_unreadable_and_nobody_else(day: Day) -> None:
    ground = max(day.said_of(day.erased))
    assert day.facts[ground]["reason"] == "error: asked in writing"
    sealed = {at for at in day.said_of(day.erased) if {"traits", "reason"} & day.facts[at].keys()}
    assert unreadable(day.facts) == sealed - {ground}
    assert verdict(krypton(day.ledger)).found == []


def test_a_vault_of_yesterday_brings_nobody_back(day: Day) -> None:
    ours = day.brought_back(*VAULT)
    found = verdict(ours)
    assert {(one.kind, one.position) for one in found.findings} == {
        (Kind.KEY_BACK, max(day.said_of(day.erased))),
        (Kind.KEY_MISSING, min(day.said_of(day.later))),
    }
    assert found.of_log(found.findings[0].log) != "ok"
    assert facts(ours) != day.facts  # what the next lines are for: the person can be read again
    assert open_vault(ours) == 1
    after = facts(krypton(day.ledger))
    assert unreadable(after) == unreadable(day.facts) | day.said_of(day.later)
    assert {at: body for at, body in after.items() if at not in day.said_of(day.later)} == {
        at: body for at, body in day.facts.items() if at not in day.said_of(day.later)
    }
    assert {one.kind for one in verdict(ours).findings} == {Kind.KEY_MISSING}


def test_nothing_is_sealed_for_who_is_in_the_ledger_and_not_in_the_vault(day: Day) -> None:
    """K1: a second key would make a broken seal of all that was sealed under the first."""
    ours = day.brought_back(*VAULT)
    open_vault(ours)
    for command in (
        Correct(identity=day.later, stated={"birth_place": "33063"}, reason="x"),
        Merge(one=day.kept, other=day.later, reason="x"),
    ):
        with pytest.raises(KeyMissing, match=f"no key for {day.later}") as refused:
            ours.execute(command, Envelope())
        assert told(refused.value) == (f"refused: {refused.value} (K1)", 1)
    assert not ours.vault.holds(str(day.later))
    ours.execute(Correct(identity=day.kept, stated={"birth_place": "33063"}, reason="x"), Envelope())
    ours.execute(Erase(identity=day.later, reason="her key is lost"), Envelope())


@pytest.mark.parametrize("words", [("worker", "identity_index"), ("dicom", "serve"), ("policies", "run")], ids=" ".join)
def test_each_process_that_opens_fields_destroys_again_at_its_start(
    day: Day, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = day.brought_back(*VAULT)
    monkeypatch.setenv("KRYPTON_DICOM_PORT", str(free_port()))
    process = day.ledger.start(*words)
    until(lambda: ours.vault.destroyed([str(day.erased)]) != set(), f"destroyed again by {words[0]}")
    assert process.poll() is None


def test_a_question_of_the_past_brings_nobody_back_before_anything_was_started(day: Day) -> None:
    """It opens events of before the erasure, which say nothing of it."""
    ours = day.brought_back(*VAULT)
    registered = min(day.said_of(day.erased))
    with replayed(ours, [str(day.erased)], registered, whole=True) as past:
        assert [one.data["traits"] for one in past.events] == [ERASED]
    assert ours.vault.destroyed([str(day.erased)]) == {str(day.erased)}


def test_init_destroys_again_and_says_so(day: Day) -> None:
    ours = day.brought_back(*VAULT)
    said = list(install(ours, log_key=False))
    assert "vault: ready, 1 keys of erased people were there again and are destroyed" in said
    assert "vault: ready" in list(install(ours, log_key=False))


def test_keys_that_changed_places_and_keys_of_nobody_are_named(day: Day) -> None:
    """What is wrapped says whose it is. A key of nobody is no difference: a registration may have been cut off."""
    pair = f"'{day.kept}', '{day.later}'"
    swap = "UPDATE vault.subject_key one SET wrapped = other.wrapped FROM vault.subject_key other"
    run_sql(
        day.ledger,
        f"{swap} WHERE one.subject IN ({pair}) AND other.subject IN ({pair}) AND one.subject <> other.subject",
        "INSERT INTO vault.subject_key (subject, wrapped, made_at)"
        " SELECT gen_random_uuid(), wrapped, now() - interval '1 day' FROM vault.subject_key WHERE wrapped IS NOT NULL",
    )
    found = verdict(krypton(day.ledger))
    assert [(one.kind, one.log) for one in found.findings] == [(Kind.KEY_BROKEN, Log.VAULT)] * 2
    assert {str(day.kept), str(day.later)} == {one.detail.split()[3] for one in found.findings}
    assert (found.foreign_keys, len(found.foreign_named)) == (3, 3)
    assert found.document()["vault"] == f"{Kind.KEY_BROKEN} at position {min(day.said_of(day.kept))}"


def test_a_key_that_was_destroyed_without_an_erasure_is_named(day: Day) -> None:
    run_sql(day.ledger, f"UPDATE vault.subject_key SET wrapped = NULL WHERE subject = '{day.kept}'")
    (found,) = verdict(krypton(day.ledger)).findings
    assert (found.kind, found.position) == (Kind.KEY_MISSING, min(day.said_of(day.kept)))
    assert f"the key of {day.kept} is destroyed, and no event erased them" in found.detail


def test_a_bad_row_is_its_persons_dead_letter_and_stops_nobody_else(day: Day) -> None:
    run_sql(day.ledger, f"UPDATE vault.subject_key SET wrapped = '\\x00'::bytea WHERE subject = '{day.kept}'")
    ours = krypton(day.ledger)
    with closing(ours.view("identity_index")) as store:
        lanes = records_of(ours.addresses.kafka, store.topics)
        for lane in lanes.values():
            store.apply(lane)
    letters = dict(day.ledger.query("SELECT ledger_position, reason FROM views.dead_letter"))
    assert letters.keys() <= day.said_of(day.kept)
    assert f"KeyBroken: the vault's key of subject {day.kept} does not open" in letters[min(day.said_of(day.kept))]
    shown = {row[0] for row in day.ledger.query("SELECT identity_id::text FROM identity_index.identity")}
    assert {str(day.erased), str(day.later)} <= shown


def test_a_wrong_master_key_ends_a_process_at_its_start_and_names_the_setting(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRYPTON_MASTER_KEY", base64.b64encode(os.urandom(32)).decode())
    process = day.ledger.start("worker", "identity_index")
    assert process.wait(WITHIN_S) == 2
    assert "settings: the vault's keys are wrapped by master key" in (
        said := day.ledger.said("worker", "identity_index")
    )
    assert "KRYPTON_MASTER_KEY has" in said


def test_who_asks_with_a_key_that_the_vault_lost_is_let_in_and_gets_no_second_one(day: Day) -> None:
    """A list may be needed to treat somebody; why it was asked reads as erased, and is named (K1)."""
    by = "clerk:c1"
    own = str(key_of(by))

    def asks() -> None:
        listed = ListPeople(caller=Caller(by, "first reason"), task="identity.review.list")
        krypton(day.ledger).execute(listed, Envelope(by))

    asks()
    assert krypton(day.ledger).vault.holds(own)
    run_sql(day.ledger, f"DELETE FROM vault.subject_key WHERE subject = '{own}'")
    asks()
    ours = krypton(day.ledger)
    assert ours.vault.destroyed([own]) == {own}
    assert [body["reason"] for body in facts(ours).values() if body.get("caller_id") == own] == [ERASED] * 2
    (found,) = verdict(ours).findings
    assert (found.kind, own in found.detail) == (Kind.KEY_MISSING, True)


def test_an_event_store_of_yesterday_brings_nobody_back(day: Day) -> None:
    ours = day.brought_back(*LEDGER)
    assert restore(ours, heads(ours)).keys == 0
    assert facts(krypton(day.ledger)) == day.facts
    assert verdict(ours).found == []


def test_both_of_yesterday_bring_nobody_back(day: Day) -> None:
    ours = day.brought_back(*LEDGER, *VAULT)
    assert open_vault(ours) == 0  # nothing says yet that anybody was erased
    assert restore(ours, heads(ours)).keys == 1
    after = facts(krypton(day.ledger))
    assert unreadable(after) == unreadable(day.facts) | day.said_of(day.later)
    assert after.keys() == day.facts.keys()
