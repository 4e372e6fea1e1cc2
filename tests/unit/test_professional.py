"""Professionals: RPPS numbers, affiliations, suspension."""

import pytest

from domain.commands.directory import Affiliate, EnrollSite, RegisterProfessional, Suspend
from domain.errors import (
    AlreadyAffiliated,
    BadProfessional,
    NotFound,
    ProfessionalRegistered,
    RuleBroken,
    SuspensionRefused,
    UnknownSite,
)
from domain.work import Command
from tests.fakes.ledger import MemoryLedger

RPPS = "10101201233"


@pytest.fixture
def ledger() -> MemoryLedger:
    """One radiologist of CHB."""
    made = MemoryLedger()
    made.ask(EnrollSite(code="CHB", name="CH de la Côte"))
    made.ask(RegisterProfessional(rpps=RPPS, name="Dr Fictif", profession="radiologist", sites=("CHB",)))
    return made


REFUSED: list[tuple[Command, type[RuleBroken | NotFound], str]] = [
    (RegisterProfessional(rpps="1010120123", name="x", profession="y"), BadProfessional, "11 digits"),
    (RegisterProfessional(rpps="1010120123A", name="x", profession="y"), BadProfessional, "11 digits"),
    (RegisterProfessional(rpps="١٠١٠١٢٠١٢٣٤", name="x", profession="y"), BadProfessional, "11 digits"),
    (RegisterProfessional(rpps="10101201234", name="x", profession="y"), BadProfessional, "a check digit"),
    (RegisterProfessional(rpps="10101202133", name="x", profession="y"), BadProfessional, "a check digit"),
    (RegisterProfessional(rpps="10101209996", name="", profession="y"), BadProfessional, "a name and a profession"),
    (RegisterProfessional(rpps=RPPS, name="x", profession="y"), ProfessionalRegistered, "registered already"),
    (
        RegisterProfessional(rpps="10101209996", name="x", profession="y", sites=("NOWHERE",)),
        UnknownSite,
        "site enroll",
    ),
    (Affiliate(rpps=RPPS, site="CHB"), AlreadyAffiliated, "affiliated to CHB already"),
    (Affiliate(rpps="10101209996", site="CHB"), NotFound, "krypton professional register 10101209996"),
    (Suspend(rpps=RPPS, reason=" "), SuspensionRefused, "without a reason"),
]


@pytest.mark.parametrize(("command", "error", "message"), REFUSED, ids=lambda value: getattr(value, "__name__", None))
def test_a_refusal_says_what_to_do(
    ledger: MemoryLedger, command: Command, error: type[RuleBroken | NotFound], message: str
) -> None:
    with pytest.raises(error, match=message):
        ledger.ask(command)


def test_a_refused_registration_leaves_nothing(ledger: MemoryLedger) -> None:
    with pytest.raises(UnknownSite):
        ledger.ask(RegisterProfessional(rpps="10101209996", name="x", profession="y", sites=("NOWHERE",)))
    assert set(ledger.directory().professionals) == {RPPS}


def test_a_suspension_shows_in_the_directory(ledger: MemoryLedger) -> None:
    ledger.ask(Suspend(rpps=RPPS, reason="left the register"))
    assert ledger.directory().professionals[RPPS].suspended


def test_a_suspension_is_made_once(ledger: MemoryLedger) -> None:
    ledger.ask(Suspend(rpps=RPPS, reason="left the register"))
    with pytest.raises(SuspensionRefused, match="suspended already"):
        ledger.ask(Suspend(rpps=RPPS, reason="left the register"))


def test_the_reason_of_a_suspension_is_sealed(ledger: MemoryLedger) -> None:
    ledger.ask(Suspend(rpps=RPPS, reason="left the register"))
    stored = ledger.recorder.select_notifications(0, 100)
    assert not any(b"left the register" in event.state for event in stored)
