"""What lay in a record at a time, and whose it was."""

from uuid import UUID

import pytest

from domain.commands.orders import PlaceOrder
from domain.commands.readings import AcceptReading, ReportReading, RequestReading
from domain.commands.splits import Split, UndoSplit
from domain.commands.studies import ReassignStudy, ReceivedReport, WithdrawStudy
from krypton.auditing.holdings import Holding, holdings, shown
from krypton.auditing.persons import FOREVER
from tests.fakes.region import CLINICIAN, RADIOLOGIST, Region, dose, exposure


@pytest.fixture
def region() -> Region:
    return Region()


def held(region: Region) -> list[Holding]:
    """All that ever came in."""
    return holdings(region.history())


def kinds(region: Region, person: UUID, start: int = 0, end: int = FOREVER, *exclusions: str) -> list[str]:
    """What kinds of things a reader saw."""
    return sorted(kind for kind, _ in shown(held(region), (str(person),), start, end, exclusions))


def moment(region: Region) -> int:
    """Just after the last event."""
    return int(region.history()[-1].data["recorded_at"]) + 1


@pytest.fixture
def study(region: Region) -> UUID:
    """With a report and a dose, of CHB's patient 1."""
    answer = region.receive(
        reports=(ReceivedReport(report_uid="2.25.5", kind="SR", title=None),),
        doses=(dose("2.25.9", exposure("2.25.8", dlp_mgycm=1.0)),),
    )
    return UUID(answer.result["study"])


def owner(region: Region, study: UUID) -> UUID:
    return UUID(next(e.data["identity_id"] for e in region.history() if e.aggregate_id == str(study)))


def test_a_study_comes_with_its_report_and_dose(region: Region, study: UUID) -> None:
    assert kinds(region, owner(region, study)) == ["dose_report", "report", "study"]


def test_orders_and_readings_are_part_of_the_record(region: Region, study: UUID) -> None:
    one = owner(region, study)
    region.ask(PlaceOrder(identity=one, site="CHB", ordered_by=CLINICIAN, modality="CT", question="nodule?"))
    region.ask(RequestReading(study=study, from_site="CHB", to_site="CHP", question="nodule?"))
    assert kinds(region, one) == ["dose_report", "order", "reading", "report", "study"]


def test_nothing_is_seen_before_it_came(region: Region, study: UUID) -> None:
    came = next(e.data["recorded_at"] for e in region.history() if e.type == "study.arrived")
    assert kinds(region, owner(region, study), 0, came) == []


def test_a_reassigned_study_is_the_others_from_then_on_with_all_that_belongs_to_it(region: Region, study: UUID) -> None:
    one, other = owner(region, study), region.register(local_id="2")
    before = moment(region)
    region.ask(ReassignStudy(study=study, to_identity=other, reason="wrong bracelet"))
    after = moment(region)
    seen = [kinds(region, who, *span) for who in (one, other) for span in ((0, before), (after, FOREVER))]
    assert seen == [["dose_report", "report", "study"], [], [], ["dose_report", "report", "study"]]


def test_an_order_that_was_moved_is_the_others_from_then_on_and_until_it_goes_back(region: Region) -> None:
    one = region.register()
    asked = PlaceOrder(identity=one, site="CHB", ordered_by=CLINICIAN, modality="CT", question="nodule?")
    order = UUID(region.ask(asked).result["order"])
    before = moment(region)
    other = UUID(region.ask(Split(identity=one, orders=(order,), reason="two people")).result["other"])
    between = moment(region)
    region.ask(UndoSplit(identity=other, reason="a mistake"))
    after = moment(region)
    spans = ((0, before), (between, between + 1), (after, FOREVER))
    seen = [[kinds(region, who, *span) for span in spans] for who in (one, other)]
    assert seen == [[["order"], [], ["order"]], [[], ["order"], []]]


def test_a_withdrawn_study_is_not_shown_and_its_dose_is(region: Region, study: UUID) -> None:
    region.ask(WithdrawStudy(study=study, reason="test image"))
    assert kinds(region, owner(region, study), moment(region)) == ["dose_report"]


@pytest.mark.parametrize(
    ("exclusion", "left"),
    [
        ("study:2.25.1", []),
        ("study:2.25.2", ["dose_report", "report", "study"]),
        ("period:2026-01-01/2026-01-02", []),
        ("period:2026-01-03/2026-01-04", ["dose_report", "report", "study"]),
    ],
)
def test_what_a_consent_leaves_out_was_not_shown(region: Region, study: UUID, exclusion: str, left: list[str]) -> None:
    assert kinds(region, owner(region, study), 0, FOREVER, exclusion) == left


def test_an_author_who_is_left_out_takes_orders_and_readings_along(region: Region, study: UUID) -> None:
    one = owner(region, study)
    region.ask(PlaceOrder(identity=one, site="CHB", ordered_by=CLINICIAN, modality="CT", question="nodule?"))
    asked = RequestReading(study=study, from_site="CHB", to_site="CHP", question="nodule?")
    reading = UUID(region.ask(asked).result["reading"])
    region.ask(AcceptReading(reading=reading, by=RADIOLOGIST))
    region.ask(ReportReading(reading=reading, by=RADIOLOGIST, report_uid="2.25.7", conclusion="none"))
    without = [kinds(region, one, 0, FOREVER, f"author:rpps:{who}") for who in (CLINICIAN, RADIOLOGIST)]
    assert without == [["dose_report", "reading", "report", "study"], ["dose_report", "order", "report", "study"]]
