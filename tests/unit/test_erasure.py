"""Erasures: grounds, retention, two people, a delay, legal holds; and what a policy does about each step."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.aggregates.erasure import Erasure
from domain.aggregates.identity import Identity
from domain.commands.announced import AnnouncedPatient, AnnouncePatient
from domain.commands.conflicts import DismissConflict
from domain.commands.erasures import (
    ApproveErasure,
    CancelErasure,
    CarryOutErasure,
    HoldErasure,
    NoteFollowed,
    ReleaseHold,
    RequestErasure,
)
from domain.commands.identities import Correct
from domain.commands.links import Merge
from domain.commands.orders import CancelOrder, PerformOrder, PlaceOrder, ScheduleOrder
from domain.commands.received_patient import ReceivedPatient
from domain.commands.rules import PublishRules
from domain.commands.splits import Split, UndoSplit
from domain.commands.studies import ReassignStudy, ReceivedConflict, ReceivedReport, WithdrawStudy
from domain.erased_parts import PARTS
from domain.errors import (
    Erased,
    ErasureStopped,
    ErasureTooEarly,
    ErasureUnchanged,
    HoldOfAnother,
    LegalHold,
    NotFound,
    NotLookedAt,
    OutOfRange,
    SecondPersonMissing,
    StillRetained,
    UnfitGround,
    UnlawfulGround,
)
from domain.retention import Ground, Retention, years_after
from domain.rules.document import document
from domain.rules.retention import BUILT_IN_BODY
from domain.work import Command, Envelope
from krypton.erasing import many
from krypton.erasing.status import WHY, stands
from policies import commands
from policies.all import POLICIES
from policies.policy import Due, Kind
from tests.fakes.erasing import Erase
from tests.fakes.policies import MemoryEngine, history
from tests.fakes.region import CLINICIAN, Region, received

ONE, OTHER = "operator:martin", "operator:durand"


class Desk:
    """A region with one person, whom two operators may erase."""

    def __init__(self) -> None:
        self.region = Region()
        self.person = self.region.register(birth_date="1950-03-01")
        self.engine = MemoryEngine(self.region)

    @property
    def erasure(self) -> Erasure:
        """As the ledger has it."""
        found = self.region.find(Erasure, Erasure.create_id(self.region.ids, self.person))
        assert found is not None
        return found

    def ask(self, command: Command, actor: str = ONE) -> None:
        """Ask as an operator."""
        self.region.ask(command, actor)

    def request(self, ground: str = "error", died: str | None = None) -> None:
        self.ask(RequestErasure(identity=self.person, ground=ground, reference="file 12", died=died))

    def approved(self, ground: str = "error") -> UUID:
        """Requested by one and approved by the other; returns the request."""
        self.request(ground)
        self.ask(ApproveErasure(identity=self.person), OTHER)
        assert self.erasure.request is not None
        return self.erasure.request.id

    def exam(self, day: str | None, actor: str = "operator:archives") -> UUID:
        """An exam of that day, recorded now. ``actor``: who imports it, or the device that sends it."""
        came = replace(received(study_uid=f"2.25.{self.region.head()}"), started_at=day)
        answer = self.region.ask(came, actor)
        return UUID(answer.result["study"])

    def performed(self) -> None:
        """An order whose exam was made elsewhere."""
        order = UUID(self.region.ask(self.order()).result["order"])
        self.let_pass(days=400)
        self.region.ask(PerformOrder(order=order, study_uid="2.25.5"))

    def order(self) -> PlaceOrder:
        """An order for the person, not yet placed."""
        return PlaceOrder(identity=self.person, site="CHB", ordered_by=CLINICIAN, modality="CT", question="x")

    def let_pass(self, **time: float) -> None:
        """Move the clock on, and let the policies do what is due."""
        self.region.clock.now += timedelta(**time)  # type: ignore[attr-defined]  # the clock is a FixedClock
        self.engine.run()

    def publish(self, version: int, **changed: object) -> None:
        """Other rules of retention, in force at once."""
        body = {**BUILT_IN_BODY, **changed}
        told = {"kind": "retention", "version": version, "in_force_from": "2026-01-01", "body": body}
        self.ask(PublishRules(document=document(told)))

    def why(self) -> tuple[str, str, int]:
        """What stopped it, which was the last event."""
        last = self.region.history()[-1]
        return last.type, last.data["rule"], last.data["rule_version"]

    def erased(self) -> bool:
        return "identity.erased" in self.region.types()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_it_is_carried_out_once_the_delay_is_over(desk: Desk) -> None:
    desk.approved()
    desk.let_pass(days=6)
    assert not desk.erased()
    desk.let_pass(days=2)
    assert desk.region.types()[-2:] == ["identity.erased", "erasure.carried_out"]


def test_the_ground_and_its_reference_stay_readable(desk: Desk) -> None:
    desk.approved("court_order")
    desk.let_pass(days=2)
    assert desk.region.history()[-2].data["reason"] == "court_order: file 12"


@pytest.mark.parametrize("word", ["asked for by the person", "consent withdrawn", "Error", ""])
def test_no_other_ground_ends_a_record_before_its_time(desk: Desk, word: str) -> None:
    with pytest.raises(UnlawfulGround, match=r"kept for 20 years \(retention@1\)"):
        desk.request(word)


def test_the_end_of_retention_is_no_ground_while_it_runs(desk: Desk) -> None:
    desk.exam("2007-02-01T08:00:00")
    with pytest.raises(StillRetained, match="kept until 2027-02-01"):
        desk.request("end_of_retention")


def test_it_is_one_once_retention_is_over(desk: Desk) -> None:
    desk.exam("2005-02-01T08:00:00")
    desk.approved("end_of_retention")
    desk.let_pass(days=31)
    assert desk.erased()


def before(desk: Desk) -> tuple[UUID, UUID, UUID]:
    """What is there already: an order, a study of theirs long ago, and one of somebody else's."""
    order = UUID(desk.region.ask(desk.order()).result["order"])
    own = UUID(desk.region.ask(replace(received(study_uid="2.25.500"), started_at="2005-02-01")).result["study"])
    other = UUID(desk.region.ask(received(study_uid="2.25.77", local_id="2")).result["study"])
    desk.region.register(local_id="3", birth_date="1950-03-01")
    return order, own, other


def conflicting(local_id: str) -> ReceivedConflict:
    """An image that came once more, with other content."""
    return ReceivedConflict(
        patient=ReceivedPatient(local_id=local_id, issuer=None, stated={"family": "FICTIVE"}),
        study_uid="2.25.1",
        differing=["PatientID"],
        instances=1,
        uid="2.25.1.1",
        digest="ab" * 32,
    )


def came(desk: Desk, what: str, order: UUID, other: UUID) -> None:
    """Something comes to the person; ``before`` told what was there."""
    person = AnnouncedPatient(local_id="1", stated={"family": "FICTIVE"})
    report = ReceivedReport(report_uid="2.25.8", kind="SR", title=None)
    coming: dict[str, Command] = {
        "study": received(study_uid="2.25.9"),
        "order": desk.order(),
        "study moved to it": ReassignStudy(study=other, to_identity=desk.person, reason="x"),
        "merge": Merge(one=desk.person, other=Identity.create_id(desk.region.ids, "CHB", "3"), reason="x"),
        "images": received(study_uid="2.25.500"),
        "report": received(study_uid="2.25.500", instances=1, reports=(report,)),
        "other content": received(study_uid="2.25.500", instances=0, conflicts=(conflicting("1"),)),
        "what names it": received(study_uid="2.25.77", local_id="2", instances=0, conflicts=(conflicting("1"),)),
        "exam of an order": PerformOrder(order=order, study_uid="2.25.5"),
        "stay": AnnouncePatient(site="CHB", patient=person, content="x", seen=("2026-01-05",)),
    }
    desk.ask(coming[what])


CAME = {
    "study": "study ",
    "order": "order ",
    "merge": "a merge of ",
    "images": "images of study ",
    "report": "a report of study ",
    "other content": "other content of study ",
    "what names it": "other content of study ",
    "exam of an order": "an exam of order ",
    "stay": "a stay",
    "study moved to it": "study ",
}
"""What may come to somebody, and how it is told."""


@pytest.mark.parametrize("ground", [*Ground])
@pytest.mark.parametrize("what", CAME)
def test_what_came_after_the_approval_stops_the_erasure_for_good(desk: Desk, ground: Ground, what: str) -> None:
    """Nobody has looked at it. Also on the day on which retention is over once more: somebody asks again."""
    order, _, other = before(desk)
    desk.let_pass(days=(21 if ground is Ground.END_OF_RETENTION else 0) * 366)
    desk.approved(ground)
    came(desk, what, order, other)
    desk.let_pass(days=31)
    assert (desk.erased(), desk.erasure.state, desk.why()) == (False, "stopped", ("erasure.stopped", "F7", 1))
    desk.let_pass(days=40 * 365)
    assert not desk.erased()


@pytest.mark.parametrize("what", CAME)
def test_what_came_since_it_was_shown_refuses_the_approval_and_is_named(desk: Desk, what: str) -> None:
    """Between the question and the answer, or since somebody looked at it days ago."""
    order, own, other = before(desk)
    desk.request()
    shown = desk.region.head()
    came(desk, what, order, other)
    with pytest.raises(NotLookedAt, match=rf"since it was shown \({CAME[what]}") as refused:
        desk.ask(ApproveErasure(identity=desk.person, seen=shown), OTHER)
    named = {"images": own, "report": own, "other content": own, "what names it": other, "study moved to it": other}
    assert str(named.get(what, "")) in str(refused.value)
    desk.ask(ApproveErasure(identity=desk.person, seen=desk.region.head()), OTHER)
    assert desk.erasure.state == "approved"


def test_what_is_told_as_come_is_of_this_identity_and_new(desk: Desk) -> None:
    """Not what came to somebody else, nor a study that left, nor what is said of what was there."""
    order, own, other = before(desk)
    desk.request()
    shown = desk.region.head()
    stranger = desk.region.register(local_id="4")
    came_back = UUID(desk.region.ask(received(study_uid="2.25.9")).result["study"])
    for said in (
        ReassignStudy(study=came_back, to_identity=stranger, reason="x"),
        ReassignStudy(study=other, to_identity=stranger, reason="x"),
        Correct(identity=desk.person, stated={"birth_place": "33063"}, reason="x"),
        CancelOrder(order=order, reason="x"),
        WithdrawStudy(study=own, reason="x"),
        HoldErasure(identity=desk.person, reference="TJ 26/00123"),
        ReleaseHold(identity=desk.person, reference="TJ 26/00123"),
    ):
        desk.ask(said, OTHER)
    desk.ask(ApproveErasure(identity=desk.person, seen=shown), OTHER)
    desk.let_pass(days=8)
    assert desk.erased()


def test_a_position_that_nobody_was_shown_approves_nothing(desk: Desk) -> None:
    """With a later one than there is, whatever comes next would count as looked at."""
    desk.request()
    with pytest.raises(NotFound, match=f"ledger position {desk.region.head() + 1} "):
        desk.ask(ApproveErasure(identity=desk.person, seen=desk.region.head() + 1), OTHER)


def test_a_request_that_was_made_since_was_not_looked_at_either(desk: Desk) -> None:
    desk.request()
    shown = desk.region.head()
    desk.ask(CancelErasure(identity=desk.person, reason="another ground"))
    desk.request("court_order")
    with pytest.raises(NotLookedAt, match="its request"):
        desk.ask(ApproveErasure(identity=desk.person, seen=shown), OTHER)


def test_what_came_to_one_of_many_leaves_that_one_out(desk: Desk) -> None:
    shown = requested_by_one(desk, 3)
    desk.region.ask(received(study_uid="2.25.900", local_id="3"))
    ours: Any = SimpleNamespace(ledger=desk.region)
    told = many.approve(ours, shown, Envelope(OTHER))
    assert told["approved"] == 2
    (refused,) = told["refused"]
    assert refused["identity"] == shown[1]["identity"]
    assert "look at it, then approve" in refused["reason"]


def test_what_came_before_the_approval_was_looked_at(desk: Desk) -> None:
    order, _, other = before(desk)
    desk.request()
    for what in CAME:
        came(desk, what, order, other)
    desk.ask(ApproveErasure(identity=desk.person), OTHER)
    desk.let_pass(days=8)
    assert desk.erased()


def test_a_study_that_leaves_the_identity_after_the_approval_stops_nothing(desk: Desk) -> None:
    """What came in under a wrong number is put right while the delay runs."""
    study = desk.exam(None)
    to = desk.region.register(local_id="2")
    desk.approved()
    desk.ask(ReassignStudy(study=study, to_identity=to, reason="x"))
    desk.let_pass(days=8)
    assert desk.erased()


def test_a_study_that_comes_back_after_the_approval_stops_it(desk: Desk) -> None:
    study = desk.exam(None)
    to = desk.region.register(local_id="2")
    desk.ask(ReassignStudy(study=study, to_identity=to, reason="x"))
    desk.approved()
    desk.ask(ReassignStudy(study=study, to_identity=desk.person, reason="x"))
    desk.let_pass(days=8)
    assert (desk.erased(), desk.why()) == (False, ("erasure.stopped", "F7", 1))


@pytest.mark.parametrize("what", ["study", "order"])
def test_what_comes_back_when_a_split_is_undone_was_not_looked_at(desk: Desk, what: str) -> None:
    """Though it was the identity's before it was split."""
    order, own, _ = before(desk)
    moved: dict[str, Any] = {"studies": (own,)} if what == "study" else {"orders": (order,)}
    other = UUID(desk.region.ask(Split(identity=desk.person, reason="x", **moved)).result["other"])
    desk.approved()
    desk.ask(UndoSplit(identity=other, reason="x"))
    desk.let_pass(days=8)
    assert (desk.erased(), desk.why()) == (False, ("erasure.stopped", "F7", 1))


def test_an_approved_erasure_of_somebody_whose_record_is_kept_again_is_stopped_for_good(desk: Desk) -> None:
    """By the rules in force then. Nothing waits for the day: it would tell the 28th birthday, and nobody would ask."""
    desk.exam("2005-02-01T08:00:00")
    desk.approved("end_of_retention")
    desk.publish(2, years=25)
    desk.let_pass(days=31)
    assert (desk.erased(), desk.erasure.state, desk.why()) == (False, "stopped", ("erasure.stopped", "F2", 2))
    desk.let_pass(days=10 * 365)
    assert not desk.erased()


def test_a_record_that_is_kept_again_says_no_day_to_who_asks_for_its_end(desk: Desk) -> None:
    """What is refused is not tried again by a program, and its outbox holds no birthday."""
    desk.exam("2007-02-01T08:00:00")
    with pytest.raises(StillRetained) as refused:
        desk.request("end_of_retention")
    assert refused.value.not_before is None


def test_a_day_of_death_that_cannot_be_by_now_stops_it_too(desk: Desk) -> None:
    """An exam before the approval, after the stated death: the dead have none."""
    desk.exam("2010-02-01T08:00:00")
    desk.request("end_of_retention", died="2015-12-31")
    desk.exam("2026-01-04T08:00:00")
    desk.ask(ApproveErasure(identity=desk.person), OTHER)
    desk.let_pass(days=31)
    assert (desk.erased(), desk.why()) == (False, ("erasure.stopped", "I1", 1))


def test_a_hold_that_is_released_starts_nothing_that_was_stopped(desk: Desk) -> None:
    desk.approved()
    desk.exam(None)
    desk.let_pass(days=8)
    desk.ask(HoldErasure(identity=desk.person, reference="TJ 26/00123"))
    desk.ask(ReleaseHold(identity=desk.person, reference="TJ 26/00123"))
    desk.let_pass(days=1)
    assert not desk.erased()


def test_what_was_stopped_is_cancelled_and_requested_again(desk: Desk) -> None:
    desk.approved()
    desk.exam(None)
    desk.let_pass(days=8)
    with pytest.raises(ErasureStopped):
        desk.ask(ApproveErasure(identity=desk.person), OTHER)
    desk.ask(CancelErasure(identity=desk.person, reason="looked at the exam"))
    desk.approved()
    desk.let_pass(days=8)
    assert desk.erased()


@pytest.mark.parametrize("rule", WHY)
def test_its_status_says_why_it_is_stopped_and_what_to_do(desk: Desk, rule: str) -> None:
    """Every rule that stops one has its words."""
    desk.approved()
    erasure = desk.erasure
    assert erasure.request is not None
    erasure.stop(erasure.request, rule=rule, rule_version=1)
    told = stands(erasure, now=0)
    assert (told["state"], told["stopped_by"]) == ("stopped", rule)
    assert "cancel" in told["why"]


def test_a_date_before_the_birth_or_ahead_is_a_slip_of_the_device(desk: Desk) -> None:
    for day in ("1900-01-01T00:00:00", "2040-01-01T00:00:00", "x"):
        desk.exam(day)
    with pytest.raises(StillRetained, match="kept until 2046-01-05"):
        desk.request("end_of_retention")


@pytest.mark.parametrize("sender", ["aet:CT1", "service:chb-pacs"])
def test_a_device_whose_clock_is_dead_does_not_end_retention(desk: Desk, sender: str) -> None:
    """It sent the exam today, by C-STORE or STOW-RS, and says that it was made longer ago than records are kept."""
    desk.exam("2000-01-01T00:00:00", actor=sender)
    with pytest.raises(StillRetained, match="kept until 2046-01-05"):
        desk.request("end_of_retention")


def test_what_a_device_sends_may_be_as_old_as_records_are_kept(desk: Desk) -> None:
    """A PACS sends priors of last years."""
    desk.exam("2006-01-06T00:00:00", actor="aet:PACS")
    with pytest.raises(StillRetained, match="kept until 2026-01-06"):
        desk.request("end_of_retention")


def test_an_archive_that_is_imported_is_as_old_as_it_says(desk: Desk) -> None:
    desk.exam("2000-01-01T00:00:00", actor="operator:archives")
    desk.request("end_of_retention")


def test_an_order_counts_when_it_was_placed_and_one_that_was_performed_when_that_was_said(desk: Desk) -> None:
    """No exam was made by an order alone; one that was made may have left no image here."""
    desk.performed()
    with pytest.raises(StillRetained, match="kept until 2047-02-09"):
        desk.request("end_of_retention")


def test_whoever_is_young_is_kept_until_28_and_the_refusal_tells_no_birth_date(desk: Desk) -> None:
    desk.ask(Correct(identity=desk.person, stated={"birth_date": "2004-06-30"}, reason="x"))
    desk.exam("2005-02-01T08:00:00")
    with pytest.raises(StillRetained, match="kept until the person is 28"):
        desk.request("end_of_retention")


def test_of_somebody_who_died_it_is_ten_years_after_the_death(desk: Desk) -> None:
    desk.exam("2010-02-01T08:00:00")
    with pytest.raises(StillRetained, match="kept until 2026-02-03"):
        desk.request("end_of_retention", died="2016-02-03")
    desk.request("end_of_retention", died="2015-12-31")


def test_a_study_that_was_moved_counts_for_whom_it_was_moved_to(desk: Desk) -> None:
    study = desk.exam("2005-02-01T08:00:00")
    to = desk.region.register(local_id="2", birth_date="1950-01-01")
    desk.ask(ReassignStudy(study=study, to_identity=to, reason="x"))
    with pytest.raises(StillRetained):
        desk.request("end_of_retention")  # without an exam, the registration counts
    desk.ask(RequestErasure(identity=to, ground="end_of_retention", reference="1"))


@pytest.mark.parametrize("actor", [ONE, "clerk:martin", "system:night", "service:batch"])
def test_neither_the_same_person_nor_a_program_approves(desk: Desk, actor: str) -> None:
    desk.request()
    with pytest.raises(SecondPersonMissing):
        desk.ask(ApproveErasure(identity=desk.person), actor)


def test_a_program_requests_nothing(desk: Desk) -> None:
    with pytest.raises(SecondPersonMissing):
        desk.ask(RequestErasure(identity=desk.person, ground="error", reference="1"), "system:night")


def test_what_is_cancelled_is_not_carried_out(desk: Desk) -> None:
    desk.approved()
    desk.ask(CancelErasure(identity=desk.person, reason="another file was meant"))
    desk.let_pass(days=30)
    assert not desk.erased()


def test_a_later_request_is_not_carried_out_by_an_earlier_approval(desk: Desk) -> None:
    desk.approved()
    desk.ask(CancelErasure(identity=desk.person, reason="another file was meant"))
    desk.let_pass(days=6)
    second = desk.approved()
    desk.let_pass(days=2)
    assert not desk.erased()
    desk.let_pass(days=7)
    assert desk.erasure.request is not None
    assert (desk.erased(), desk.erasure.request.id) == (True, second)


def test_an_approval_is_of_the_request_that_was_shown(desk: Desk) -> None:
    desk.request()
    shown = desk.erasure.request
    assert shown is not None
    desk.ask(CancelErasure(identity=desk.person, reason="another ground"))
    desk.request("court_order")
    with pytest.raises(ErasureUnchanged, match="than was shown"):
        desk.ask(ApproveErasure(identity=desk.person, request=shown.id), OTHER)
    now = desk.erasure.request
    assert now is not None
    desk.ask(ApproveErasure(identity=desk.person, request=now.id), OTHER)


def test_a_hold_stops_the_approval_and_names_itself(desk: Desk) -> None:
    desk.request()
    desk.ask(HoldErasure(identity=desk.person, reference="TJ 26/00123"))
    with pytest.raises(LegalHold, match="TJ 26/00123"):
        desk.ask(ApproveErasure(identity=desk.person), OTHER)


def test_a_hold_stops_what_is_approved_until_it_is_released(desk: Desk) -> None:
    desk.approved()
    desk.ask(HoldErasure(identity=desk.person, reference="TJ 26/00123"))
    desk.ask(HoldErasure(identity=desk.person, reference="TJ 26/00124"))
    desk.let_pass(days=30)
    desk.ask(ReleaseHold(identity=desk.person, reference="TJ 26/00123"))
    desk.let_pass(days=1)
    assert not desk.erased()
    desk.ask(ReleaseHold(identity=desk.person, reference="TJ 26/00124"))
    desk.let_pass(seconds=1)
    assert desk.erased()


@pytest.mark.parametrize("actor", [ONE, "clerk:martin"])
@pytest.mark.parametrize("step", ["requested", "approved", "cancelled"])
def test_who_requested_releases_no_hold_that_another_placed(desk: Desk, step: str, actor: str) -> None:
    """In no role, and not by taking the request back before."""
    desk.request()
    if step == "approved":
        desk.ask(ApproveErasure(identity=desk.person), OTHER)
    elif step == "cancelled":
        desk.ask(CancelErasure(identity=desk.person, reason="x"))
    desk.ask(HoldErasure(identity=desk.person, reference="TJ 26/00123"), OTHER)
    with pytest.raises(HoldOfAnother):
        desk.ask(ReleaseHold(identity=desk.person, reference="TJ 26/00123"), actor)
    desk.ask(ReleaseHold(identity=desk.person, reference="TJ 26/00123"), "operator:third")


def test_who_requested_releases_their_own_hold(desk: Desk) -> None:
    desk.request()
    desk.ask(HoldErasure(identity=desk.person, reference="TJ 26/00123"), "clerk:martin")
    desk.ask(ReleaseHold(identity=desk.person, reference="TJ 26/00123"), ONE)


def named_by_a_conflict(desk: Desk, local_id: str = "9", issuer: str | None = None) -> tuple[UUID, UUID, UUID]:
    """Somebody of whom nothing came but an image of another's study, which came once more and says that it is theirs.
    With the study, and the conflict.
    """
    study = UUID(desk.region.receive().result["study"])
    return (*put_aside(desk, local_id, "STRANGER", issuer), study)


def put_aside(
    desk: Desk, local_id: str, family: str, issuer: str | None = None, content: str = "ab"
) -> tuple[UUID, UUID]:
    """An image of the person's study came once more, and says that it is somebody else's: whose, and the conflict."""
    patient = ReceivedPatient(local_id=local_id, issuer=issuer, stated={"family": family})
    second = replace(conflicting(local_id), patient=patient, digest=content * 32)
    desk.region.receive(instances=0, conflicts=(second,))
    found = [one for one in desk.region.history() if one.type == "study.conflict_found"][-1]
    return UUID(found.data["other_identity_id"]), UUID(found.data["conflict_id"])


@pytest.mark.parametrize("issuer", [None, "CHP"])
@pytest.mark.parametrize("settled", [True, False])
def test_whom_only_a_conflict_names_can_be_erased(desk: Desk, issuer: str | None, settled: bool) -> None:
    """Their name and number are sealed under their key, also when somebody dismissed the conflict."""
    stranger, conflict, study = named_by_a_conflict(desk, issuer=issuer)
    if settled:
        desk.ask(DismissConflict(study=study, conflict=conflict, reason="x"))
    desk.ask(RequestErasure(identity=stranger, ground="error", reference="file 13"))
    desk.ask(ApproveErasure(identity=stranger), OTHER)
    desk.let_pass(days=8)
    person = desk.region.find(Identity, stranger)
    assert person is not None
    assert (person.erased, person.assigner) == (True, issuer or "CHB")
    desk.region.memory_vault.destroy(str(stranger))
    assert "STRANGER" not in str([one.data for one in desk.region.history()])


def test_a_reference_does_not_name_whom_only_a_conflict_names(desk: Desk) -> None:
    stranger, *_ = named_by_a_conflict(desk, local_id="99123")
    for said in ("file of M. Stranger", "number 99123"):
        with pytest.raises(UnfitGround):
            desk.ask(RequestErasure(identity=stranger, ground="error", reference=said))


def test_whom_a_conflict_names_is_nobody_else(desk: Desk) -> None:
    """Not whoever else a conflict names, and not whoever comes in later, under one number: each is erased alone."""
    stranger, *_ = named_by_a_conflict(desk, local_id="9")
    another, _ = put_aside(desk, "9", "AUTRE", content="cd")
    again, _ = put_aside(desk, "9", "STRANGER", content="ef")
    came = UUID(desk.region.receive(local_id="9", study_uid="2.25.7", stated={"family": "TIERS"}).result["identity"])
    assert again == stranger
    assert len({stranger, another, came}) == 3
    desk.ask(RequestErasure(identity=stranger, ground="error", reference="file 13"))
    desk.ask(ApproveErasure(identity=stranger), OTHER)
    desk.let_pass(days=8)
    erased = {one: person.erased for one in (stranger, another, came) if (person := desk.region.find(Identity, one))}
    assert erased == {stranger: True, another: False, came: False}


def test_whom_a_conflict_names_can_be_erased_though_whose_study_it_is_was(desk: Desk) -> None:
    """Nobody can decide such a conflict any more: what it says of the other would stay for ever."""
    stranger, *_ = named_by_a_conflict(desk)
    erased = desk.region.ask(Erase(identity=desk.person, reason="error: file 1"))
    desk.region.memory_vault.destroy(str(desk.person))
    assert erased.positions
    desk.ask(RequestErasure(identity=stranger, ground="error", reference="file 13"))
    desk.ask(ApproveErasure(identity=stranger), OTHER)
    desk.let_pass(days=8)
    person = desk.region.find(Identity, stranger)
    assert person is not None
    assert person.erased


def test_whom_nothing_names_is_not_erased(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.ask(RequestErasure(identity=UUID(int=5), ground="error", reference="file 13"))


def test_a_hold_tells_which_identities_of_the_person_it_does_not_stop(desk: Desk) -> None:
    """Not those that the case holds already, nor who is erased."""
    others = [desk.region.register(local_id=number, birth_date="1950-03-01") for number in "234"]
    for other in others:
        desk.ask(Merge(one=desk.person, other=other, reason="x"))
    place = HoldErasure(identity=others[0], reference="TJ 26/00123")
    first = desk.region.ask(place, ONE).result["others_not_held"]
    assert first == sorted(map(str, (desk.person, *others[1:])))
    desk.ask(HoldErasure(identity=others[1], reference="another case"))
    desk.region.ask(Erase(identity=others[2], reason="error: x"))
    second = desk.region.ask(HoldErasure(identity=desk.person, reference="TJ 26/00123"), ONE)
    assert second.result["others_not_held"] == [str(others[1])]


def test_it_is_not_carried_out_before_its_time(desk: Desk) -> None:
    request = desk.approved()
    with pytest.raises(ErasureTooEarly) as refused:
        desk.ask(CarryOutErasure(identity=desk.person, request=request))
    assert desk.erasure.request is not None
    assert refused.value.not_before == desk.erasure.request.due_at


@pytest.mark.parametrize(
    "command",
    [
        lambda i: ApproveErasure(identity=i),
        lambda i: CancelErasure(identity=i, reason="x"),
        lambda i: ReleaseHold(identity=i, reference="x"),
        lambda i: CarryOutErasure(identity=i, request=UUID(int=1)),
        lambda i: NoteFollowed(identity=i, part="key"),
    ],
    ids=["approve", "cancel", "release", "carry out", "follow"],
)
def test_nothing_follows_what_nobody_requested(desk: Desk, command: object) -> None:
    with pytest.raises(ErasureUnchanged):
        desk.ask(command(desk.person))  # type: ignore[operator]


def test_who_is_erased_is_not_erased_again(desk: Desk) -> None:
    desk.approved()
    desk.let_pass(days=8)
    with pytest.raises(Erased):
        desk.request()
    with pytest.raises(ErasureUnchanged):
        desk.ask(CancelErasure(identity=desk.person, reason="x"))


def test_no_study_is_moved_to_who_is_erased(desk: Desk) -> None:
    """Its images would be in no erasure, and the record that it belongs to would lack them."""
    desk.approved()
    desk.let_pass(days=8)
    study = UUID(desk.region.ask(received(study_uid="2.25.77", local_id="2")).result["study"])
    with pytest.raises(Erased):
        desk.ask(ReassignStudy(study=study, to_identity=desk.person, reason="x"))


def test_each_part_follows_once_and_then_it_is_completed(desk: Desk) -> None:
    desk.approved()
    desk.let_pass(days=8)
    for part in (*PARTS, "key"):
        desk.ask(NoteFollowed(identity=desk.person, part=part))
    types = desk.region.types()
    assert (types.count("erasure.followed"), types[-1], desk.erasure.left) == (len(PARTS), "erasure.completed", ())


def test_the_policy_looks_for_each_part_when_it_is_carried_out(desk: Desk) -> None:
    desk.approved()
    desk.let_pass(days=8)
    (carried,) = [event for event in history(desk.region) if event.type == "erasure.carried_out"]
    found = list(POLICIES["erasure"].react(carried))
    assert {due.kind for due in found} == {Kind.LOOKUP}
    assert [due.does for due in found] == [f"erase_{part}" for part in PARTS]
    assert {due.body["deadline"] for due in found} == {desk.erasure.deadline}


def test_what_the_policy_asks_is_a_command() -> None:
    due = Due(Kind.COMMAND, "note_followed", {"identity": str(UUID(int=1)), "part": "key", "studies": []})
    assert commands.build(due.does, due.body) == NoteFollowed(identity=UUID(int=1), part="key")


def test_a_version_of_the_rules_is_in_force_from_its_day_on(desk: Desk) -> None:
    """No view is made with them, so there is nothing to promote."""
    body = {**BUILT_IN_BODY, "delay_days": {"error": 100, "court_order": 1, "end_of_retention": 1}}
    for version, day in ((2, "2026-01-01"), (3, "2026-03-01")):
        told = {"kind": "retention", "version": version, "in_force_from": day, "body": {**body, "years": 20 + version}}
        desk.ask(PublishRules(document=document(told)))
    desk.approved()
    assert decided_with(desk, "requested") == decided_with(desk, "approved") == [2]
    assert desk.region.rules().retention(date(2026, 3, 1)).years == 23
    desk.let_pass(days=30)
    assert not desk.erased()
    desk.let_pass(days=71)
    assert (desk.erased(), decided_with(desk, "carried_out")) == (True, [3])


def decided_with(desk: Desk, step: str) -> list[int]:
    """The versions of the rules that are told with a step: an auditor asks in twenty years why it was lawful."""
    return [event.data["rule_version"] for event in desk.region.history() if event.type == f"erasure.{step}"]


def requested_by_one(desk: Desk, count: int) -> list[dict[str, Any]]:
    """So many people whose retention is over, as the list shows them to who approves."""
    found = []
    for number in range(2, count + 2):
        person = desk.region.register(local_id=str(number), birth_date="1950-03-01")
        came = replace(received(study_uid=f"2.25.{number}", local_id=str(number)), started_at="2005-02-01")
        desk.region.ask(came, "operator:archives")
        desk.ask(RequestErasure(identity=person, ground="end_of_retention", reference="list 2026"))
        request = held(desk, person).request
        assert request is not None
        found.append({"identity": str(person), "request": str(request.id)})
    return [{**one, "position": desk.region.head()} for one in found]


def held(desk: Desk, person: UUID) -> Erasure:
    found = desk.region.find(Erasure, Erasure.create_id(desk.region.ids, person))
    assert found is not None
    return found


def test_many_are_approved_at_once_each_as_it_was_shown(desk: Desk) -> None:
    """By a second person; another request that took the place of one is not approved unseen."""
    shown = requested_by_one(desk, 3)
    changed = UUID(shown[1]["identity"])
    desk.ask(CancelErasure(identity=changed, reason="x"))
    desk.ask(RequestErasure(identity=changed, ground="court_order", reference="TJ 1"))
    ours: Any = SimpleNamespace(ledger=desk.region)
    alone = many.approve(ours, shown, Envelope(ONE))
    assert (alone["approved"], len(alone["refused"])) == (0, 3)
    by = Envelope(OTHER)
    told = [many.approve(ours, shown, by) for _ in range(2)]
    assert told[0] == told[1]
    assert (told[0]["approved"], [one["identity"] for one in told[0]["refused"]]) == (2, [str(changed)])
    assert [held(desk, UUID(one["identity"])).state for one in shown] == ["approved", "requested", "approved"]


def test_what_waits_for_a_second_person_is_an_open_request_of_another(desk: Desk) -> None:
    """Neither one's own, nor what is held, nor of another list or ground."""
    (shown,) = requested_by_one(desk, 1)
    person = UUID(shown["identity"])

    def waits(actor: str = OTHER, ground: Ground = Ground.END_OF_RETENTION, reference: str = "list 2026") -> bool:
        return held(desk, person).waits_for(actor, ground, reference)

    assert waits()
    assert not any((waits("operator:martin"), waits(ground=Ground.ERROR), waits(reference="list 2025")))
    desk.ask(HoldErasure(identity=person, reference="TJ 1"))
    assert not waits()
    desk.ask(ReleaseHold(identity=person, reference="TJ 1"))
    desk.ask(ApproveErasure(identity=person), OTHER)
    assert not waits()


@pytest.mark.parametrize("days", [1e-9, 0.99, 366])
@pytest.mark.parametrize("ground", [*Ground])
def test_no_rules_let_an_erasure_be_carried_out_at_once_or_years_after_it_was_looked_at(
    desk: Desk, ground: Ground, days: float
) -> None:
    with pytest.raises(OutOfRange, match=f"{ground}: is"):
        desk.publish(2, delay_days={**BUILT_IN_BODY["delay_days"], ground.value: days})


@pytest.mark.parametrize("days", [0.01, 91])
def test_no_rules_leave_what_is_left_of_somebody_for_long_or_call_it_late_at_once(desk: Desk, days: float) -> None:
    with pytest.raises(OutOfRange, match="follow_days"):
        desk.publish(2, follow_days=days)


def test_rules_on_the_bounds_are_taken(desk: Desk) -> None:
    desk.publish(2, follow_days=1, delay_days=dict.fromkeys(Ground, 1))
    desk.publish(3, follow_days=90, delay_days=dict.fromkeys(Ground, 365), years=200)


DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))


@given(stated=DAYS, recorded=DAYS, born=st.none() | DAYS, by_device=st.booleans(), years=st.integers(20, 200))
def test_no_exam_counts_as_older_than_can_be_believed(
    stated: date, recorded: date, born: date | None, by_device: bool, years: int
) -> None:
    """In doubt the day of receipt counts, which keeps a record for longer."""
    rules = Retention(years=years)
    day = rules.last_seen(stated.isoformat(), recorded, born, by_device=by_device)
    assert day in (stated, recorded)
    assert day <= recorded
    assert day == recorded or day >= (born or date.min)
    if by_device:
        assert years_after(day, years) >= recorded


@given(last=DAYS, born=st.none() | DAYS, died=st.none() | DAYS)
def test_no_record_ends_before_the_law_lets_it(last: date, born: date | None, died: date | None) -> None:
    """R.1112-7: 20 years, not before 28; of somebody who died within ten years, ten years after the death."""
    rules, kept = Retention(), Retention().kept_until(last, born, died).until
    if died is not None and died < years_after(last, 10):
        assert kept == years_after(died, 10)
    else:
        assert kept >= years_after(last, 20)
        assert kept >= years_after(born or last, 28)
        assert kept in (years_after(last, 20), years_after(born or last, rules.until_age))


def test_the_delays_are_said_for_each_ground() -> None:
    assert Retention().delay_days.keys() == {*Ground}


@pytest.mark.parametrize("said", ["exam A-7719", "order 4400123", "record 90210 of CHP", "Mme AUTREFOIS", "4400124"])
def test_a_reference_with_a_number_or_name_of_any_of_their_identities_orders_and_exams_is_refused(
    desk: Desk, said: str
) -> None:
    other = desk.region.register("CHP", "90210", family="AUTREFOIS")
    desk.ask(Merge(one=desk.person, other=other, reason="the same"))
    desk.region.ask(replace(received(), accession="A-7719"))
    order = UUID(desk.region.ask(replace(desk.order(), placer_number="4400123", identity=other)).result["order"])
    desk.region.ask(ScheduleOrder(order=order, site="CHB", at=datetime(2026, 2, 1, 8, tzinfo=UTC), accession="4400124"))
    with pytest.raises(UnfitGround):
        desk.ask(RequestErasure(identity=desk.person, ground="error", reference=said))
    with pytest.raises(UnfitGround):
        desk.ask(HoldErasure(identity=desk.person, reference=said))
    desk.request()
