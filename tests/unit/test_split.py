"""A split, and taking it back: one unit of work each, and nothing of an order changes but whose it is."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.aggregates.identity import Identity
from domain.aggregates.order import Order
from domain.aggregates.study import Study
from domain.commands.care import last_care
from domain.commands.orders import ExpireOrder, PerformOrder, PlaceOrder, PresentOrder, ScheduleOrder
from domain.commands.splits import Split, UndoSplit
from domain.commands.studies import WithdrawStudy
from domain.errors import OrderStillWanted, OrderUnchanged
from domain.work import Command, Envelope, Work
from policies.expiry import Expiry
from tests.fakes.erasing import Erase
from tests.fakes.region import CLINICIAN, Region, dose, exposure

NINE = datetime(2026, 2, 1, 9, tzinfo=UTC)


class Killed(BaseException):
    """What a process does that is killed: no more."""


class Desk(Region):
    """A number under which there are two studies, one with a dose, and an order."""

    def __init__(self) -> None:
        super().__init__()
        doses = (dose("2.25.9", exposure("2.25.8", dlp_mgycm=1.0)),)
        answers = [self.receive(study_uid="2.25.1"), self.receive(study_uid="2.25.2", doses=doses)]
        self.mixed = UUID(answers[0].result["identity"])
        self.studies = [UUID(answer.result["study"]) for answer in answers]
        placed = PlaceOrder(identity=self.mixed, site="CHB", ordered_by=CLINICIAN, modality="CT", question="nodule?")
        self.order = UUID(self.ask(placed).result["order"])

    def command(self, *studies: UUID) -> Split:
        """The order is the other person's, and these studies."""
        return Split(identity=self.mixed, studies=studies, orders=(self.order,), reason="two people")

    def split(self) -> UUID:
        """The new identity."""
        return UUID(self.ask(self.command(self.studies[1])).result["other"])

    def owners(self) -> list[UUID]:
        """Whose the studies and the order are."""
        held = self.load([*self.studies, self.order])
        return [one.identity_id for one in held.values() if isinstance(one, Study | Order)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("undo", [False, True])
def test_whoever_is_killed_while_it_is_stored_has_written_nothing_and_a_repeat_finishes_it(
    desk: Desk, undo: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A split moves five things: it is one transaction, under one command id."""
    command: Command = UndoSplit(identity=desk.split(), reason="a mistake") if undo else desk.command(desk.studies[1])
    before, owners, by = desk.head(), desk.owners(), Envelope("clerk:c1")
    insert, tried = desk.recorder.insert_events, []

    def killed(events: Sequence[Any], **more: Any) -> Any:
        tried.append(len(events))
        raise Killed

    monkeypatch.setattr(desk.recorder, "insert_events", killed)
    with pytest.raises(Killed):
        desk.execute(command, by)
    monkeypatch.setattr(desk.recorder, "insert_events", insert)
    assert (desk.head(), desk.owners()) == (before, owners)
    answer = desk.execute(command, by)
    assert tried == [len(answer.positions)]
    assert {event.data["command_id"] for event in desk.history(before)} == {str(by.command_id)}
    other = UUID(answer.result["other"])
    assert desk.owners() == ([desk.mixed] * 3 if undo else [desk.mixed, other, other])
    assert desk.execute(command, by).result == answer.result
    assert len(desk.types(before)) == len(answer.positions)


def test_a_dose_goes_with_its_study_and_back(desk: Desk) -> None:
    other = desk.split()
    desk.ask(UndoSplit(identity=other, reason="a mistake"))
    moves = [e.data["to_identity_id"] for e in desk.history() if e.type == "dose.reassigned"]
    assert moves == [str(other), str(desk.mixed)]


def test_a_dose_goes_back_with_a_study_that_was_withdrawn_meanwhile(desk: Desk) -> None:
    """The irradiation happened: it counts for whom the study is of."""
    other = desk.split()
    desk.ask(WithdrawStudy(study=desk.studies[1], reason="test image"))
    desk.ask(UndoSplit(identity=other, reason="a mistake"))
    assert [e.data["to_identity_id"] for e in desk.history() if e.type == "dose.reassigned"][-1] == str(desk.mixed)


def test_an_order_goes_on_as_if_it_had_been_placed_for_the_other(desk: Desk) -> None:
    """Its appointment is known, its term is the same, and each step is said of whose it is now."""
    schedule = ScheduleOrder(order=desk.order, site="CHB", at=NINE, accession="A-1")
    desk.ask(schedule)
    desk.split()
    assert type(desk.refusal(schedule)) is OrderUnchanged
    desk.ask(PresentOrder(order=desk.order, site="CHP"))
    assert UUID(desk.history()[-1].data["identity_id"]) == desk.owners()[2]


def test_an_order_runs_out_a_year_after_it_was_placed_whoever_it_was_moved_to(desk: Desk) -> None:
    """The timer that was set when it was placed is the only one."""
    (placed,) = (event for event in desk.history() if event.type == "order.placed")
    (timer,) = Expiry().react(placed)
    desk.clock.now += timedelta(days=100)  # type: ignore[attr-defined]  # the clock is a FixedClock
    desk.split()
    assert [due for event in desk.history() if event.type == "order.reassigned" for due in Expiry().react(event)] == []
    early = desk.refusal(ExpireOrder(order=desk.order))
    assert isinstance(early, OrderStillWanted)
    assert early.not_before == timer.at
    desk.clock.now += timedelta(days=266)  # type: ignore[attr-defined]
    desk.ask(ExpireOrder(order=desk.order))
    assert desk.types()[-1] == "order.expired"


def test_retention_counts_from_the_exam_and_not_from_the_day_when_its_order_was_moved(desk: Desk) -> None:
    desk.ask(PerformOrder(order=desk.order, study_uid="2.25.77"))
    made_on = desk.clock().date()
    desk.clock.now += timedelta(days=400)  # type: ignore[attr-defined]  # the clock is a FixedClock
    moved = Split(identity=desk.mixed, orders=(desk.order,), reason="two people")
    other = UUID(desk.ask(moved).result["other"])
    rules = desk.rules().retention(desk.clock().date())
    work = Work(desk)
    assert last_care(work, work.get(Identity, other), None, rules) == made_on


def test_the_first_identity_may_be_split_again_and_each_split_is_taken_back_by_itself(desk: Desk) -> None:
    one = UUID(desk.ask(desk.command()).result["other"])
    two = UUID(desk.ask(Split(identity=desk.mixed, studies=(desk.studies[1],), reason="three")).result["other"])
    assert desk.owners() == [desk.mixed, two, one]
    desk.ask(UndoSplit(identity=one, reason="a mistake"))
    assert desk.owners() == [desk.mixed, two, desk.mixed]
    desk.ask(UndoSplit(identity=two, reason="a mistake"))
    assert desk.owners() == [desk.mixed] * 3


def test_of_a_split_of_a_split_the_later_one_is_taken_back_first(desk: Desk) -> None:
    one = desk.split()
    two = UUID(desk.ask(Split(identity=one, orders=(desk.order,), reason="three")).result["other"])
    assert str(two) in str(desk.refusal(UndoSplit(identity=one, reason="a mistake")))
    for other in (two, one):
        desk.ask(UndoSplit(identity=other, reason="a mistake"))
    assert desk.owners() == [desk.mixed] * 3


def test_whoever_was_split_off_again_and_erased_holds_nothing_up(desk: Desk) -> None:
    """Their order is gone with them, and the study goes back."""
    one = desk.split()
    two = UUID(desk.ask(Split(identity=one, orders=(desk.order,), reason="three")).result["other"])
    desk.ask(Erase(identity=two, reason="error: file 1"))
    answer = desk.ask(UndoSplit(identity=one, reason="a mistake")).result
    assert (answer["studies"], answer["moved_on"]) == ([str(desk.studies[1])], [str(desk.order)])
    assert desk.owners() == [desk.mixed, desk.mixed, two]
