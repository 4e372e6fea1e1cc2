"""Readings: one establishment asks another to read a study; who may answer, and how."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.commands.directory import Affiliate, Suspend
from domain.commands.readings import AcceptReading, DeclineReading, ReportReading, RequestReading
from domain.commands.studies import WithdrawStudy
from domain.errors import (
    BadOrder,
    NotFound,
    ReaderNotEntitled,
    ReadingAnswered,
    ReadingNeedsReason,
    ReadingNotAccepted,
    ReadingOpen,
    SameSite,
    StudyWithdrawn,
    UnknownSite,
)
from domain.work import Command
from tests.fakes.region import CLINICIAN, RADIOLOGIST, Region


@pytest.fixture
def region() -> Region:
    return Region()


@pytest.fixture
def asked(region: Region) -> RequestReading:
    """CHB may ask CHP, where the radiologist works."""
    study = UUID(region.receive().result["study"])
    return RequestReading(study=study, from_site="CHB", to_site="CHP", question="haemorrhage?")


@pytest.fixture
def reading(region: Region, asked: RequestReading) -> UUID:
    """An open reading."""
    return UUID(region.ask(asked).result["reading"])


def accept(reading: UUID, by: str = RADIOLOGIST) -> AcceptReading:
    return AcceptReading(reading=reading, by=by)


def report(reading: UUID, by: str = RADIOLOGIST) -> ReportReading:
    return ReportReading(reading=reading, by=by, report_uid="2.25.77", conclusion="none")


def decline(reading: UUID, reason: str = "no one on duty") -> DeclineReading:
    return DeclineReading(reading=reading, reason=reason)


def test_a_reading_is_asked_for_the_identity_that_has_the_study(region: Region, asked: RequestReading) -> None:
    """With what is to be answered, and until when."""
    due = datetime(2026, 2, 1, 9, tzinfo=UTC)
    region.ask(replace(asked, due=due))
    event = region.history()[-1]
    assert event.type == "reading.requested"
    assert event.data["identity_id"] == region.history()[region.start].data["identity_id"]
    assert event.data["due"] == int(due.timestamp() * 1_000_000)
    assert [event.data[f] for f in ("study_id", "from_site", "to_site", "question")] == [
        str(asked.study),
        "CHB",
        "CHP",
        "haemorrhage?",
    ]


def test_the_usual_course_of_a_reading(region: Region, reading: UUID) -> None:
    """Accepted, reported."""
    region.ask(accept(reading))
    region.ask(report(reading))
    assert region.types()[-3:] == ["reading.requested", "reading.accepted", "reading.reported"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"to_site": "CHB"}, SameSite),
        ({"to_site": "NOWHERE"}, UnknownSite),
        ({"from_site": "NOWHERE"}, UnknownSite),
        ({"study": uuid4()}, NotFound),
        ({"due": datetime(2026, 2, 1)}, BadOrder),  # noqa: DTZ001  the missing zone is the case
    ],
)
def test_an_impossible_request_is_refused(
    region: Region, asked: RequestReading, change: dict[str, Any], error: type[Exception]
) -> None:
    """R1, R2, S1."""
    assert type(region.refusal(replace(asked, **change))) is error


def test_a_withdrawn_study_is_not_read(region: Region, asked: RequestReading) -> None:
    """R2."""
    region.ask(WithdrawStudy(study=asked.study, reason="wrong person on the table"))
    assert type(region.refusal(asked)) is StudyWithdrawn


def test_a_site_is_asked_again_only_once_it_has_answered(region: Region, asked: RequestReading, reading: UUID) -> None:
    """R3: while requested and while accepted."""
    assert type(region.refusal(asked)) is ReadingOpen
    region.ask(accept(reading))
    assert type(region.refusal(asked)) is ReadingOpen


def test_after_a_decline_the_same_site_can_be_asked_again(region: Region, asked: RequestReading, reading: UUID) -> None:
    """R3: it is another reading."""
    region.ask(decline(reading))
    assert region.ask(asked).result["reading"] != str(reading)


def test_two_sites_can_be_asked_at_once(region: Region, asked: RequestReading, reading: UUID) -> None:
    """A second opinion."""
    assert region.ask(replace(asked, to_site="CHA")).positions


@pytest.mark.parametrize("answer", [accept, report])
def test_only_readers_of_the_site_that_was_asked_answer(region: Region, reading: UUID, answer: Any) -> None:
    """R4: registered is not enough."""
    assert type(region.refusal(answer(reading, by=CLINICIAN))) is ReaderNotEntitled


def test_a_professional_asks_from_where_they_work(region: Region, asked: RequestReading) -> None:
    """R4: nobody has another establishment send them its studies."""
    assert type(region.refusal(replace(asked, by=RADIOLOGIST))) is ReaderNotEntitled
    region.ask(Affiliate(rpps=CLINICIAN, site="CHB"))
    assert region.ask(replace(asked, by=CLINICIAN)).positions


@pytest.mark.parametrize("answer", [accept, report])
def test_a_suspended_radiologist_reads_nothing(region: Region, reading: UUID, answer: Any) -> None:
    """R4."""
    region.ask(Suspend(rpps=RADIOLOGIST, reason="left the register"))
    assert type(region.refusal(answer(reading))) is ReaderNotEntitled


def test_a_reader_that_nobody_registered_is_not_found(region: Region, reading: UUID) -> None:
    """R4."""
    assert type(region.refusal(accept(reading, by="99999999999"))) is NotFound


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ([accept], accept),
        ([decline], accept),
        ([decline], decline),
        ([accept, report], accept),
        ([accept, report], decline),
    ],
)
def test_an_answered_reading_is_not_answered_again(
    region: Region, reading: UUID, before: list[Any], refused: Any
) -> None:
    """R5."""
    for answer in before:
        region.ask(answer(reading))
    assert type(region.refusal(refused(reading))) is ReadingAnswered


def test_an_accepted_reading_can_be_given_back(region: Region, reading: UUID) -> None:
    """R5: an emergency came in between."""
    region.ask(accept(reading))
    assert region.ask(decline(reading)).positions


@pytest.mark.parametrize("before", [[], [decline], [accept, report]], ids=["requested", "declined", "reported"])
def test_only_an_accepted_reading_is_reported_and_once(region: Region, reading: UUID, before: list[Any]) -> None:
    """R6."""
    for answer in before:
        region.ask(answer(reading))
    assert type(region.refusal(report(reading))) is ReadingNotAccepted


def test_a_reading_is_not_declined_without_a_reason(region: Region, reading: UUID) -> None:
    """R7."""
    assert type(region.refusal(decline(reading, reason=" "))) is ReadingNeedsReason


@pytest.mark.parametrize("answer", [accept, decline, report])
def test_a_reading_that_nobody_asked_is_not_found(region: Region, answer: Any) -> None:
    """For each answer."""
    command: Command = answer(uuid4())
    assert type(region.refusal(command)) is NotFound
