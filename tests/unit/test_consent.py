"""Consents: statements, their limits, and one-time codes."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.aggregates.consent import Consent
from domain.commands.consents import Grant, IssueCode, LiftOpposition, Oppose, Revoke
from domain.commands.directory import EnrollSite, RegisterProfessional
from domain.commands.identities import Register
from domain.consent_code import LENGTH, SIGNS, derive, matches, normal, salted_hash
from domain.consent_statements import EVERYONE, Said, Scope
from domain.errors import (
    BadCode,
    BadLimit,
    Erased,
    NoLegitimateReason,
    NotFound,
    RuleBroken,
    StatementUnchanged,
    StillOpposed,
    UnknownParty,
)
from domain.work import Command
from tests.fakes.erasing import Erase
from tests.fakes.ids import IDS
from tests.fakes.ledger import MemoryLedger

RPPS = "10101201233"
ME = f"rpps:{RPPS}"
MARIE = UUID("00000000-0000-4000-8000-000000000001")
CODE = "7GQ4ZKP2XA"
YESTERDAY = datetime(2026, 1, 4, tzinfo=UTC)


@pytest.fixture
def ledger() -> MemoryLedger:
    """CHB, a professional, and one identity."""
    made = MemoryLedger()
    made.ask(EnrollSite(code="CHB", name="CH de la Côte"))
    made.ask(RegisterProfessional(rpps=RPPS, name="Dr Fictif", profession="radiologist"))
    return made


@pytest.fixture
def marie(ledger: MemoryLedger) -> UUID:
    """The identity."""
    answer = ledger.ask(Register(assigner="CHB", local_id="1", stated={"family": "Fictive"}))
    return UUID(answer.result["identity"])


def consent_of(ledger: MemoryLedger, identity: UUID) -> Consent:
    """What was said on the identity's behalf."""
    found = ledger.find(Consent, Consent.create_id(IDS, identity))
    assert found is not None
    return found


def test_an_opposition_wins_over_a_consent_given_before(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Grant(identity=marie, party=ME))
    ledger.ask(Oppose(identity=marie))
    assert consent_of(ledger, marie).says({ME}, 0) is Said.NO


def test_opposition_to_feeding_says_nothing_of_consulting(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Oppose(identity=marie, scope=Scope.FEED, reason="a relative works there"))
    assert consent_of(ledger, marie).says({ME}, 0) is Said.NOT_COLLECTED


def test_a_consent_that_ran_out_is_given_anew(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Grant(identity=marie, party=ME, expires_at=ledger.clock() + timedelta(seconds=2)))
    ledger.clock()
    ledger.ask(Grant(identity=marie, party=ME))
    assert consent_of(ledger, marie).grants[ME].expires_at is None


def test_taking_back_names_the_statement_taken_back(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Grant(identity=marie, party=ME))
    ledger.ask(Revoke(identity=marie, party=ME, reason="changed her mind"))
    granted, revoked = (e.data for e in ledger.history() if e.type in ("consent.granted", "consent.revoked"))
    assert granted["statement_id"] == revoked["statement_id"]


def test_a_second_consent_is_another_statement(ledger: MemoryLedger, marie: UUID) -> None:
    for command in (Grant(identity=marie, party=ME), Revoke(identity=marie, party=ME), Grant(identity=marie, party=ME)):
        ledger.ask(command)
    said = [e.data["statement_id"] for e in ledger.history() if e.type == "consent.granted"]
    assert len(set(said)) == 2


REFUSED: list[tuple[Command, type[RuleBroken], str]] = [
    (
        Grant(identity=MARIE, party="rpps:10100000008"),
        UnknownParty,
        "rpps:<registered number> or site:<enrolled code>$",
    ),
    (Grant(identity=MARIE, party="Dr Fictif"), UnknownParty, "nobody by the name given"),
    (Grant(identity=MARIE, party=EVERYONE), UnknownParty, "nobody by the name given"),
    (Oppose(identity=MARIE, party="site:NOWHERE"), UnknownParty, "or everyone$"),
    (Revoke(identity=MARIE, party=ME), StatementUnchanged, "nothing to revoke"),
    (LiftOpposition(identity=MARIE), StatementUnchanged, "does not oppose consult by everyone: nothing to lift"),
    (Oppose(identity=MARIE, scope=Scope.FEED, reason="  "), NoLegitimateReason, "legitimate reason"),
    (Grant(identity=MARIE, party=ME, expires_at=YESTERDAY), BadLimit, "end before it starts"),
    (Grant(identity=MARIE, party=ME, exclusions=["study:x", "all"]), BadLimit, "2 exclusions are not of the form"),
    (IssueCode(identity=MARIE, code="12-34-56"), BadCode, "fewer than 8 signs"),
    (IssueCode(identity=MARIE, code=CODE, lives=timedelta(days=8)), BadLimit, "up to a week"),
    (IssueCode(identity=MARIE, code=CODE, lives=timedelta(0)), BadLimit, "up to a week"),
]


@pytest.mark.parametrize(("command", "error", "message"), REFUSED, ids=lambda value: getattr(value, "__name__", None))
def test_a_refusal_says_what_to_do(
    ledger: MemoryLedger, marie: UUID, command: Command, error: type[RuleBroken], message: str
) -> None:
    object.__setattr__(command, "identity", marie)
    with pytest.raises(error, match=message):
        ledger.ask(command)


def test_a_consent_is_not_given_twice(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Grant(identity=marie, party=ME))
    with pytest.raises(StatementUnchanged, match="revoke that first"):
        ledger.ask(Grant(identity=marie, party=ME))


def test_an_opposition_is_not_expressed_twice(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Oppose(identity=marie))
    with pytest.raises(StatementUnchanged, match="nothing to do"):
        ledger.ask(Oppose(identity=marie))


def test_an_opposed_party_is_not_granted(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Oppose(identity=marie, party=ME))
    with pytest.raises(StillOpposed, match="lift that first"):
        ledger.ask(Grant(identity=marie, party=ME))


def test_nothing_is_said_on_behalf_of_an_unknown_identity(ledger: MemoryLedger) -> None:
    with pytest.raises(NotFound):
        ledger.ask(Oppose(identity=uuid4()))


def test_nothing_is_said_on_behalf_of_an_erased_identity(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Erase(identity=marie, reason="asked for"))
    with pytest.raises(Erased, match="was erased"):
        ledger.ask(Oppose(identity=marie))


def test_neither_the_log_nor_the_answer_holds_the_code(ledger: MemoryLedger, marie: UUID) -> None:
    command = IssueCode(identity=marie, code=CODE)
    answer = ledger.ask(command)
    stored = ledger.recorder.select_notifications(0, 100)
    assert not any(CODE.encode() in event.state for event in stored)
    assert CODE not in f"{answer}{command}"


def test_a_code_is_found_until_it_is_over(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(IssueCode(identity=marie, code=CODE))
    consent = consent_of(ledger, marie)
    ends = next(iter(consent.codes.values())).expires_at
    found = [consent.code_of(CODE, at) is not None for at in (ends - 1, ends)]
    assert found == [True, False]


def test_a_repeated_command_derives_the_same_code() -> None:
    command, secret = uuid4(), b"a secret of sixteen bytes"
    assert derive(command, secret) == derive(command, secret)


def test_another_secret_derives_another_code() -> None:
    command = uuid4()
    assert derive(command, b"one secret, long enough") != derive(command, b"other secret, long enough")


def test_a_secret_that_could_be_guessed_derives_nothing() -> None:
    with pytest.raises(ValueError, match="fewer than 16 bytes"):
        derive(uuid4(), b"short")


@given(st.uuids())
def test_a_derived_code_is_read_as_it_is_written(command: UUID) -> None:
    code = derive(command, b"a secret of sixteen bytes")
    assert len(code) == LENGTH
    assert set(code) <= set(SIGNS)
    assert normal(f" {code[:4]}-{code[4:].lower()} ") == code


def test_signs_that_are_misread_are_put_right() -> None:
    salt = bytes(16)
    assert matches("O1234567IL", salt.hex(), salted_hash("0123456711", salt))
