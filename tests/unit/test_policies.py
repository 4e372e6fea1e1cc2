"""Policies: what each decides about an event, from the event alone; and what the ledger makes of it when it is due."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.commands.accesses import CloseEmergency, OpenAccess, ReviewEmergency
from domain.commands.consents import Grant, IssueCode, Revoke
from domain.commands.erasures import ApproveErasure, RequestErasure
from domain.commands.identities import AttachIns, ClearFlag, Correct, Flag
from domain.commands.links import Bar, Merge, Unbar, Unmerge
from domain.commands.orders import CancelOrder, PerformOrder, PlaceOrder, PresentOrder, ScheduleOrder
from domain.errors import (
    Erased,
    EvidenceGone,
    NothingToChange,
    OnePersonAlready,
    OrderOver,
    RuleBroken,
    StatementUnchanged,
)
from domain.times import micros
from policies import commands
from policies.all import POLICIES
from policies.matching import changed
from policies.policy import Due, Kind
from schemas.event import LedgerEvent
from tests.fakes.erasing import Erase
from tests.fakes.policies import MemoryEngine, history
from tests.fakes.region import CLINICIAN, Region, dose, exposure
from tests.fakes.weighing import TEST_OID, matricule

DAY = timedelta(days=1)


@pytest.fixture
def region() -> Region:
    return Region()


@pytest.fixture
def engine(region: Region) -> MemoryEngine:
    return MemoryEngine(region)


def pass_by(region: Region, time: timedelta) -> None:
    """Move the ledger's clock on."""
    region.clock.now += time  # type: ignore[attr-defined]  # the clock is a FixedClock


def reactions(region: Region, name: str) -> list[tuple[str, list[Due]]]:
    """What one policy says of each event after the region was set up."""
    return [(event.type, list(POLICIES[name].react(event))) for event in history(region, region.start)]


def order_of(identity: UUID, **change: object) -> PlaceOrder:
    stated = {"site": "CHB", "ordered_by": CLINICIAN, "modality": "CT", "question": "stones?"}
    return PlaceOrder(identity=identity, **{**stated, **change})  # type: ignore[arg-type]


# matching


def test_matching_looks_up_who_is_registered_corrected_or_erased_and_nobody_else(region: Region) -> None:
    one, other = region.persons("a", "b")
    for command in (
        Correct(identity=one, stated={"given": "Camille"}, reason="typing error"),
        Flag(identity=one, flag="HOMA", reason="homonym"),
        Erase(identity=other, reason="asked for by the person"),
    ):
        region.ask(command)
    found = [(kind, [due.body["identity"] for due in dues]) for kind, dues in reactions(region, "matching")]
    assert found == [
        ("identity.registered", [str(one)]),
        ("identity.registered", [str(other)]),
        ("identity.traits_corrected", [str(one)]),
        ("identity.flagged", []),
        ("identity.erased", [str(other)]),
    ]


def test_matching_looks_up_whose_ins_took_the_place_of_another_and_who_settled_that(region: Region) -> None:
    (one,) = region.persons("a")
    for order in ("001", "002"):
        region.ask(AttachIns(identity=one, matricule=matricule(order), oid=TEST_OID))
    region.ask(ClearFlag(identity=one, flag="ins_replaced", reason="INSi knows the second"))
    found = [(kind, {due.body["identity"] for due in dues}) for kind, dues in reactions(region, "matching")]
    assert found == [
        (f"identity.{what}", {str(one)})
        for what in ("registered", "ins_attached", "ins_attached", "flagged", "flag_cleared")
    ]


@pytest.mark.parametrize("said", [(Bar, Unbar), (Merge, Unmerge)])
def test_matching_looks_up_both_sides_of_whatever_a_human_says(region: Region, said: tuple[type, type]) -> None:
    one, other = region.persons("a", "b")
    for say in said:
        region.ask(say(one=one, other=other, reason="a mistake"))
    for _, dues in reactions(region, "matching")[-2:]:
        assert {due.body["identity"] for due in dues} == {str(one), str(other)}


def test_what_a_rule_merged_leads_to_nothing_but_counts_as_a_change_for_other_rules() -> None:
    """The rule has seen the two; a promotion that looked before has not, and its rules may say otherwise."""
    said = LedgerEvent(7, "link.merged", "c", 2, {"low": "a", "high": "b", "rule": "strict"})
    assert not [*POLICIES["matching"].react(said)]
    assert changed(said) == ("a", "b")
    assert changed(said._replace(type="link.review_requested")) == ()
    assert changed(said._replace(type="identity.flagged", data={"flag": "HOMA"})) == ()


@pytest.mark.parametrize("refusal", [EvidenceGone("renamed"), Erased("erased")])
def test_a_merge_that_is_no_longer_due_has_both_sides_looked_up_again(refusal: RuleBroken) -> None:
    """Others may have been due that they were to be merged through; no other refusal leads to anything."""
    body = {"one": "a", "other": "b"}
    assert [due.body for due in POLICIES["matching"].refused("merge", body, refusal)] == [
        {"identity": "a"},
        {"identity": "b"},
    ]
    assert not [*POLICIES["matching"].refused("unmerge", body, refusal)]
    assert not [*POLICIES["matching"].refused("merge", body, NothingToChange("merged already"))]
    assert not [*POLICIES["matching"].refused("propose", body, NothingToChange("it waits in review"))]


def test_two_who_are_one_person_by_the_time_they_are_proposed_are_looked_up_again() -> None:
    """Somebody makes their merge doubtful, and the view had not read it."""
    found = POLICIES["matching"].refused("propose", {"one": "a", "other": "b"}, OnePersonAlready("merged already"))
    assert [(due.kind, due.body) for due in found] == [
        (Kind.LOOKUP, {"identity": "a"}),
        (Kind.LOOKUP, {"identity": "b"}),
    ]


# what runs out


def test_a_code_that_nobody_used_runs_out_once(region: Region, engine: MemoryEngine) -> None:
    (one,) = region.persons("a")
    region.ask(IssueCode(identity=one, code="ABCD-EFGH-1234", lives=timedelta(hours=2)))
    engine.run()
    assert "consent.code_expired" not in region.types()
    pass_by(region, timedelta(hours=2))
    engine.run()
    engine.run()
    assert region.types().count("consent.code_expired") == 1


def test_a_consent_runs_out_at_its_end_and_may_be_given_again(region: Region, engine: MemoryEngine) -> None:
    (one,) = region.persons("a")
    region.ask(Grant(identity=one, party="site:CHB", expires_at=datetime(2026, 1, 20, tzinfo=UTC)))
    pass_by(region, 30 * DAY)
    engine.run()
    assert region.types()[-1] == "consent.expired"
    assert type(region.refusal(Revoke(identity=one, party="site:CHB"))) is StatementUnchanged
    region.ask(Grant(identity=one, party="site:CHB"))


def test_a_consent_that_was_taken_back_or_given_again_does_not_run_out(region: Region, engine: MemoryEngine) -> None:
    (one,) = region.persons("a")
    region.ask(Grant(identity=one, party="site:CHB", expires_at=datetime(2026, 1, 20, tzinfo=UTC)))
    region.ask(Revoke(identity=one, party="site:CHB"))
    region.ask(Grant(identity=one, party="site:CHB"))
    pass_by(region, 30 * DAY)
    engine.run()
    assert "consent.expired" not in region.types()


def test_an_order_without_an_exam_runs_out_after_a_year(region: Region, engine: MemoryEngine) -> None:
    (one,) = region.persons("a")
    order = UUID(region.ask(order_of(one)).result["order"])
    pass_by(region, 364 * DAY)
    engine.run()
    assert "order.expired" not in region.types()
    pass_by(region, 2 * DAY)
    engine.run()
    assert region.types()[-1] == "order.expired"
    assert type(region.refusal(PresentOrder(order=order, site="CHP"))) is OrderOver


def test_an_exam_that_was_made_all_the_same_is_noted(region: Region, engine: MemoryEngine) -> None:
    (one,) = region.persons("a")
    order = UUID(region.ask(order_of(one)).result["order"])
    pass_by(region, 366 * DAY)
    engine.run()
    region.ask(PerformOrder(order=order, study_uid="1.2.3"))
    assert region.types()[-1] == "order.performed"


@pytest.mark.parametrize("later", ["wanted", "scheduled"])
def test_an_order_for_later_runs_out_a_month_after_that(region: Region, engine: MemoryEngine, later: str) -> None:
    (one,) = region.persons("a")
    at = datetime(2027, 6, 1, tzinfo=UTC)
    order = UUID(region.ask(order_of(one, wanted_by=at if later == "wanted" else None)).result["order"])
    if later == "scheduled":
        region.ask(ScheduleOrder(order=order, site="CHB", at=at, accession="A1"))
    pass_by(region, 370 * DAY)
    engine.run()
    assert "order.expired" not in region.types()
    pass_by(region, 180 * DAY)
    engine.run()
    assert region.types()[-1] == "order.expired"


@pytest.mark.parametrize("done", [PerformOrder, CancelOrder])
def test_an_order_that_was_performed_or_cancelled_does_not_run_out(
    region: Region, engine: MemoryEngine, done: type
) -> None:
    (one,) = region.persons("a")
    order = UUID(region.ask(order_of(one)).result["order"])
    region.ask(done(order=order, **({"study_uid": "1.2.3"} if done is PerformOrder else {"reason": "not wanted"})))
    pass_by(region, 400 * DAY)
    engine.run()
    assert "order.expired" not in region.types()


# emergencies left open


def emergency(region: Region) -> UUID:
    (one,) = region.persons("a")
    ask = OpenAccess(identity=one, rpps=CLINICIAN, reason="unconscious", emergency=True)
    return UUID(region.ask(ask).result["access"])


def test_an_emergency_that_nobody_closed_is_closed_when_it_runs_out_and_told_of(
    region: Region, engine: MemoryEngine
) -> None:
    access = emergency(region)
    engine.run()
    assert "access.emergency_lapsed" not in region.types()
    pass_by(region, timedelta(hours=4))
    engine.run()
    engine.run()
    assert region.types().count("access.emergency_lapsed") == 1
    assert [(due.does, due.body) for due in engine.notices] == [("emergency_awaits_review", {"access": str(access)})]


def test_an_emergency_that_was_closed_in_time_waits_for_no_review(region: Region, engine: MemoryEngine) -> None:
    access = emergency(region)
    region.ask(CloseEmergency(access=access, rpps=CLINICIAN))
    pass_by(region, timedelta(hours=5))
    engine.run()
    assert "access.emergency_lapsed" not in region.types()


def test_a_review_is_on_record_with_who_and_what_was_found(region: Region, engine: MemoryEngine) -> None:
    access = emergency(region)
    pass_by(region, timedelta(hours=5))
    engine.run()
    region.ask(ReviewEmergency(access=access, by="auditor:one", note="was unconscious indeed"), actor="auditor:one")
    reviewed = region.history()[-1]
    assert reviewed.type == "access.emergency_reviewed"
    assert (reviewed.data["actor"], reviewed.data["note"]) == ("auditor:one", "was unconscious indeed")


# all of them


def test_every_command_that_a_policy_names_is_one_that_can_be_built(region: Region) -> None:
    access = emergency(region)
    (one,) = region.persons("b")
    region.ask(IssueCode(identity=one, code="ABCD-EFGH-1234"))
    region.ask(Grant(identity=one, party="site:CHB", expires_at=datetime(2026, 1, 20, tzinfo=UTC)))
    order = UUID(region.ask(order_of(one)).result["order"])
    region.ask(ScheduleOrder(order=order, site="CHB", at=datetime(2026, 1, 20, tzinfo=UTC), accession="A-1"))
    region.ask(RequestErasure(identity=one, ground="error", reference="file 1"), "operator:one")
    region.ask(ApproveErasure(identity=one), "operator:other")
    named = {due.does for name in POLICIES for _, dues in reactions(region, name) for due in dues}
    region.receive(doses=(dose("2.25.5", exposure("2.25.51")),))
    named |= {due.does for name in POLICIES for _, dues in reactions(region, name) for due in dues}
    lookups = {"match", "same_study", "same_events", "priors"}
    assert lookups <= named
    made_of_lookups = {"merge", "propose", "unmerge", "propose_same_study", "find_shared_event", "note_followed"}
    assert named - lookups == commands.COMMANDS.keys() - made_of_lookups
    assert access


def test_what_a_policy_says_holds_ids_and_times_alone(region: Region) -> None:
    """Each body of each entry, of people whose every word is known."""
    emergency(region)
    one = region.register(local_id="77", family="MARKEDNAME", given="MARKEDGIVEN")
    region.ask(order_of(one, question="MARKEDQUESTION"))
    bodies = [due.body for name in POLICIES for _, dues in reactions(region, name) for due in dues]
    assert bodies
    assert "MARKED" not in str(bodies)


def test_names_of_policies_are_their_own(region: Region) -> None:
    assert [name for name, policy in POLICIES.items() if policy.name != name] == []
    assert {due.kind for name in POLICIES for _, dues in reactions(region, name) for due in dues} <= set(Kind)


# priors


def test_an_appointment_is_asked_about_a_day_before_and_each_new_one_by_itself(region: Region) -> None:
    order = UUID(region.ask(order_of(region.register())).result["order"])
    first, second = (datetime(2026, 1, day, 9, tzinfo=UTC) for day in (20, 27))
    for at in (first, second):
        region.ask(ScheduleOrder(order=order, site="CHB", at=at, accession="A-1"))
    dues = [due for _, made in reactions(region, "priors") for due in made]
    assert [(due.kind, due.does, due.at) for due in dues] == [
        (Kind.LOOKUP, "priors", micros(at - timedelta(days=1))) for at in (first, second)
    ]
    assert [due.body for due in dues] == [
        {"order": str(order), "site": "CHB", "at": micros(at)} for at in (first, second)
    ]
