"""Orders: who may ask, where it may be scheduled, and what no longer follows."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.aggregates.order import Order
from domain.commands.directory import Suspend
from domain.commands.orders import CancelOrder, PerformOrder, PlaceOrder, PresentOrder, ResultOrder, ScheduleOrder
from domain.errors import (
    BadOrder,
    Erased,
    NotFound,
    OrderCancelled,
    OrderElsewhere,
    OrdererSuspended,
    OrderKnown,
    OrderNotPerformed,
    OrderPerformed,
    OrderUnchanged,
    RuleBroken,
    UnknownSite,
)
from domain.work import Command, Envelope
from tests.fakes.erasing import Erase
from tests.fakes.ids import IDS
from tests.fakes.region import CLINICIAN, Region

NINE = datetime(2026, 2, 1, 9, tzinfo=UTC)


@pytest.fixture
def region() -> Region:
    return Region()


@pytest.fixture
def asked(region: Region) -> PlaceOrder:
    """An order that may be placed."""
    return PlaceOrder(
        identity=region.register(),
        site="CHB",
        ordered_by=CLINICIAN,
        modality="CT",
        question="pulmonary embolism?",
        placer_number="A-1",
    )


@pytest.fixture
def order(region: Region, asked: PlaceOrder) -> UUID:
    """A placed order."""
    return UUID(region.ask(asked).result["order"])


def last(region: Region) -> dict[str, Any]:
    """The fields of the event stored last."""
    return region.history()[-1].data


def test_an_order_is_placed_with_all_that_was_asked(region: Region, asked: PlaceOrder) -> None:
    """Time in microseconds, urgency routine unless stated."""
    region.ask(replace(asked, act="ZBQH001", accession="ACC1", wanted_by=NINE, urgency="STAT", modality="ct"))
    placed = last(region)
    assert placed["identity_id"] == str(asked.identity)
    assert placed["order_id"] == str(Order.create_id(IDS, "CHB", "A-1"))
    assert placed["wanted_by"] == int(NINE.timestamp() * 1_000_000)
    assert [placed[f] for f in ("site", "ordered_by", "modality", "act", "urgency", "accession", "question")] == [
        "CHB",
        CLINICIAN,
        "CT",
        "ZBQH001",
        "STAT",
        "ACC1",
        "pulmonary embolism?",
    ]


def test_orders_without_a_number_of_their_own_are_different_orders(region: Region, asked: PlaceOrder) -> None:
    """Each command value brings one."""
    values = [
        PlaceOrder(identity=asked.identity, site="CHB", ordered_by=CLINICIAN, modality="CT", question="?")
        for _ in range(2)
    ]
    assert len({region.ask(value).result["order"] for value in values}) == 2


def test_an_order_is_routine_unless_stated_otherwise(region: Region, order: UUID) -> None:
    """The usual case needs no word."""
    assert last(region)["urgency"] == "ROUTINE"


def test_the_usual_course_of_an_order(region: Region, order: UUID) -> None:
    """Presented elsewhere, scheduled there, made, reported."""
    for command in course(order):
        region.ask(command)
    assert region.types()[-5:] == [
        "order.placed",
        "order.presented",
        "order.scheduled",
        "order.performed",
        "order.resulted",
    ]


def course(order: UUID) -> list[Command]:
    """Each step once."""
    return [
        PresentOrder(order=order, site="CHP"),
        ScheduleOrder(order=order, site="CHP", at=NINE, accession="ACC1", ae_title="CT_BAYONNE"),
        PerformOrder(order=order, study_uid="2.25.9", study=uuid4()),
        ResultOrder(order=order, report_uid="2.25.99"),
    ]


@pytest.mark.parametrize("step", range(4))
def test_a_step_that_changes_nothing_is_refused(region: Region, order: UUID, step: int) -> None:
    """O5: or, where the exam was made meanwhile, O7."""
    commands = course(order)[: step + 1]
    for command in commands:
        region.ask(command)
    assert type(region.refusal(commands[-1])) is OrderUnchanged


def test_an_emergency_exam_needs_no_appointment(region: Region, order: UUID) -> None:
    """Straight from the order to the exam."""
    region.ask(PerformOrder(order=order, study_uid="2.25.9"))
    assert last(region)["study_id"] is None


def test_an_appointment_can_be_moved(region: Region, order: UUID) -> None:
    """The later one replaces the earlier."""
    for hour in (9, 11):
        region.ask(ScheduleOrder(order=order, site="CHB", at=NINE.replace(hour=hour), accession="ACC1"))
    assert region.types()[-2:] == ["order.scheduled"] * 2


def test_an_exam_may_be_of_several_studies_and_reports(region: Region, order: UUID) -> None:
    """An addendum, a second acquisition."""
    for study, report in (("2.25.1", "2.25.11"), ("2.25.2", "2.25.12")):
        region.ask(PerformOrder(order=order, study_uid=study))
        region.ask(ResultOrder(order=order, report_uid=report))
    assert region.types()[-4:] == ["order.performed", "order.resulted"] * 2


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"modality": " "}, BadOrder, "names the modality"),
        ({"modality": "CT of Mme Essai"}, BadOrder, "names the modality"),
        ({"act": "scanner de Mme Essai"}, BadOrder, "not a CCAM code"),
        ({"placer_number": "Mme Essai"}, BadOrder, "and no space"),
        ({"placer_number": "1" * 65}, BadOrder, "1 to 64"),
        ({"urgency": "SOON"}, BadOrder, "one of ROUTINE, URGENT, STAT"),
        ({"pregnancy": "maybe"}, BadOrder, "one of yes, possible, no, unknown"),
        ({"wanted_by": datetime(2026, 2, 1, 9)}, BadOrder, "without its zone"),  # noqa: DTZ001  the missing zone is the case
        ({"site": "NOWHERE"}, UnknownSite, "krypton site enroll NOWHERE"),
        ({"ordered_by": "99999999999"}, NotFound, "krypton professional register 99999999999"),
        ({"identity": uuid4()}, NotFound, "identity .* is not in the ledger"),
    ],
)
def test_an_impossible_order_is_refused(
    region: Region, asked: PlaceOrder, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    """O1, O2, S1; each says what to do."""
    refusal = region.refusal(replace(asked, **change))
    assert type(refusal) is error
    with pytest.raises(error, match=message):
        raise refusal


def test_a_suspended_professional_orders_nothing(region: Region, asked: PlaceOrder) -> None:
    """O2."""
    region.ask(Suspend(rpps=CLINICIAN, reason="left the register"))
    assert type(region.refusal(asked)) is OrdererSuspended


def test_an_order_of_an_erased_identity_goes_on_and_its_answer_says_no_number(
    region: Region, asked: PlaceOrder, order: UUID
) -> None:
    """Answers are stored in clear."""
    scheduled = ScheduleOrder(order=order, site="CHB", at=NINE, accession="A-1")
    assert region.ask(scheduled).result["accession"] == "A-1"
    region.ask(Erase(identity=asked.identity, reason="error: file 1"))
    assert region.ask(replace(scheduled, accession="A-2")).result == {"order": str(order)}


def test_nothing_is_ordered_for_an_erased_identity(region: Region, asked: PlaceOrder) -> None:
    """I7."""
    region.ask(Erase(identity=asked.identity, reason="request of the person"))
    assert type(region.refusal(asked)) is Erased


def test_a_number_is_used_once_at_a_site(region: Region, asked: PlaceOrder, order: UUID) -> None:
    """O3: for another order under it, by another command."""
    assert type(region.refusal(replace(asked, modality="MR"))) is OrderKnown


def test_the_same_number_at_another_site_is_another_order(region: Region, asked: PlaceOrder, order: UUID) -> None:
    """A placer number means something only with its site."""
    assert region.ask(replace(asked, site="CHP")).result["order"] != str(order)


def test_a_site_that_never_saw_the_order_does_not_schedule_it(region: Region, order: UUID) -> None:
    """O4: present it there first."""
    schedule = ScheduleOrder(order=order, site="CHP", at=NINE, accession="ACC1")
    assert type(region.refusal(schedule)) is OrderElsewhere
    region.ask(PresentOrder(order=order, site="CHP"))
    assert region.ask(schedule).positions


@pytest.mark.parametrize("step", range(4))
def test_nothing_follows_a_cancelled_order(region: Region, order: UUID, step: int) -> None:
    """O6: no presenting, no appointment, no exam, no report."""
    region.ask(CancelOrder(order=order, reason="the person recovered"))
    assert type(region.refusal(course(order)[step])) is OrderCancelled


def test_an_order_is_cancelled_once(region: Region, order: UUID) -> None:
    """O6."""
    region.ask(CancelOrder(order=order, reason="the person recovered"))
    assert type(region.refusal(CancelOrder(order=order, reason="again"))) is OrderCancelled


@pytest.mark.parametrize(
    "late",
    [
        lambda order: CancelOrder(order=order, reason="too late"),
        lambda order: PresentOrder(order=order, site="CHA"),
        lambda order: ScheduleOrder(order=order, site="CHB", at=NINE, accession="ACC2"),
    ],
    ids=["cancel", "present", "schedule"],
)
def test_an_exam_that_was_made_stays_made(region: Region, order: UUID, late: Any) -> None:
    """O7."""
    region.ask(PerformOrder(order=order, study_uid="2.25.9"))
    assert type(region.refusal(late(order))) is OrderPerformed


def test_a_report_needs_an_exam(region: Region, order: UUID) -> None:
    """O8."""
    assert type(region.refusal(ResultOrder(order=order, report_uid="2.25.99"))) is OrderNotPerformed


def test_an_appointment_needs_an_accession_number(region: Region, order: UUID) -> None:
    """O1: by it the study is known when it comes in."""
    assert type(region.refusal(ScheduleOrder(order=order, site="CHB", at=NINE, accession=" "))) is BadOrder


@pytest.mark.parametrize("step", range(4))
def test_an_order_that_nobody_placed_is_not_found(region: Region, step: int) -> None:
    """For each step."""
    assert type(region.refusal(course(uuid4())[step])) is NotFound


def test_an_identity_is_not_taken_for_an_order(region: Region, asked: PlaceOrder) -> None:
    """An id of another kind of thing is not found, and not a traceback."""
    assert type(region.refusal(CancelOrder(order=asked.identity, reason="mixed up"))) is NotFound


def test_placing_twice_under_one_command_id_answers_as_the_first_time(region: Region, asked: PlaceOrder) -> None:
    """Even though the number is in use by then."""
    by = Envelope("rpps:10101201233")
    first, head = region.execute(asked, by), region.head()
    assert region.execute(asked, by) == first
    assert region.head() == head


def test_no_refusal_quotes_the_clinical_question(region: Region, asked: PlaceOrder, order: UUID) -> None:
    """It may name the person."""
    refusal = region.refusal(replace(asked, question="Mme ZZMARKEDNAME"))
    assert isinstance(refusal, RuleBroken)
    assert "ZZMARKEDNAME" not in str(refusal)
