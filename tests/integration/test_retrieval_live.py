"""What an establishment finds and fetches over DICOM is what the gate lets it, for each person, and on record."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from pydicom.dataset import Dataset

from adapters.dicom.storage import Doors, StorageService
from adapters.inbox.spool import Spool
from domain.commands.consents import Grant, Oppose
from domain.commands.directory import RegisterDevice
from domain.commands.orders import CancelOrder, PlaceOrder, PresentOrder
from domain.commands.studies import WithdrawStudy
from domain.consent_statements import Scope
from krypton.devstack.stack import Stack
from krypton.queries.standing import AGAIN_S
from krypton.services.dicom import spool_of
from krypton.services.dicom_queries import Queries
from tests.fakes.dicom import new_uid
from tests.fakes.erasing import erase
from tests.fakes.retrieving import FIND, PATIENT_FIND, PATIENT_GET, Receiver, counts, found, got, identifier, moved
from tests.integration.audit_world import CLINICIAN, AuditWorld, audit_world
from tests.waiting import until

pytestmark = pytest.mark.live
PACS, HOME_PACS = "CHP_PACS", "CHB_PACS"
LOOKS = {"access.viewed", "access.view_refused", "access.listed"}


@dataclass
class Region:
    """The world, and its DICOM service."""

    world: AuditWorld
    spool: Spool
    service: StorageService

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.service.port


@pytest.fixture(scope="module")
def region(stack: Stack) -> Iterator[Region]:
    """CHB and CHP, each with a PACS."""
    with audit_world(stack) as world, spool_of(world.krypton) as spool:
        for code, title in (("CHB", HOME_PACS), ("CHP", PACS)):
            world.ask(RegisterDevice(code=code, ae_title=title))
        service = StorageService(
            ledger=world.krypton.ledger,
            spool=spool,
            site_of=world.krypton.ledger.log.site_of,
            refused=lambda _: None,
            doors=Doors(port=0, queries=True),
            serve=Queries(world.krypton, spool).serve,
        )
        service.start()
        try:
            yield Region(world, spool, service)
        finally:
            service.stop(grace_s=1)


@dataclass
class Case:
    """A person of CHB with a study, whom CHP may or may not know."""

    region: Region
    marie: str
    uid: str
    study: str

    def order(self) -> UUID:
        """An exam is ordered at CHB and brought to CHP."""
        asked = PlaceOrder(
            identity=UUID(self.marie), site="CHB", ordered_by=CLINICIAN, modality="CT", question="nodule?"
        )
        order = UUID(self.region.world.ask(asked).result["order"])
        self.region.world.ask(PresentOrder(order=order, site="CHP"))
        return order

    def known(self) -> str:
        """CHP knows her by a number of its own."""
        other = self.region.world.register("CHP")
        self.region.world.merge(self.marie, other)
        return other

    def ask(self, command: Any) -> None:
        """She says something."""
        self.region.world.ask(command, f"patient:{self.marie}")


@pytest.fixture
def case(region: Region) -> Case:
    """See ``Case``."""
    marie, uid = region.world.register(), new_uid()
    study = region.world.images(marie, StudyInstanceUID=uid, SeriesInstanceUID=new_uid())
    return Case(region, marie, uid, study)


def nothing(_: Case) -> None:
    """CHP does not know her."""


def ordered(case: Case) -> None:
    """By an order."""
    case.order()


def cancelled(case: Case) -> None:
    """By an order that was cancelled."""
    case.region.world.ask(CancelOrder(order=case.order(), reason="recovered"))


def merged(case: Case) -> None:
    """By a number of its own."""
    case.known()


def unmerged(case: Case) -> None:
    """By a number that was held hers in error."""
    other = case.known()
    case.region.world.unmerge(case.marie, other)


def opposed(case: Case) -> None:
    """Against her opposition to everyone."""
    case.known()
    case.ask(Oppose(identity=UUID(case.marie)))


def opposed_to_it(case: Case) -> None:
    """Against her opposition to CHP."""
    case.order()
    case.ask(Oppose(identity=UUID(case.marie), party="site:CHP"))


def opposed_to_another(case: Case) -> None:
    """She opposes CHB alone."""
    case.order()
    case.ask(Oppose(identity=UUID(case.marie), party="site:CHB"))


def left_out(case: Case) -> None:
    """Her consent to CHP leaves this study out."""
    case.known()
    case.ask(Grant(identity=UUID(case.marie), party="site:CHP", exclusions=[f"study:{case.uid}"]))


def withdrawn(case: Case) -> None:
    """The study was withdrawn."""
    case.known()
    case.region.world.ask(WithdrawStudy(study=UUID(case.study), reason="another person's"))


def fed_against_her_will(case: Case) -> None:
    """A part of it came in after she opposed it."""
    case.known()
    case.ask(Oppose(identity=UUID(case.marie), scope=Scope.FEED, reason="a relative works there"))
    case.region.world.images(case.marie, StudyInstanceUID=case.uid, SeriesInstanceUID=new_uid())


def erased(case: Case) -> None:
    """She was erased."""
    case.known()
    erase(case.region.world.krypton, UUID(case.marie))


CASES: list[tuple[Callable[[Case], None], bool]] = [
    (nothing, False),
    (ordered, True),
    (cancelled, False),
    (merged, True),
    (unmerged, False),
    (opposed, False),
    (opposed_to_it, False),
    (opposed_to_another, True),
    (left_out, False),
    (withdrawn, False),
    (fed_against_her_will, False),
    (erased, False),
]


@pytest.mark.parametrize(("happens", "seen"), CASES, ids=[happens.__name__ for happens, _ in CASES])
def test_a_study_is_fetched_by_whom_the_gate_lets_and_each_time_it_is_on_record(
    case: Case, happens: Callable[[Case], None], seen: bool
) -> None:
    happens(case)
    world, port = case.region.world, case.region.port
    world.settle()
    before = world.head
    (*_, (last, _)), kept = got(port, identifier(StudyInstanceUID=case.uid), title=PACS)
    assert (last.Status, counts(last)) == (0, (None, int(seen), 0, 0))
    assert len(kept) == int(seen)
    looks = [one for one in world.types(before) if one in LOOKS]
    viewed = seen or happens in (left_out, withdrawn, fed_against_her_will)
    assert looks == ["access.viewed" if viewed else "access.view_refused"]


@pytest.mark.parametrize(("happens", "seen"), CASES, ids=[happens.__name__ for happens, _ in CASES])
def test_it_is_found_at_each_level_by_whom_the_gate_lets(
    case: Case, happens: Callable[[Case], None], seen: bool
) -> None:
    happens(case)
    world, port = case.region.world, case.region.port
    world.settle()
    before = world.head
    answers, last = found(port, identifier("SERIES", StudyInstanceUID=case.uid, SeriesInstanceUID=""), FIND, PACS)
    assert (len(answers), last.Status) == (int(seen), 0)
    assert world.types(before)[0] in LOOKS
    if happens is fed_against_her_will:
        return  # the study is on a list, with what came in before
    before = world.head
    answers, last = found(port, identifier(StudyInstanceUID=case.uid), FIND, PACS)
    assert (len(answers), last.Status) == (int(seen), 0)
    assert world.types(before)[0] in LOOKS


def test_where_it_was_made_it_is_found_and_fetched(case: Case) -> None:
    case.region.world.settle()
    answers, _ = found(case.region.port, identifier(StudyInstanceUID=case.uid), FIND, HOME_PACS)
    assert len(answers) == 1
    _, kept = got(case.region.port, identifier(StudyInstanceUID=case.uid), title=HOME_PACS)
    assert len(kept) == 1


def test_a_patient_is_asked_about_by_ones_own_number_and_all_studies_come(case: Case) -> None:
    world, port = case.region.world, case.region.port
    other = case.known()
    mine = world.images(other)
    world.settle()
    number = world.identity(other)["local_id"]
    asked = identifier(PatientID=number, StudyInstanceUID="", IssuerOfPatientID="", AccessionNumber="")
    answers, last = found(port, asked, PATIENT_FIND, PACS)
    assert last.Status == 0
    assert len(answers) == 2
    assert {(one.PatientID, one.IssuerOfPatientID) for one in answers} == {(number, "CHP")}
    _, kept = got(port, identifier("PATIENT", PatientID=number), model=PATIENT_GET, title=PACS)
    assert {str(one.StudyInstanceUID) for one in kept.values()} == {str(one.StudyInstanceUID) for one in answers}
    assert mine


def test_somebody_elses_number_leads_nowhere_and_tells_nothing(case: Case) -> None:
    world, port = case.region.world, case.region.port
    world.settle()
    number = world.identity(case.marie)["local_id"]
    for asked in (
        identifier(PatientID=number, StudyInstanceUID=""),
        identifier(PatientID=number, IssuerOfPatientID="CHB", StudyInstanceUID=""),
        identifier(PatientID="NOBODY", IssuerOfPatientID="CHB", StudyInstanceUID=""),
    ):
        answers, last = found(port, asked, PATIENT_FIND, PACS)
        assert (answers, last.Status, last.get("ErrorComment")) == ([], 0, None)


@pytest.fixture
def receiver(region: Region) -> Iterator[Receiver]:
    """The PACS of CHP, listening."""
    made = Receiver()
    address = f"127.0.0.1:{made.callee.port}"
    region.world.ask(RegisterDevice(code="CHP", ae_title=PACS, address=address))
    yield made
    made.stop()


def test_a_study_is_moved_to_where_the_ledger_says_that_the_application_listens(case: Case, receiver: Receiver) -> None:
    case.order()
    case.region.world.settle()
    *_, (last, _) = moved(case.region.port, identifier(StudyInstanceUID=case.uid), PACS, title=PACS)
    assert (last.Status, len(receiver.kept)) == (0, 1)
    for destination, title in ((HOME_PACS, PACS), (PACS, HOME_PACS)):
        before = case.region.world.head
        ((last, _),) = moved(case.region.port, identifier(StudyInstanceUID=case.uid), destination, title=title)
        assert last.Status == 0xA801
        assert case.region.world.types(before) == []


def test_an_opposition_ends_a_move_that_is_under_way(case: Case, receiver: Receiver) -> None:
    world, port = case.region.world, case.region.port
    for _ in range(5):
        world.images(case.marie, StudyInstanceUID=case.uid, SeriesInstanceUID=new_uid())
    case.order()
    world.settle()
    said: list[str] = []

    def oppose(uid: str) -> int:
        if not said:
            case.ask(Oppose(identity=UUID(case.marie)))
            ended()
        said.append(uid)
        return 0

    receiver.status = oppose
    *_, (last, failed) = moved(port, identifier(StudyInstanceUID=case.uid), PACS, title=PACS)
    assert last.Status == 0xB000
    assert counts(last)[1:3] == (1, 5)
    assert "any more" in last.ErrorComment
    assert failed is not None
    assert len(failed.FailedSOPInstanceUIDList) == 5


def ended() -> None:
    """Until no look from before is fresh enough any more."""
    now = time.monotonic()
    until(lambda: time.monotonic() - now > AGAIN_S, "the looks are old")


def test_many_ask_at_once_and_each_is_answered(region: Region) -> None:
    """More associations than connections to the database."""
    world = region.world
    marie, uid = world.register("CHP"), new_uid()
    world.images(marie, StudyInstanceUID=uid)
    world.settle()
    asked: list[Dataset] = [identifier(StudyInstanceUID=uid) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda one: got(region.port, one, title=PACS), asked))
    assert [len(kept) for _, kept in answers] == [1] * 12
