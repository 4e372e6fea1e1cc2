"""Priors before an appointment, on PostgreSQL: sent to who makes the exam, decided and on record, whatever dies."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any
from uuid import UUID

import pytest

from adapters.archive.archive import Archive
from adapters.inbox.spool import Spool
from adapters.outbox.outbox import Outbox
from domain.commands.consents import Oppose
from domain.commands.directory import ActivateService, RegisterDevice, RegisterProfessional
from domain.commands.orders import CancelOrder, PlaceOrder, PresentOrder, ScheduleOrder
from domain.work import Envelope
from krypton.services.dicom import ingest, spool_of
from krypton.services.dicom_shelf import LedgerPlaces, LedgerShelf
from krypton.services.priors import MOST, PriorsSender
from projections.declared import VIEWS
from tests.fakes.dicom import instance, new_uid, write
from tests.fakes.region import CLINICIAN
from tests.fakes.retrieving import Receiver
from tests.integration.policy_world import PolicyWorld, made

pytestmark = pytest.mark.live
PACS = "CHB_PACS"


class Killed(BaseException):
    """The process dies here."""


class Planned:
    """CHA has studies of Marie; CHB, whose PACS takes priors, is to make an exam."""

    def __init__(self, world: PolicyWorld, spool: Spool, home: Path) -> None:
        self.world, self.spool, self.home = world, spool, home
        turn = BoundedSemaphore(2)
        shelf, places = LedgerShelf(world.ours, turn), LedgerPlaces(world.ours, lambda: None, turn)
        self.sender = PriorsSender(world.ours, shelf, Archive(spool), places, "KRYPTON")
        self.outbox = Outbox(world.url, "priors")
        stated = {"family": "ESSAI", "given": "Élodie", "birth_date": "1970-01-01", "sex": "F"}
        self.marie = world.register("CHA", "M-1", **stated)
        self.receiver = Receiver()
        address = f"127.0.0.1:{self.receiver.callee.port}"
        world.ask(RegisterProfessional(rpps=CLINICIAN, name="Dr Clinicien", profession="physician", sites=("CHA",)))
        world.ask(RegisterDevice(code="CHB", ae_title=PACS, address=address))

    def image(self, site: str = "CHA", **changes: Any) -> str:
        """A study with one image comes in from a site; returns its SOP Instance UID."""
        stated = {"StudyInstanceUID": new_uid(), "SeriesInstanceUID": new_uid(), "PatientID": "M-1"}
        stated |= {"IssuerOfPatientID": "CHA"} | changes
        image = instance(**stated)
        ingest(self.world.ours, site, write(self.home / new_uid(), [image]), "system:test", None)
        self.settle()
        return str(image.SOPInstanceUID)

    def settle(self) -> None:
        """The views hold what the ledger holds."""
        for view in VIEWS:
            self.world.work(view)

    def active(self) -> None:
        """CHB wants priors."""
        self.world.ask(ActivateService(code="CHB", service="priors"))

    def plan(self, hours: float = 5) -> UUID:
        """An exam of hers at CHB, so many hours from now."""
        asked = PlaceOrder(identity=UUID(self.marie), site="CHA", ordered_by=CLINICIAN, modality="CT", question="why")
        order = UUID(self.world.ask(asked).result["order"])
        self.world.ask(PresentOrder(order=order, site="CHB"))
        self.again(order, hours)
        return order

    def again(self, order: UUID, hours: float) -> None:
        """It has an appointment, or another one."""
        at = datetime.now(UTC) + timedelta(hours=hours)
        self.world.ask(ScheduleOrder(order=order, site="CHB", at=at, accession="A-9"))

    def send(self) -> set[str]:
        """What is due is done; what the PACS has then."""
        self.settle()
        self.world.fold("priors")
        self.world.send("priors")
        while self.sender.once(self.outbox):
            pass
        return {*self.receiver.kept}

    def states(self) -> list[tuple[Any, ...]]:
        """Of what is to be sent."""
        return self.world.outbox("state, error, attempts", "does = 'send_priors'")

    def looks(self) -> list[tuple[str, str, str]]:
        """Who is on record as having looked, and why."""
        events = [event for event in self.world.history() if event.type.startswith("access.view")]
        return [(event.type, event.data["actor"], event.data["kind"]) for event in events]

    def close(self) -> None:
        """Give everything back."""
        self.outbox.close()
        self.receiver.stop()


@pytest.fixture
def planned(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planned]:
    """See ``Planned``."""
    world = made(installed_url, tmp_path, monkeypatch)
    with spool_of(world.ours) as spool:
        planned = Planned(world, spool, tmp_path)
        yield planned
        planned.close()
    world.close()


def test_priors_of_others_are_sent_before_the_exam_and_who_looked_is_on_record(planned: Planned) -> None:
    first, second = planned.image(), planned.image(StudyDate="20250105")
    planned.active()
    planned.plan()
    assert planned.send() == {first, second}
    assert planned.states() == [("done", None, 0)]
    assert planned.looks() == [("access.viewed", f"aet:{PACS}", "study.retrieve")] * 3


def test_not_where_the_service_is_not_active(planned: Planned) -> None:
    planned.image()
    planned.plan()
    assert planned.send() == set()
    assert (planned.states(), planned.looks()) == ([], [])


def test_not_before_the_day_of_the_exam(planned: Planned) -> None:
    planned.image()
    planned.active()
    planned.plan(hours=72)
    assert planned.send() == set()
    assert planned.states() == []


def test_not_what_the_receiver_made_itself(planned: Planned) -> None:
    prior = planned.image()
    planned.image("CHB", PatientID="B-1", IssuerOfPatientID=None)
    planned.active()
    planned.plan()
    assert planned.send() == {prior}


def test_no_more_than_the_newest(planned: Planned) -> None:
    priors = [planned.image(StudyDate=f"2025{1 + n // 28:02}{1 + n % 28:02}") for n in range(MOST + 2)]
    planned.active()
    planned.plan()
    assert planned.send() == {*priors[2:]}


@pytest.mark.parametrize("moved", [True, False])
def test_an_appointment_that_was_moved_or_cancelled_leads_to_nothing(planned: Planned, moved: bool) -> None:
    planned.image()
    planned.active()
    order = planned.plan()
    if moved:
        planned.again(order, 72)
    else:
        planned.world.ask(CancelOrder(order=order, reason="recovered"))
    assert planned.send() == set()
    assert planned.looks() == []


def test_what_she_opposes_is_not_sent_and_the_refusal_is_on_record(planned: Planned) -> None:
    planned.image()
    planned.active()
    planned.plan()
    planned.world.ours.execute(
        Oppose(identity=UUID(planned.marie), party="site:CHB"), Envelope(f"patient:{planned.marie}")
    )
    assert planned.send() == set()
    assert planned.states() == [("refused", "X5", 0)]
    assert planned.looks() == [("access.view_refused", f"aet:{PACS}", "study.retrieve")]


def test_a_receiver_that_refuses_is_tried_again_later(planned: Planned) -> None:
    prior = planned.image()
    planned.active()
    planned.plan()
    planned.receiver.status = lambda _: 0xA700
    assert planned.send() == set()
    assert planned.states() == [("waiting", "NotAll", 1)]
    planned.receiver.status = lambda _: 0
    planned.world.ours.ledger.clock = lambda: planned.world.ours.ledger.log.now() + timedelta(minutes=1)
    assert planned.send() == {prior}
    assert planned.states() == [("done", None, 1)]


def test_whatever_it_dies_at_each_prior_is_there_in_the_end_and_the_entry_once(planned: Planned) -> None:
    priors = {planned.image(), planned.image(StudyDate="20250105")}
    planned.active()
    planned.plan()
    came: list[str] = []

    def dies(uid: str) -> int:
        came.append(uid)
        if len(came) == 2:
            raise Killed
        return 0

    real = planned.sender._sent

    def sent(*how: Any) -> bool:
        answer = real(*how)
        dies(how[-1].sop_uid)
        return answer

    planned.sender._sent = sent  # type: ignore[method-assign, assignment]
    with suppress(Killed):
        planned.send()
    assert planned.states() == [("waiting", None, 0)]
    planned.sender._sent = real  # type: ignore[method-assign]
    assert planned.send() == priors
    assert planned.states() == [("done", None, 0)]
    assert not planned.sender.once(planned.outbox)
