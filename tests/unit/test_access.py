"""Accesses: what a decision records, and what is answered."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from domain.commands.accesses import CloseEmergency, OpenAccess
from domain.commands.consents import Grant, IssueCode, Oppose
from domain.commands.directory import Affiliate, EnrollSite, RegisterProfessional
from domain.commands.identities import Register
from domain.commands.links import Merge
from domain.consent_statements import Scope
from domain.errors import NoOpenEmergency, NotAffiliated, NotFound, ReasonMissing, UnknownProfessional
from domain.work import Envelope
from tests.fakes.ledger import MemoryLedger

INSIDE, OUTSIDE, FREE = "10101201233", "10101205671", "10101209996"


@pytest.fixture
def ledger() -> MemoryLedger:
    """Two hospitals, a professional in each, and one who works for none."""
    made = MemoryLedger()
    for code in ("CHB", "CHP"):
        made.ask(EnrollSite(code=code, name=f"Hospital {code}"))
    for rpps, site in ((INSIDE, "CHB"), (OUTSIDE, "CHP"), (FREE, None)):
        made.ask(
            RegisterProfessional(rpps=rpps, name="Dr Fictif", profession="radiologist", sites=(site,) if site else ())
        )
    return made


@pytest.fixture
def marie(ledger: MemoryLedger) -> UUID:
    """Known at CHB."""
    return register(ledger, "CHB")


def register(ledger: MemoryLedger, site: str) -> UUID:
    """One identity at a hospital."""
    return UUID(ledger.ask(Register(assigner=site, local_id="1", stated={"family": "Fictive"})).result["identity"])


def ask(identity: UUID, rpps: str = OUTSIDE, **more: object) -> OpenAccess:
    """A request with a reason."""
    return replace(OpenAccess(identity=identity, rpps=rpps, reason="second opinion"), **more)  # type: ignore[arg-type]


def test_a_denial_is_written_and_answered(ledger: MemoryLedger, marie: UUID) -> None:
    answer = ledger.ask(ask(marie))
    assert len(answer.positions) == 1
    assert (answer.result["decision"], answer.result["rule"]) == ("denied", "X9")


def test_a_grant_is_answered_with_its_ground_and_end(ledger: MemoryLedger, marie: UUID) -> None:
    result = ledger.ask(ask(marie, INSIDE)).result
    assert (result["decision"], result["ground"], result["site"]) == ("granted", "care_team", "CHB")
    assert result["expires_at"].endswith("Z")


def test_a_repeated_request_answers_as_the_first_time(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(IssueCode(identity=marie, code="7GQ4ZKP2XA"))
    by = Envelope("rpps:" + OUTSIDE)
    answers = [ledger.execute(ask(marie, code="7GQ4ZKP2XA"), by) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0].result["ground"] == "code"


def test_the_decision_records_who_the_person_was_then(ledger: MemoryLedger, marie: UUID) -> None:
    other = register(ledger, "CHP")
    ledger.ask(Merge(one=marie, other=other, reason="same traits"))
    ledger.ask(ask(marie))
    assert ledger.history()[-1].data["members"] == sorted([str(marie), str(other)])


def test_a_consent_given_under_another_identity_grants_and_is_named(ledger: MemoryLedger, marie: UUID) -> None:
    other = register(ledger, "CHP")
    ledger.ask(Merge(one=marie, other=other, reason="same traits"))
    ledger.ask(Grant(identity=other, party=f"rpps:{FREE}", exclusions=["study:1.2.3"]))
    ledger.ask(ask(marie, FREE))
    told = ledger.history()[-1].data
    assert (told["ground"], told["consenting_id"], told["exclusions"]) == ("consent", str(other), ["study:1.2.3"])


def test_a_denial_names_the_opposition(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Oppose(identity=marie, party=f"rpps:{INSIDE}"))
    ledger.ask(ask(marie, INSIDE))
    assert ledger.history()[-1].data["opposing_id"] == str(marie)


def test_opposition_to_feeding_does_not_close_the_record(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(Oppose(identity=marie, scope=Scope.FEED, reason="a relative works there"))
    assert ledger.ask(ask(marie, INSIDE)).result["decision"] == "granted"


def test_a_code_is_not_spent_where_none_is_needed(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(IssueCode(identity=marie, code="7GQ4ZKP2XA"))
    ledger.ask(ask(marie, INSIDE, code="7GQ4ZKP2XA"))
    assert "consent.code_used" not in [e.type for e in ledger.history()]


def test_the_site_is_left_open_where_two_are_possible(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(EnrollSite(code="CHX", name="Hospital CHX"))
    ledger.ask(Affiliate(rpps=OUTSIDE, site="CHX"))
    assert ledger.ask(ask(marie)).result["site"] is None


def test_a_consent_to_one_of_two_sites_says_which_is_acted_from(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(EnrollSite(code="CHX", name="Hospital CHX"))
    ledger.ask(Affiliate(rpps=OUTSIDE, site="CHX"))
    ledger.ask(Grant(identity=marie, party="site:CHX"))
    assert ledger.ask(ask(marie)).result["site"] == "CHX"


def test_the_reason_is_sealed(ledger: MemoryLedger, marie: UUID) -> None:
    ledger.ask(ask(marie))
    assert not any(b"second opinion" in e.state for e in ledger.recorder.select_notifications(0, 100))


def test_an_unregistered_professional_is_no_one_to_decide_about(ledger: MemoryLedger, marie: UUID) -> None:
    with pytest.raises(UnknownProfessional, match="krypton professional register"):
        ledger.ask(ask(marie, "10100000008"))


def test_a_site_that_is_not_theirs_is_refused(ledger: MemoryLedger, marie: UUID) -> None:
    with pytest.raises(NotAffiliated, match="does not work for the establishment named"):
        ledger.ask(ask(marie, INSIDE, site="CHP"))


def test_a_request_without_a_reason_is_refused(ledger: MemoryLedger, marie: UUID) -> None:
    with pytest.raises(ReasonMissing, match="say why the record is needed"):
        ledger.ask(ask(marie, reason=" "))


def test_nobody_asks_for_an_unknown_identity(ledger: MemoryLedger) -> None:
    with pytest.raises(NotFound, match="is not in the ledger"):
        ledger.ask(ask(uuid4()))


def test_an_emergency_is_over_after_four_hours(ledger: MemoryLedger, marie: UUID) -> None:
    access = UUID(ledger.ask(ask(marie, emergency=True)).result["access"])
    clock = ledger.clock
    clock.now = clock.now.replace(hour=clock.now.hour + 4)  # type: ignore[attr-defined]
    with pytest.raises(NoOpenEmergency, match="is over already"):
        ledger.ask(CloseEmergency(access=access, rpps=OUTSIDE))


def test_a_denied_request_is_no_emergency_to_close(ledger: MemoryLedger, marie: UUID) -> None:
    access = UUID(ledger.ask(ask(marie)).result["access"])
    with pytest.raises(NoOpenEmergency, match="is no emergency access"):
        ledger.ask(CloseEmergency(access=access, rpps=OUTSIDE))


def test_another_professional_does_not_close_it(ledger: MemoryLedger, marie: UUID) -> None:
    access = UUID(ledger.ask(ask(marie, emergency=True)).result["access"])
    with pytest.raises(NoOpenEmergency, match="opened by another professional"):
        ledger.ask(CloseEmergency(access=access, rpps=INSIDE))
