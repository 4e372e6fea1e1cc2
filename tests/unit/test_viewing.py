"""Who may read: decided on the ledger itself, and on record whatever the decision (X11 to X15)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.actors import Caller
from domain.aggregates.viewing import Viewing, key_of
from domain.commands.accesses import CloseEmergency, OpenAccess
from domain.commands.consents import Grant, IssueCode, LiftOpposition, Oppose, Revoke
from domain.commands.directory import Affiliate, Suspend
from domain.commands.judging import REFUSALS
from domain.commands.links import Merge, Unmerge
from domain.commands.listings import ListPeople
from domain.commands.orders import PlaceOrder, PresentOrder, ScheduleOrder
from domain.commands.readings import RequestReading
from domain.commands.viewings import View
from domain.consent_statements import Scope
from domain.errors import NotFound, ReasonMissing, UnfitReason, UnknownSite
from domain.tasks import TASKS
from domain.work import Envelope
from krypton.faces.signin.situations import situation_of
from schemas.event import ERASED, LedgerEvent
from schemas.registry import registry
from tests.fakes.erasing import Erase
from tests.fakes.region import CLINICIAN, RADIOLOGIST, Region

ACTORS = {
    "patient": f"patient:{UUID(int=7)}",
    "clerk": "clerk:c1",
    "operator": "operator:o1",
    "auditor": "auditor:a1",
    "service": "service:s1",
    "professional": f"rpps:{RADIOLOGIST}",
}


@dataclass
class Desk:
    """A region in which people ask; the radiologist works for CHP, the clinician for nobody."""

    region: Region
    marie: UUID

    def open(self, rpps: str = RADIOLOGIST, identity: UUID | None = None, **more: Any) -> UUID:
        """An access is asked for; returns it, whatever was decided."""
        command = OpenAccess(identity=identity or self.marie, rpps=rpps, reason="follow-up", **more)
        return UUID(self.region.ask(command, f"rpps:{rpps}").result["access"])

    def view(
        self, *accesses: UUID, actor: str = f"rpps:{RADIOLOGIST}", site: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Somebody asks; what the ledger answered."""
        caller = Caller(actor, more.pop("reason", "follow-up"), site)
        asked = {"task": "record.show", "identity": self.marie, "accesses": accesses, **more}
        return dict(self.region.execute(View(caller=caller, **asked), Envelope(actor)).result)

    def rule(self, *accesses: UUID, **more: Any) -> str:
        """By which rule it is refused; ``ok`` where it is answered."""
        said = self.view(*accesses, **more)
        return "ok" if said["decision"] == "viewed" else str(said["rule"])

    def last(self) -> LedgerEvent:
        """What was recorded last."""
        return self.region.history(self.region.head() - 1)[0]


@pytest.fixture
def desk() -> Desk:
    """CHP knows Marie, so the radiologist is of her care team."""
    region = Region()
    return Desk(region, region.register("CHP", "M-1"))


class TestProfessional:
    """X12."""

    def test_under_an_open_access_of_theirs(self, desk: Desk) -> None:
        access = desk.open()
        said = desk.view(access)
        assert (said["decision"], said["rule"], said["ground"], said["site"]) == ("viewed", "X12", "open access", "CHP")
        event = desk.last()
        assert event.type == "access.viewed"
        kept = ("identity_id", "role", "kind", "ground", "access_id", "site", "purpose", "reason", "rule", "actor")
        assert {name: event.data[name] for name in kept} == {
            "identity_id": str(desk.marie),
            "role": "professional",
            "kind": "record.show",
            "ground": "open access",
            "access_id": str(access),
            "site": "CHP",
            "purpose": "TREATMENT",
            "reason": "follow-up",
            "rule": "X12",
            "actor": f"rpps:{RADIOLOGIST}",
        }

    def test_without_one_is_refused_and_on_record(self, desk: Desk) -> None:
        assert desk.rule() == "X12"
        event = desk.last()
        assert event.type == "access.view_refused"
        assert (event.data["identity_id"], event.data["kind"], event.data["rule"], event.data["reason"]) == (
            str(desk.marie),
            "record.show",
            "X12",
            "follow-up",
        )

    def test_a_denied_access_opens_nothing(self, desk: Desk) -> None:
        denied = desk.open(CLINICIAN)
        assert desk.rule(denied, actor=f"rpps:{CLINICIAN}") == "X12"

    def test_another_professionals_access_is_not_theirs(self, desk: Desk) -> None:
        assert desk.rule(desk.open(), actor=f"rpps:{CLINICIAN}") == "X12"

    def test_an_access_to_somebody_else_is_none_to_her(self, desk: Desk) -> None:
        other = desk.region.register("CHP", "P-1")
        assert desk.rule(desk.open(identity=other)) == "X12"

    def test_it_ends_after_a_day(self, desk: Desk) -> None:
        access = desk.open()
        desk.region.clock.now += timedelta(hours=25)  # type: ignore[attr-defined]  # the clock is a FixedClock
        assert desk.rule(access) == "X12"

    def test_suspension_ends_it(self, desk: Desk) -> None:
        access = desk.open()
        desk.region.ask(Suspend(rpps=RADIOLOGIST, reason="left the register"))
        assert desk.rule(access) == "X4"

    @pytest.mark.parametrize("party", ["everyone", "site:CHP", f"rpps:{RADIOLOGIST}"])
    def test_a_later_opposition_ends_it(self, desk: Desk, party: str) -> None:
        access = desk.open()
        desk.region.ask(Oppose(identity=desk.marie, party=party))
        assert desk.rule(access) == "X5"
        desk.region.ask(LiftOpposition(identity=desk.marie, party=party))
        assert desk.rule(access) == "ok"

    def test_an_opposition_to_feeding_does_not(self, desk: Desk) -> None:
        access = desk.open()
        desk.region.ask(Oppose(identity=desk.marie, scope=Scope.FEED, reason="a relative works there"))
        assert desk.rule(access) == "ok"

    def test_revoking_the_consent_it_rests_on_ends_it(self, desk: Desk) -> None:
        desk.region.ask(Grant(identity=desk.marie, party=f"rpps:{CLINICIAN}"))
        access = desk.open(CLINICIAN)
        assert desk.rule(access, actor=f"rpps:{CLINICIAN}") == "ok"
        desk.region.ask(Revoke(identity=desk.marie, party=f"rpps:{CLINICIAN}"))
        assert desk.rule(access, actor=f"rpps:{CLINICIAN}") == "X12"

    def test_a_new_consent_does_not_revive_what_rests_on_the_old_one(self, desk: Desk) -> None:
        desk.region.ask(Grant(identity=desk.marie, party=f"rpps:{CLINICIAN}"))
        access = desk.open(CLINICIAN)
        desk.region.ask(Revoke(identity=desk.marie, party=f"rpps:{CLINICIAN}"))
        desk.region.ask(Grant(identity=desk.marie, party=f"rpps:{CLINICIAN}", exclusions=["study:1.2.3"]))
        assert desk.rule(access, actor=f"rpps:{CLINICIAN}") == "X12"

    def test_what_the_consent_leaves_out_is_told_with_the_answer(self, desk: Desk) -> None:
        desk.region.ask(Grant(identity=desk.marie, party=f"rpps:{CLINICIAN}", exclusions=["study:1.2.3"]))
        said = desk.view(desk.open(CLINICIAN), actor=f"rpps:{CLINICIAN}")
        assert said["exclusions"] == ["study:1.2.3"]

    def test_an_access_that_leaves_out_nothing_comes_first(self, desk: Desk) -> None:
        desk.region.ask(Grant(identity=desk.marie, party=f"rpps:{CLINICIAN}", exclusions=["study:1.2.3"]))
        limited, whole = desk.open(CLINICIAN), desk.open(CLINICIAN, emergency=True)
        said = desk.view(limited, whole, actor=f"rpps:{CLINICIAN}")
        assert (said["exclusions"], desk.last().data["purpose"]) == ([], "BTG")

    def test_a_code_stays_good_for_the_access_it_opened(self, desk: Desk) -> None:
        desk.region.ask(IssueCode(identity=desk.marie, code="7GQ4ZKP2XA"))
        access = desk.open(CLINICIAN, code="7GQ4ZKP2XA")
        assert desk.rule(access, actor=f"rpps:{CLINICIAN}") == "ok"

    def test_an_emergency_goes_past_an_opposition_until_it_is_closed(self, desk: Desk) -> None:
        desk.region.ask(Oppose(identity=desk.marie))
        access = desk.open(emergency=True)
        assert desk.rule(access) == "ok"
        desk.region.ask(CloseEmergency(access=access, rpps=RADIOLOGIST))
        assert desk.rule(access) == "X12"

    def test_suspension_ends_an_emergency_too(self, desk: Desk) -> None:
        access = desk.open(emergency=True)
        desk.region.ask(Suspend(rpps=RADIOLOGIST, reason="left the register"))
        assert desk.rule(access) == "X4"

    def test_it_covers_whoever_is_the_same_person_now(self, desk: Desk) -> None:
        access, other = desk.open(), desk.region.register("CHB", "P-1")
        assert desk.rule(access, identity=other) == "X12"
        desk.region.ask(Merge(one=desk.marie, other=other, reason="same traits"))
        said = desk.view(access, identity=other)
        assert (said["decision"], said["members"]) == ("viewed", sorted([str(desk.marie), str(other)]))

    def test_it_does_not_cover_whom_it_covered_before_they_were_parted(self, desk: Desk) -> None:
        other = desk.region.register("CHB", "P-1")
        desk.region.ask(Merge(one=desk.marie, other=other, reason="same traits"))
        access = desk.open()
        desk.region.ask(Unmerge(one=desk.marie, other=other, reason="twin sisters"))
        assert desk.rule(access, identity=other) == "X12"
        assert desk.rule(access) == "ok"

    def test_the_care_team_is_looked_at_again(self, desk: Desk) -> None:
        """CHP knew only the identity that turned out to be somebody else's."""
        other = desk.region.register("CHB", "P-1")
        desk.region.ask(Merge(one=desk.marie, other=other, reason="same traits"))
        access = desk.open(identity=other)
        assert desk.rule(access, identity=other) == "ok"
        desk.region.ask(Unmerge(one=desk.marie, other=other, reason="twin sisters"))
        assert desk.rule(access, identity=other) == "X12"

    def test_of_an_erased_identity_nothing_is_read(self, desk: Desk) -> None:
        access = desk.open()
        desk.region.ask(Erase(identity=desk.marie, reason="asked for by the person"))
        assert desk.rule(access) == "X14"

    def test_from_an_establishment_that_is_not_theirs(self, desk: Desk) -> None:
        assert desk.rule(desk.open(), site="CHB") == "X2"

    def test_an_access_opened_from_one_establishment_is_none_from_another(self, desk: Desk) -> None:
        access = desk.open()
        desk.region.ask(Affiliate(rpps=RADIOLOGIST, site="CHB"))
        assert desk.rule(access, site="CHB") == "X12"
        assert desk.rule(access, site="CHP") == "ok"

    def test_a_place_that_is_no_establishment_is_not_on_record(self, desk: Desk) -> None:
        """It is recorded in clear, and may be a name typed by mistake."""
        said = desk.view(desk.open(), site="Jeanne DURAND")
        assert (said["decision"], said["rule"], said["site"]) == ("refused", "X2", None)
        assert desk.last().data["site"] is None

    def test_an_opposition_to_where_they_act_from_ends_an_access_from_nowhere_in_particular(self, desk: Desk) -> None:
        """X5: an access by consent to a professional of two establishments, who acts from one of them."""
        desk.region.ask(Affiliate(rpps=RADIOLOGIST, site="CHA"))
        anne = desk.region.register("CHB", "A-1")
        desk.region.ask(Grant(identity=anne, party=f"rpps:{RADIOLOGIST}"))
        access = desk.open(identity=anne)
        assert desk.rule(access, identity=anne, site="CHA") == "ok"
        desk.region.ask(Oppose(identity=anne, party="site:CHA"))
        assert desk.rule(access, identity=anne, site="CHA") == "X5"
        assert desk.rule(access, identity=anne, site="CHP") == "ok"

    def test_an_access_from_nowhere_in_particular_ends_once_everywhere_they_work_is_opposed(self, desk: Desk) -> None:
        """X5: not saying where they act from goes past no opposition."""
        desk.region.ask(Affiliate(rpps=RADIOLOGIST, site="CHA"))
        anne = desk.region.register("CHB", "A-1")
        desk.region.ask(Grant(identity=anne, party=f"rpps:{RADIOLOGIST}"))
        access = desk.open(identity=anne)
        desk.region.ask(Oppose(identity=anne, party="site:CHA"))
        assert desk.rule(access, identity=anne) == "ok"
        desk.region.ask(Oppose(identity=anne, party="site:CHP"))
        assert desk.rule(access, identity=anne) == "X5"
        assert desk.rule(access, identity=anne, site="CHP") == "X5"

    def test_a_number_that_nobody_registered(self, desk: Desk) -> None:
        assert desk.rule(actor="rpps:10100000000") == "X1"


class TestExclusions:
    """X19: what the person's consents leave out for a professional, or for where they act from, is in no answer."""

    OUT = ("study:1.2.3", "period:2026-01-01/2026-01-31")

    def grant(self, desk: Desk, party: str, *exclusions: str, identity: UUID | None = None) -> None:
        desk.region.ask(Grant(identity=identity or desk.marie, party=party, exclusions=list(exclusions)))

    @pytest.mark.parametrize("party", ["site:CHP", f"rpps:{RADIOLOGIST}"])
    def test_they_bind_an_access_of_the_care_team(self, desk: Desk, party: str) -> None:
        before = desk.open()
        self.grant(desk, party, *self.OUT)
        assert desk.view(before)["exclusions"] == sorted(self.OUT)
        assert desk.view(before, desk.open())["exclusions"] == sorted(self.OUT)

    def test_they_bind_one_by_another_consent_and_one_by_a_code(self, desk: Desk) -> None:
        anne = desk.region.register("CHB", "A-1")
        self.grant(desk, f"rpps:{RADIOLOGIST}", identity=anne)
        desk.region.ask(IssueCode(identity=anne, code="7GQ4ZKP2XA"))
        accesses = desk.open(identity=anne), desk.open(identity=anne, code="7GQ4ZKP2XA")
        self.grant(desk, "site:CHP", self.OUT[0], identity=anne)
        for access in accesses:
            assert desk.view(access, identity=anne)["exclusions"] == [self.OUT[0]]

    def test_those_of_several_consents_add_up(self, desk: Desk) -> None:
        other = desk.region.register("CHB", "A-1")
        desk.region.ask(Merge(one=desk.marie, other=other, reason="same traits"))
        self.grant(desk, "site:CHP", self.OUT[0])
        self.grant(desk, f"rpps:{RADIOLOGIST}", self.OUT[1], identity=other)
        assert desk.view(desk.open())["exclusions"] == sorted(self.OUT)

    def test_an_access_says_what_it_leaves_out_when_it_is_opened(self, desk: Desk) -> None:
        self.grant(desk, "site:CHP", *self.OUT)
        desk.open()
        assert (desk.last().data["ground"], desk.last().data["exclusions"]) == ("care_team", sorted(self.OUT))

    def test_those_for_somebody_else_do_not_bind(self, desk: Desk) -> None:
        self.grant(desk, f"rpps:{CLINICIAN}", *self.OUT)
        self.grant(desk, "site:CHB", *self.OUT)
        assert desk.view(desk.open())["exclusions"] == []

    def test_where_they_act_from_decides_and_where_it_is_not_known_all_bind(self, desk: Desk) -> None:
        desk.region.ask(Affiliate(rpps=RADIOLOGIST, site="CHA"))
        self.grant(desk, f"rpps:{RADIOLOGIST}")
        anne = desk.region.register("CHB", "A-1")
        self.grant(desk, f"rpps:{RADIOLOGIST}", identity=anne)
        self.grant(desk, "site:CHA", self.OUT[0], identity=anne)
        access = desk.open(identity=anne)
        assert desk.view(access, identity=anne, site="CHP")["exclusions"] == []
        assert desk.view(access, identity=anne, site="CHA")["exclusions"] == [self.OUT[0]]
        assert desk.view(access, identity=anne)["exclusions"] == [self.OUT[0]]

    def test_a_consent_that_was_taken_back_or_ran_out_leaves_nothing_out(self, desk: Desk) -> None:
        access = desk.open()
        self.grant(desk, "site:CHP", *self.OUT)
        desk.region.ask(Revoke(identity=desk.marie, party="site:CHP"))
        assert desk.view(access)["exclusions"] == []

    def test_an_emergency_shows_all(self, desk: Desk) -> None:
        """It is on a list, and reviewed."""
        self.grant(desk, "site:CHP", *self.OUT)
        said = desk.view(desk.open(), desk.open(emergency=True))
        assert (said["exclusions"], desk.last().data["purpose"]) == ([], "BTG")


class TestTies:
    """X6: an establishment knows a person by an identity that it gave out, and by nothing else."""

    def test_orders_appointments_and_readings_let_nobody_in(self, desk: Desk) -> None:
        came = desk.region.receive("CHB", local_id="A-1").result
        anne, study = UUID(came["identity"]), UUID(came["study"])
        placed = PlaceOrder(identity=anne, site="CHP", ordered_by=RADIOLOGIST, modality="CT", question="nodule?")
        order = UUID(desk.region.ask(placed).result["order"])
        desk.region.ask(PresentOrder(order=order, site="CHA"))
        desk.region.ask(ScheduleOrder(order=order, site="CHP", at=desk.region.clock(), accession="A1"))
        asked = RequestReading(study=study, from_site="CHP", to_site="CHA", question="nodule?")
        desk.region.ask(asked)
        desk.open(identity=anne)
        assert (desk.last().type, desk.last().data["rule"]) == ("access.denied", "X9")

    def test_an_identity_that_was_erased_lets_nobody_in(self, desk: Desk) -> None:
        """Neither its establishment, nor a consent or a code that was given for it."""
        anne = desk.region.register("CHB", "A-1")
        desk.region.ask(Merge(one=desk.marie, other=anne, reason="same traits"))
        desk.region.ask(Grant(identity=desk.marie, party=f"rpps:{CLINICIAN}"))
        desk.region.ask(IssueCode(identity=desk.marie, code="7GQ4ZKP2XA"))
        team, agreed = desk.open(identity=anne), desk.open(CLINICIAN, identity=anne)
        assert desk.rule(team, identity=anne) == desk.rule(agreed, identity=anne, actor=f"rpps:{CLINICIAN}") == "ok"
        desk.region.ask(Erase(identity=desk.marie, reason="asked for by the person"))
        assert desk.rule(team, identity=anne) == "X12"
        assert desk.rule(agreed, identity=anne, actor=f"rpps:{CLINICIAN}") == "X12"
        for rpps, code, rule in ((RADIOLOGIST, None, "X9"), (CLINICIAN, None, "X9"), (CLINICIAN, "7GQ4ZKP2XA", "X8")):
            desk.open(rpps, identity=anne, code=code)
            assert (desk.last().type, desk.last().data["rule"]) == ("access.denied", rule)

    def test_what_was_opposed_and_left_out_for_an_erased_identity_still_binds(self, desk: Desk) -> None:
        anne = desk.region.register("CHP", "A-1")
        desk.region.ask(Merge(one=desk.marie, other=anne, reason="same traits"))
        desk.region.ask(Grant(identity=desk.marie, party="site:CHP", exclusions=["study:1.2.3"]))
        desk.region.ask(Erase(identity=desk.marie, reason="asked for by the person"))
        assert desk.view(desk.open(identity=anne), identity=anne)["exclusions"] == ["study:1.2.3"]


class TestErased:
    """X14."""

    @pytest.mark.parametrize("emergency", [False, True])
    def test_no_access_is_granted_to_an_erased_identity(self, desk: Desk, emergency: bool) -> None:
        desk.region.ask(Erase(identity=desk.marie, reason="asked for by the person"))
        command = OpenAccess(identity=desk.marie, rpps=RADIOLOGIST, reason="follow-up", emergency=emergency)
        result = desk.region.ask(command).result
        assert (result["decision"], result["rule"]) == ("denied", "X14")
        assert result["why"] == "the identity was erased: nothing of it is left to consult"


class TestOthers:
    """W2, X13."""

    def test_a_patient_reads_of_themself(self, desk: Desk) -> None:
        said = desk.view(actor=f"patient:{desk.marie}")
        assert (said["decision"], said["ground"], said["rule"]) == ("viewed", "self", "X13")
        assert (desk.last().data["role"], desk.last().data["purpose"]) == ("patient", "PATRQT")

    def test_by_any_identity_of_theirs(self, desk: Desk) -> None:
        other = desk.region.register("CHB", "P-1")
        assert desk.rule(actor=f"patient:{other}") == "X13"
        desk.region.ask(Merge(one=desk.marie, other=other, reason="same traits"))
        assert desk.rule(actor=f"patient:{other}") == "ok"

    def test_a_patient_does_not_read_of_somebody_else(self, desk: Desk) -> None:
        assert desk.rule(actor=ACTORS["patient"]) == "X13"
        assert desk.last().type == "access.view_refused"

    @pytest.mark.parametrize("role", ["clerk", "operator", "auditor"])
    def test_a_record_is_no_task_of(self, desk: Desk, role: str) -> None:
        assert desk.rule(actor=ACTORS[role]) == "W2"
        assert (desk.last().type, desk.last().data["role"]) == ("access.view_refused", role)

    def test_an_auditor_asks_what_auditors_ask(self, desk: Desk) -> None:
        other = desk.region.register("CHB", "P-1")
        said = desk.view(
            actor=ACTORS["auditor"], task="audit.exposure", other=other, asked=("by=rpps:1",), spoken_of=("x",)
        )
        data = desk.last().data
        assert (said["ground"], data["purpose"], data["other_id"], data["asked"]) == (
            "task",
            "HCOMPL",
            str(other),
            ["by=rpps:1"],
        )
        assert data["members"] == sorted([str(desk.marie), str(other), "x"])

    @pytest.mark.parametrize("task", ["study.reassign", "study.withdraw"])
    def test_whoever_says_whose_a_study_is_reads_no_record(self, task: str) -> None:
        """Else somebody who knows a study's id states that it is of a person whom they may read."""
        assert TASKS[task]
        assert TASKS[task].isdisjoint(TASKS["record.show"] | TASKS["dose.show"])

    @pytest.mark.parametrize("reason", ["", "  ", None, "\u200b", "-", "..."])
    def test_without_a_reason_nothing_is_decided(self, desk: Desk, reason: str | None) -> None:
        """X3."""
        command = View(caller=Caller(ACTORS["service"], reason), task="record.show", identity=desk.marie)
        assert isinstance(desk.region.refusal(command), ReasonMissing)

    def test_of_whom_nobody_registered(self, desk: Desk) -> None:
        command = View(caller=Caller(ACTORS["service"], "x"), task="record.show", identity=uuid4())
        assert isinstance(desk.region.refusal(command), NotFound)

    def test_each_rule_that_refuses_says_why(self) -> None:
        assert all(REFUSALS[rule] for rule in ("X1", "X2", "X4", "X5", "X12", "X13", "X14"))


class TestRecorded:
    """X11."""

    def test_a_repeated_question_answers_as_the_first_time(self, desk: Desk) -> None:
        caller = Caller(f"rpps:{RADIOLOGIST}", "follow-up")
        command = View(caller=caller, task="record.show", identity=desk.marie, accesses=(desk.open(),))
        by = Envelope(caller.actor)
        assert desk.region.execute(command, by) == desk.region.execute(command, by)

    def test_the_reason_is_sealed_under_the_person_asked_about(self, desk: Desk) -> None:
        desk.view(desk.open())
        assert b"follow-up" not in desk.region.recorder.select_notifications(desk.region.head(), 1)[0].state
        desk.region.memory_vault.destroy(str(desk.marie))
        assert desk.last().data["reason"] == ERASED

    def test_an_aggregate_of_its_own_is_loaded_again(self, desk: Desk) -> None:
        said = desk.view(desk.open())
        found = desk.region.find(Viewing, UUID(said["viewing"]))
        assert found is not None
        assert found.rule == "X12"


class TestLists:
    """X11, X15."""

    def show(self, desk: Desk, reason: str = "worklist", actor: str = ACTORS["clerk"], **more: Any) -> dict[str, Any]:
        asked = {"task": "identity.review.list", "shown": (desk.marie,), **more}
        return dict(desk.region.execute(ListPeople(caller=Caller(actor, reason), **asked), Envelope(actor)).result)

    def test_who_is_on_it_is_on_record(self, desk: Desk) -> None:
        assert self.show(desk, asked=("family",))["decision"] == "listed"
        event = desk.last()
        kept = ("identities", "role", "kind", "asked", "reason", "caller_id", "rule", "ground")
        assert (event.type, {name: event.data[name] for name in kept}) == (
            "access.listed",
            {
                "identities": [str(desk.marie)],
                "role": "clerk",
                "kind": "identity.review.list",
                "asked": ["family"],
                "reason": "worklist",
                "caller_id": str(key_of(ACTORS["clerk"])),
                "rule": "W2",
                "ground": "task",
            },
        )

    def test_the_reason_outlives_who_was_on_it(self, desk: Desk) -> None:
        self.show(desk)
        desk.region.memory_vault.destroy(str(desk.marie))
        assert desk.last().data["reason"] == "worklist"
        desk.region.memory_vault.destroy(str(key_of(ACTORS["clerk"])))
        assert desk.last().data["reason"] == ERASED

    @pytest.mark.parametrize("reason", ["for Fictive", "number M-1", "x" * 201])
    def test_a_reason_that_names_somebody_on_it_is_not_kept(self, desk: Desk, reason: str) -> None:
        command = ListPeople(caller=Caller(ACTORS["clerk"], reason), task="identity.review.list", shown=(desk.marie,))
        refusal = desk.region.refusal(command)
        assert isinstance(refusal, UnfitReason)
        assert reason not in str(refusal)

    @pytest.mark.parametrize("reason", ["for Fictive", "number A-1", "born 1970-01-02"])
    def test_a_reason_tells_no_guess_of_who_is_not_named(self, desk: Desk, reason: str) -> None:
        """X15, X18: else who orders an exam for a number finds out whose it is, guess by guess."""
        anne = desk.region.register("CHB", "A-1", birth_date="1970-01-02")
        command: dict[str, Any] = {"task": "order.list", "shown": (anne,), "actor": f"rpps:{RADIOLOGIST}"}
        assert self.show(desk, reason, **command)["decision"] == "listed"
        desk.region.ask(Oppose(identity=anne))
        assert self.show(desk, reason, **command)["decision"] == "listed"
        access = desk.open(identity=anne, emergency=True)
        with pytest.raises(UnfitReason):
            self.show(desk, reason, **command, accesses=(access,))

    def test_it_needs_a_reason(self, desk: Desk) -> None:
        command = ListPeople(caller=Caller(ACTORS["clerk"]), task="identity.review.list")
        assert isinstance(desk.region.refusal(command), ReasonMissing)

    def test_a_role_that_may_not_is_refused_and_on_record(self, desk: Desk) -> None:
        said = self.show(desk, actor=ACTORS["patient"], shown=())
        assert (said["decision"], said["rule"]) == ("refused", "W2")
        assert (desk.last().type, desk.last().data["identity_id"]) == ("access.view_refused", None)

    def test_what_is_refused_is_sealed_though_nobody_was_asked_about(self, desk: Desk) -> None:
        self.show(desk, actor=ACTORS["patient"], shown=(), reason="whispered")
        assert b"whispered" not in desk.region.recorder.select_notifications(desk.region.head(), 1)[0].state

    def test_a_limit_that_names_no_establishment_is_not_on_record(self, desk: Desk) -> None:
        """S1: limits are recorded in clear; where the question is refused, without it."""
        asked: dict[str, Any] = {"task": "access.review.list", "asked": ("site=Jeanne DURAND", "state=placed")}
        command = ListPeople(caller=Caller(ACTORS["auditor"], "yearly check"), **asked)
        assert isinstance(desk.region.refusal(command), UnknownSite)
        desk.region.execute(ListPeople(caller=Caller(ACTORS["clerk"], "x"), **asked), Envelope(ACTORS["clerk"]))
        assert desk.last().data["asked"] == ["state=placed"]

    def seen(self, desk: Desk, identity: UUID, *accesses: UUID) -> str:
        """How much of a row about somebody the radiologist of CHP sees, and what is left out of it."""
        actor = f"rpps:{RADIOLOGIST}"
        said = self.show(desk, actor=actor, task="order.list", shown=(identity,), accesses=accesses)
        (found,) = [name for name in ("unnamed", "withheld") if str(identity) in said[name]] or ["whole"]
        return "; ".join([found, *said["exclusions"].get(str(identity), ())])

    def test_a_professional_sees_who_somebody_is_in_the_care_team_or_under_an_access(self, desk: Desk) -> None:
        """X18."""
        anne = desk.region.register("CHB", "A-1")
        assert self.seen(desk, desk.marie) == "whole"
        assert self.seen(desk, anne) == "unnamed"
        desk.region.ask(Grant(identity=anne, party=f"rpps:{RADIOLOGIST}"))
        assert self.seen(desk, anne) == "unnamed"  # a consent alone opens nothing
        access = desk.open(identity=anne)
        assert self.seen(desk, anne, access) == "whole"
        desk.region.ask(Revoke(identity=anne, party=f"rpps:{RADIOLOGIST}"))
        assert self.seen(desk, anne, access) == "unnamed"

    @pytest.mark.parametrize("party", ["everyone", "site:CHP", f"rpps:{RADIOLOGIST}"])
    def test_an_opposition_to_consultation_withholds_what_is_clinical_too(self, desk: Desk, party: str) -> None:
        """X5, X18; an emergency goes past it."""
        access = desk.open()
        desk.region.ask(Oppose(identity=desk.marie, party=party))
        assert self.seen(desk, desk.marie, access) == "withheld"
        assert self.seen(desk, desk.marie, access, desk.open(emergency=True)) == "whole"

    def test_what_a_consent_leaves_out_is_left_out_of_lists(self, desk: Desk) -> None:
        """X19; under an access and in the care team alike."""
        desk.region.ask(Grant(identity=desk.marie, party="site:CHP", exclusions=["study:1.2.3"]))
        assert self.seen(desk, desk.marie) == "whole; study:1.2.3"
        assert self.seen(desk, desk.marie, desk.open()) == "whole; study:1.2.3"
        assert self.seen(desk, desk.marie, desk.open(emergency=True)) == "whole"

    def test_clerks_and_auditors_see_their_lists_whole(self, desk: Desk) -> None:
        said = self.show(desk)
        assert (said["unnamed"], said["withheld"], said["exclusions"]) == ([], [], {})

    def test_a_professionals_list_is_of_where_they_act_from(self, desk: Desk) -> None:
        said = self.show(desk, actor=f"rpps:{RADIOLOGIST}", task="dose.alerts")
        assert (said["decision"], said["site"]) == ("listed", "CHP")
        said = self.show(desk, actor=f"rpps:{CLINICIAN}", task="dose.alerts")
        assert (said["decision"], said["rule"]) == ("refused", "X2")


class TestSituation:
    """Profession, speciality and sector, as the sign-in told them, are on record sealed with each look."""

    TOLD = "profession=10 sector=SA01 speciality=SM26"

    def asks(self, desk: Desk, *accesses: UUID) -> LedgerEvent:
        actor = f"rpps:{RADIOLOGIST}"
        caller = Caller(actor, "follow-up", None, self.TOLD)
        command = View(caller=caller, task="record.show", identity=desk.marie, accesses=accesses)
        desk.region.execute(command, Envelope(actor))
        return desk.last()

    def test_of_a_look_that_is_answered_and_of_one_that_is_refused(self, desk: Desk) -> None:
        refused = self.asks(desk)
        answered = self.asks(desk, desk.open())
        assert [one.type for one in (refused, answered)] == ["access.view_refused", "access.viewed"]
        assert [one.data["situation"] for one in (refused, answered)] == [self.TOLD, self.TOLD]

    def test_of_a_list(self, desk: Desk) -> None:
        actor = f"rpps:{RADIOLOGIST}"
        command = ListPeople(caller=Caller(actor, "work", None, self.TOLD), task="reading.list", shown=(desk.marie,))
        desk.region.execute(command, Envelope(actor))
        assert (desk.last().type, desk.last().data["situation"]) == ("access.listed", self.TOLD)

    def test_nothing_is_made_up_where_no_sign_in_told_it(self, desk: Desk) -> None:
        desk.view(desk.open())
        assert desk.last().data["situation"] is None

    def test_it_is_sealed_as_the_reason_is(self) -> None:
        for name in ("access.viewed", "access.view_refused", "access.listed"):
            sealed = registry().of_type(name).sealed
            assert sealed["situation"] == sealed["reason"]


@pytest.mark.parametrize(
    ("chosen", "told"),
    [(None, None), (0, "profession=10 sector=SA01"), (1, None)],
    ids=["not yet", "codes", "no codes"],
)
def test_a_session_tells_the_situation_that_was_chosen(chosen: int | None, told: str | None) -> None:
    choices = [{"codes": {"sector": "SA01", "profession": "10"}}, {"codes": {}}]
    assert situation_of({"chosen": chosen, "choices": choices}) == told
