"""What an order says of a pregnancy is carried to the study that answers it, and to no other; on PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.commands.orders import CancelOrder, PerformOrder, PlaceOrder, ScheduleOrder
from domain.sight import ALL, EVERYONE, Opposition, Sight
from krypton.queries.doses import pregnancies
from projections.cumulative_dose import queries as doses
from projections.cumulative_dose.asked import Asked
from projections.cumulative_dose.view import CumulativeDose
from projections.patient_record.view import PatientRecord
from tests.fakes.region import CLINICIAN, Region, dose, exposure, received
from tests.integration.view_reader import ViewReader

pytestmark = pytest.mark.live
AT = datetime(2026, 2, 1, 9, tzinfo=UTC)


@pytest.fixture
def record(database_url: str) -> Iterator[ViewReader]:
    with closing(ViewReader(database_url, PatientRecord())) as reader:
        yield reader


class Ward:
    """A patient with a study whose accession number is A1, and an order."""

    def __init__(self, pregnancy: str | None = "possible", **change: Any) -> None:
        self.region = Region()
        shot = exposure("2.25.91", dlp_mgycm=5.0)
        patient = {"age_days": None, "weight_kg": None, "size_cm": None, "pregnant": False}
        told = replace(dose("2.25.9", shot), said={"patient": patient})
        answer = self.region.ask(replace(received(doses=(told,)), accession="A1"))
        self.person, self.study = str(answer.result["identity"]), UUID(answer.result["study"])
        asked = PlaceOrder(
            identity=UUID(self.person),
            site="CHB",
            ordered_by=CLINICIAN,
            modality="CT",
            question="nodule?",
            pregnancy=pregnancy,
        )
        self.order = UUID(self.region.ask(replace(asked, **change)).result["order"])

    def said(self, record: ViewReader, erased: tuple[str, ...] = (), sight: Sight = ALL) -> dict[str, Any]:
        return pregnancies(record.read(self.region), [self.person], erased, sight)


def test_it_is_carried_by_the_study_that_was_made_from_the_order(record: ViewReader) -> None:
    ward = Ward()
    assert ward.said(record) == {}
    ward.region.ask(PerformOrder(order=ward.order, study_uid="2.25.1"))
    assert ward.said(record) == {"2.25.1": ("possible",)}


@pytest.mark.parametrize("change", [{"accession": "A1"}, {"placer_number": "A1"}])
def test_it_is_carried_by_the_accession_number_of_its_establishment(record: ViewReader, change: Any) -> None:
    ward = Ward("yes", **change)
    assert ward.said(record) == {"2.25.1": ("yes",)}
    assert Ward("yes", **change, site="CHP").said(record) == {}


def test_it_is_carried_by_the_number_that_the_exam_was_scheduled_under(record: ViewReader) -> None:
    ward = Ward("no")
    ward.region.ask(ScheduleOrder(order=ward.order, site="CHB", at=AT, accession="A1"))
    assert ward.said(record) == {"2.25.1": ("no",)}


def test_what_says_nothing_or_was_cancelled_or_is_erased_carries_nothing(record: ViewReader) -> None:
    assert Ward(None, accession="A1").said(record) == {}
    ward = Ward("yes", accession="A1")
    assert ward.said(record, erased=(ward.person,)) == {}
    ward.region.ask(CancelOrder(order=ward.order, reason="made elsewhere"))
    assert ward.said(record) == {}


def test_an_opposition_to_feeding_withholds_it_with_the_order(record: ViewReader) -> None:
    ward = Ward("yes", accession="A1")
    assert ward.said(record, sight=Sight(site="CHP")) == {"2.25.1": ("yes",)}
    opposed = Opposition(0, EVERYONE)
    assert ward.said(record, sight=Sight(oppositions=(opposed,), site="CHP")) == {}


def test_it_stands_beside_what_the_report_says_and_a_denial_is_told(record: ViewReader, database_url: str) -> None:
    ward = Ward("possible", accession="A1")
    said = ward.said(record)
    with closing(ViewReader(database_url, CumulativeDose())) as reader:
        asked = Asked(pregnancies=said)
        member = {"identity": ward.person, "assigner": "CHB", "local_id": "1"}
        (shot,) = doses.dose(reader.read(ward.region), [member], asked=asked)["exposures"]
    told = (shot["pregnant"], shot["pregnancy_ordered"], shot["pregnancy_disagrees"])
    assert told == (False, "possible", True)
