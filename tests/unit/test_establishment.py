"""Establishments: codes, FINESS numbers, AE titles, services, and callers that nobody registered."""

import pytest

from domain.aggregates.establishment import Establishment
from domain.commands.directory import ActivateService, EndService, EnrollSite, RefuseCaller, RegisterDevice
from domain.errors import (
    AeTitleTaken,
    BadAddress,
    BadAeTitle,
    BadFiness,
    BadSite,
    RuleBroken,
    ServiceActive,
    ServiceNotActive,
    SiteEnrolled,
    UnknownSite,
)
from domain.work import Command
from tests.fakes.ledger import MemoryLedger


@pytest.fixture
def ledger() -> MemoryLedger:
    """CHB is enrolled and has one scanner."""
    made = MemoryLedger()
    made.ask(EnrollSite(code="CHB", name="CH de la Côte", finess="640780000"))
    made.ask(RegisterDevice(code="CHB", ae_title="CT_1", kind="modality"))
    return made


REFUSED: list[tuple[Command, type[RuleBroken], str]] = [
    (EnrollSite(code="chb", name="x"), BadSite, "2 to 16 capitals"),
    (EnrollSite(code="C", name="x"), BadSite, "2 to 16 capitals"),
    (EnrollSite(code="A" * 17, name="x"), BadSite, "2 to 16 capitals"),
    (EnrollSite(code="CHP", name=" "), BadSite, "CHP has no name"),
    (EnrollSite(code="CHB", name="x"), SiteEnrolled, "CHB is enrolled already"),
    (EnrollSite(code="CHP", name="x", finess="64078000"), BadFiness, "CHP has not 9 characters"),
    (RegisterDevice(code="NOWHERE", ae_title="CT_2"), UnknownSite, "krypton site enroll NOWHERE"),
    (RegisterDevice(code="CHB", ae_title=""), BadAeTitle, "1 to 16 printable characters"),
    (RegisterDevice(code="CHB", ae_title="A" * 17), BadAeTitle, "1 to 16 printable characters"),
    (RegisterDevice(code="CHB", ae_title="CT\\2"), BadAeTitle, "1 to 16 printable characters"),
    (RegisterDevice(code="CHB", ae_title="CT\n2"), BadAeTitle, "1 to 16 printable characters"),
    (RegisterDevice(code="CHB", ae_title=" CT"), BadAeTitle, "1 to 16 printable characters"),
    (RegisterDevice(code="CHB", ae_title="CT_1"), AeTitleTaken, "CT_1 belongs to CHB already"),
    (RegisterDevice(code="CHB", ae_title="CT_2", kind="toaster"), BadSite, "known are modality, pacs"),
    (ActivateService(code="CHB", service="Télé"), BadSite, "2 to 32 small letters"),
    *(
        (RegisterDevice(code="CHB", ae_title="CT_1", address=address), BadAddress, "a host and a port")
        for address in ("", "pacs", "pacs:", ":104", "pacs:0", "pacs:65536", "pa cs:104", "pacs:1e3", "-pacs:104")
    ),
]


@pytest.mark.parametrize(("command", "error", "message"), REFUSED, ids=lambda value: getattr(value, "__name__", None))
def test_a_refusal_says_what_to_do(
    ledger: MemoryLedger, command: Command, error: type[RuleBroken], message: str
) -> None:
    with pytest.raises(error, match=message):
        ledger.ask(command)


def test_another_establishment_does_not_take_the_ae_title(ledger: MemoryLedger) -> None:
    ledger.ask(EnrollSite(code="CHP", name="CH du Piémont"))
    with pytest.raises(AeTitleTaken, match="CT_1 belongs to CHB already"):
        ledger.ask(RegisterDevice(code="CHP", ae_title="CT_1"))


@pytest.mark.parametrize("ae_title", ["A", "CT 1", "A" * 16, "[x]-~!"])
def test_what_dicom_allows_is_an_ae_title(ledger: MemoryLedger, ae_title: str) -> None:
    ledger.ask(RegisterDevice(code="CHB", ae_title=ae_title))
    assert ledger.log.site_of(ae_title) == "CHB"
    assert ae_title in ledger.directory().sites["CHB"].ae_titles


@pytest.mark.parametrize("finess", ["640780000", "2A0000014"])
def test_finess_numbers_of_every_department_are_accepted(ledger: MemoryLedger, finess: str) -> None:
    ledger.ask(EnrollSite(code="NEW", name="x", finess=finess))
    assert ledger.directory().sites["NEW"].finess == finess


def test_a_service_is_activated_once(ledger: MemoryLedger) -> None:
    ledger.ask(ActivateService(code="CHB", service="teleradiology"))
    with pytest.raises(ServiceActive, match="uses teleradiology already"):
        ledger.ask(ActivateService(code="CHB", service="teleradiology"))


def test_an_unknown_caller_is_recorded_again_the_next_day(ledger: MemoryLedger) -> None:
    call = RefuseCaller(ae_title="STRAY", called="KRYPTON", address="192.0.2.7")
    written = [len(ledger.ask(call).positions) for _ in range(2)]
    clock = ledger.clock
    clock.now = clock.now.replace(day=clock.now.day + 1)  # type: ignore[attr-defined]
    written.append(len(ledger.ask(call).positions))
    assert written == [1, 0, 1]


def test_what_an_unknown_caller_says_of_itself_is_made_harmless(ledger: MemoryLedger) -> None:
    ledger.ask(RefuseCaller(ae_title="\x1b[31mé\n" + "A" * 40, called="K\0", address="192.0.2.7"))
    told = ledger.history()[-1].data
    assert (told["ae_title"], told["called"]) == ("?[31m??AAAAAAAAA", "K?")


@pytest.mark.parametrize(
    ("stated", "address"),
    [
        ("pacs.chb.example:11112", ("pacs.chb.example", 11112, False)),
        ("10.1.2.3:104", ("10.1.2.3", 104, False)),
        ("[2001:db8::1]:104", ("2001:db8::1", 104, False)),
    ],
)
def test_where_a_device_listens_is_said_when_it_is_registered_or_later(
    ledger: MemoryLedger, stated: str, address: tuple[str, int, bool]
) -> None:
    ledger.ask(RegisterDevice(code="CHB", ae_title="PACS", address=stated))
    ledger.ask(RegisterDevice(code="CHB", ae_title="CT_1", address=stated))
    site = ledger.find(Establishment, Establishment.create_id("CHB"))
    assert site is not None
    assert site.addresses == {"PACS": address, "CT_1": address}
    assert site.kinds == {"CT_1": "modality", "PACS": "pacs"}


def test_an_address_that_is_said_again_changes_nothing_and_another_one_counts(ledger: MemoryLedger) -> None:
    ask = RegisterDevice(code="CHB", ae_title="CT_1", address="pacs:104")
    assert ledger.ask(ask).positions
    assert not ledger.ask(ask).positions
    assert ledger.ask(RegisterDevice(code="CHB", ae_title="CT_1", address="pacs:104", tls=True)).positions
    site = ledger.find(Establishment, Establishment.create_id("CHB"))
    assert site is not None
    assert site.addresses["CT_1"].tls


def test_a_service_that_was_ended_is_none_and_may_begin_again(ledger: MemoryLedger) -> None:
    for command, services in (
        (ActivateService(code="CHB", service="priors"), {"priors"}),
        (EndService(code="CHB", service="priors"), set()),
        (ActivateService(code="CHB", service="priors"), {"priors"}),
    ):
        ledger.ask(command)
        site = ledger.find(Establishment, Establishment.create_id("CHB"))
        assert site is not None
        assert site.services == services
        assert ledger.directory().sites["CHB"].services == services
    with pytest.raises(ServiceNotActive, match="see krypton site list"):
        ledger.ask(EndService(code="CHB", service="teleradiology"))
