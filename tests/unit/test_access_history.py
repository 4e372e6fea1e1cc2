"""The access history: rows folded from real events."""

from typing import Any
from uuid import UUID

import pytest

from domain.actors import Caller
from domain.commands.accesses import CloseEmergency, OpenAccess
from domain.commands.consents import Grant, IssueCode, LiftOpposition, Oppose, Revoke
from domain.commands.directory import EnrollSite, RegisterProfessional
from domain.commands.identities import Register
from domain.commands.listings import ListPeople
from domain.commands.viewings import View
from domain.consent_statements import Scope
from projections.access_history.queries import standing
from projections.access_history.view import CHANGED, NEW, SAID_NOTHING, AccessHistory
from projections.engine.projection import UnknownEvent
from schemas.event import ERASED, LedgerEvent
from schemas.registry import registry
from tests.fakes.ledger import MemoryLedger
from tests.fakes.rows import MemoryRows

RPPS = "10101205671"
ME = f"rpps:{RPPS}"
CODE = "7GQ4ZKP2XA"
VIEW = AccessHistory()


@pytest.fixture
def ledger() -> MemoryLedger:
    """CHB knows the person; the professional works for no hospital."""
    made = MemoryLedger()
    made.ask(EnrollSite(code="CHB", name="Hospital CHB"))
    made.ask(RegisterProfessional(rpps=RPPS, name="Dr Fictif", profession="radiologist"))
    return made


@pytest.fixture
def marie(ledger: MemoryLedger) -> UUID:
    """The identity asked for."""
    return UUID(ledger.ask(Register(assigner="CHB", local_id="1", stated={"family": "Fictive"})).result["identity"])


def fold(ledger: MemoryLedger) -> MemoryRows:
    """The view of everything in the log."""
    rows = MemoryRows(VIEW.tables)
    topics = registry().topics()
    ours = {event_type for topic in VIEW.topics for event_type in topics[topic]}
    for event in ledger.history():
        if event.type in ours:
            VIEW.apply(event, rows)
    return rows


def only(rows: dict[tuple[Any, ...], dict[str, Any]]) -> dict[str, Any]:
    """The one row."""
    (row,) = rows.values()
    return row


def test_a_denied_request_has_a_row_with_its_rule(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(OpenAccess(identity=marie, rpps=RPPS, reason="second opinion"))
    row = only(fold(ledger).table("access"))
    assert (row["decision"], row["rule"], row["reason"], row["expires_at"]) == ("denied", "X9", "second opinion", None)


def test_a_granted_request_names_the_consent_it_rests_on(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Grant(identity=marie, party=ME))
    ledger.ask(OpenAccess(identity=marie, rpps=RPPS, reason="second opinion"))
    rows = fold(ledger)
    access = only(rows.table("access"))
    assert (access["ground"], access["stated_by"]) == ("consent", str(marie))
    assert (str(marie), access["statement_id"]) in rows.table("consent_statement")


def test_a_closed_emergency_has_a_start_and_an_end(ledger: MemoryLedger, marie: UUID) -> None:
    opened = ledger.ask(OpenAccess(identity=marie, rpps=RPPS, reason="unconscious", emergency=True))
    ledger.ask(CloseEmergency(access=UUID(opened.result["access"]), rpps=RPPS, note="transferred"))
    row = only(fold(ledger).table("access"))
    assert (row["decision"], row["ground"], row["note"]) == ("emergency", "emergency", "transferred")
    assert row["opened_at"] < row["closed_at"] < row["expires_at"]


def test_a_revoked_consent_keeps_its_row_and_says_when_it_ended(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Grant(identity=marie, party=ME))
    ledger.ask(Revoke(identity=marie, party=ME, reason="changed her mind"))
    row = only(fold(ledger).table("consent_statement"))
    assert (row["kind"], row["state"], row["end_reason"]) == ("grant", "revoked", "changed her mind")
    assert row["since"] < row["ended_at"]


def test_a_lifted_opposition_is_lifted(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Oppose(identity=marie, reason="private"))
    ledger.ask(LiftOpposition(identity=marie))
    row = only(fold(ledger).table("consent_statement"))
    assert (row["kind"], row["scope"], row["state"], row["reason"]) == ("opposition", "consult", "lifted", "private")


def test_a_used_code_names_the_access_it_opened(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(IssueCode(identity=marie, code=CODE))
    opened = ledger.ask(OpenAccess(identity=marie, rpps=RPPS, reason="second opinion", code=CODE))
    row = only(fold(ledger).table("consent_statement"))
    assert (row["kind"], row["state"], row["access_id"]) == ("code", "used", opened.result["access"])


def test_nothing_of_the_code_reaches_the_view(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(IssueCode(identity=marie, code=CODE))
    stored = ledger.history()[-1].data
    told = str(fold(ledger).tables())
    assert not any(secret in told for secret in (CODE, stored["salt"], stored["hash"]))


def test_a_rebuild_after_an_erasure_shows_erased_reasons(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(OpenAccess(identity=marie, rpps=RPPS, reason="second opinion"))
    ledger.memory_vault.destroy(str(marie))
    assert only(fold(ledger).table("access"))["reason"] == ERASED


def test_every_event_names_the_rows_it_touches(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(IssueCode(identity=marie, code=CODE))
    ledger.ask(OpenAccess(identity=marie, rpps=RPPS, reason="second opinion", code=CODE))
    named = {key for e in ledger.history() if e.type[:7] in ("access.", "consent") for key in VIEW.keys(e)}
    touched = {(table, key) for table, rows in fold(ledger).tables().items() for key in rows}
    assert named == touched


def test_an_event_it_cannot_read_is_not_skipped() -> None:
    strange = LedgerEvent(1, "access.invented", str(UUID(int=1)), 1, {})
    with pytest.raises(UnknownEvent, match="access_history knows no event"):
        VIEW.apply(strange, MemoryRows(VIEW.tables))


def test_every_event_of_its_topics_is_known() -> None:
    topics = registry().topics()
    assert {t for topic in VIEW.topics for t in topics[topic]} == NEW.keys() | CHANGED.keys() | SAID_NOTHING


def statement(kind: str, scope: str = "consult", state: str = "in_force") -> dict[str, Any]:
    """A statement as the queries answer it."""
    return {"kind": kind, "scope": scope, "state": state}


@pytest.mark.parametrize(
    ("statements", "consultation"),
    [
        ([], "not_collected"),
        ([statement("grant")], "consented"),
        ([statement("grant", state="revoked")], "not_collected"),
        ([statement("grant", state="expired")], "not_collected"),
        ([statement("grant"), statement("opposition")], "opposed"),
        ([statement("opposition", Scope.FEED)], "not_collected"),
        ([statement("code")], "not_collected"),
    ],
)
def test_what_statements_amount_to(statements: list[dict[str, Any]], consultation: str) -> None:
    assert standing(statements)["consultation"] == consultation


def test_an_opposition_to_feeding_is_told_apart() -> None:
    assert standing([statement("opposition", "feed")])["feeding"] == "opposed"


def viewing(ledger: MemoryLedger) -> dict[str, Any]:
    """The one row of who looked."""
    return only(fold(ledger).table("viewing"))


def test_a_look_has_a_row_with_who_as_what_and_why(ledger: MemoryLedger, marie: UUID) -> None:
    caller = Caller(f"patient:{marie}", "my own")
    ledger.ask(View(caller=caller, task="record.show", identity=marie), caller.actor)
    row = viewing(ledger)
    kept = ("outcome", "identity_id", "members", "actor", "role", "kind", "ground", "rule", "purpose", "reason")
    assert tuple(row[name] for name in kept) == (
        *("viewed", str(marie), [str(marie)], caller.actor, "patient", "record.show", "self", "X13", "PATRQT"),
        "my own",
    )


def test_who_was_refused_has_a_row_too(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(View(caller=Caller("clerk:desk", "curious"), task="record.show", identity=marie), "clerk:desk")
    row = viewing(ledger)
    assert (row["outcome"], row["ground"], row["rule"], row["members"]) == ("refused", None, "W2", [str(marie)])


def test_a_list_has_a_row_for_all_who_were_on_it(ledger: MemoryLedger, marie: UUID) -> None:
    asked = ListPeople(caller=Caller("clerk:desk", "worklist"), task="identity.review.list", shown=(marie,))
    ledger.ask(asked, "clerk:desk")
    row = viewing(ledger)
    assert (row["outcome"], row["identity_id"], row["members"]) == ("listed", None, [str(marie)])
    ledger.memory_vault.destroy(str(marie))
    assert viewing(ledger)["reason"] == "worklist"


def test_why_somebody_looked_is_gone_with_the_key_of_who_was_looked_at(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(View(caller=Caller(f"patient:{marie}", "my own"), task="record.show", identity=marie))
    ledger.memory_vault.destroy(str(marie))
    assert viewing(ledger)["reason"] == ERASED
