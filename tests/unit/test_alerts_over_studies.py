"""Alerts whose cause lies over studies of a person: once, wherever these are, and gone with their cause."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands.doses import AcknowledgeAlert, JudgePerson, ReceivedDose, RereadDose
from domain.commands.identities import Correct
from domain.commands.links import Bar, Merge, Unmerge
from domain.commands.rules import PublishRules
from domain.commands.splits import Split, UndoSplit
from domain.commands.studies import ReassignStudy
from domain.commands.views import Promoted
from domain.errors import AlertUnchanged
from domain.rules.document import document
from domain.work import Command
from tests.fakes.policies import MemoryEngine
from tests.fakes.region import Region, dose, exposure, rules_in_force
from tests.fakes.weighing import ALIKE

SKIN = {"name": "skin-12-weeks", "kind": "skin", "quantity": "dose_rp_mgy", "threshold": 2_000, "days": 84}
CHILD = {"name": "child", "kind": "study", "quantity": "dlp_mgycm", "threshold": 500, "population": "child"}
ONE = {"name": "acquisition", "kind": "exposure", "quantity": "dlp_mgycm", "threshold": 900, "modalities": ["CT"]}
WINDOW = {
    "name": "year",
    "kind": "window",
    "quantity": "dlp_mgycm",
    "threshold": 1_000,
    "days": 365,
    "modalities": ["CT"],
}
REPEAT = {"name": "repeated", "kind": "repeat", "threshold": 2, "days": 30, "modalities": ["CT"]}
RULES: dict[str, Any] = {
    "kind": "dose-alerts",
    "version": 2,
    "in_force_from": "2026-01-01",
    "title": "over studies",
    "body": {"alerts": [SKIN, CHILD, ONE]},
}


class Ward:
    """A region under these rules, with its policies."""

    def __init__(self, rules: dict[str, Any] = RULES) -> None:
        self.region = Region()
        self.region.ask(PublishRules(document=document(rules)))
        self.region.ask(Promoted(view="cumulative_dose", version=2, former=1, rules={"dose-alerts": rules["version"]}))
        self.engine = MemoryEngine(self.region)

    def ask(self, command: Command) -> None:
        self.region.ask(command)
        self.engine.run()

    def receive(self, site: str, number: int, *reports: ReceivedDose, **change: Any) -> tuple[UUID, UUID]:
        """A study of the person of a site: its identity and id."""
        answer = self.region.receive(site, f"2.25.{number}", doses=reports, **change)
        self.engine.run()
        return UUID(answer.result["identity"]), UUID(answer.result["study"])

    def told(self, what: str) -> list[dict[str, Any]]:
        return [e.data for e in self.region.history() if e.type == f"dose.{what}"]

    def standing(self) -> set[tuple[str, str]]:
        """Kind and study of the alerts that were raised and not withdrawn."""
        gone = {one["alert_id"] for one in self.told("alert_withdrawn")}
        raised = [one for one in self.told("alert_raised") if one["alert_id"] not in gone]
        assert len(raised) == len({(one["kind"], one["study_id"]) for one in raised})
        return {(one["kind"], one["study_id"]) for one in raised}


def shots(number: int, mgy: float, at: str | None = "2026-01-05T10:00:00", region: str = "heart") -> ReceivedDose:
    """The report of a procedure in one place."""
    one = exposure(f"2.25.{number}.1", dose_rp_mgy=mgy) | {"started_at": at, "modality": "XA", "target_region": region}
    return replace(dose(f"2.25.{number}.9", one), modality="XA", reported_at=at)


def ct(number: int, dlp: float, day: str = "2026-01-05", region: str | None = None) -> ReceivedDose:
    told = {"started_at": f"{day}T10:00:00", "target_region": region}
    return dose(f"2.25.{number}.9", exposure(f"2.25.{number}.1", dlp_mgycm=dlp) | told)


@pytest.fixture
def ward() -> Ward:
    return Ward()


def procedures(ward: Ward) -> tuple[UUID, UUID, UUID]:
    """1.5 Gy in one hospital and 1 Gy in another: the two identities, and the study of the second."""
    one, _ = ward.receive("CHB", 1, shots(1, 1_500.0))
    other, study = ward.receive("CHP", 2, shots(2, 1_000.0, "2026-02-05T10:00:00"))
    return one, other, study


def test_two_hospitals_doses_are_a_cause_once_the_two_are_one_person(ward: Ward) -> None:
    one, other, study = procedures(ward)
    assert ward.told("alert_raised") == []
    ward.ask(Merge(one=one, other=other, reason="seen at the desk"))
    (alert,) = ward.told("alert_raised")
    assert (alert["kind"], alert["rule_kind"], alert["window_days"], alert["rule_version"]) == (
        "skin-12-weeks",
        "skin",
        84,
        2,
    )
    assert (alert["value"], alert["threshold"], alert["study_id"], alert["site"]) == (
        2_500.0,
        2_000.0,
        str(study),
        "CHP",
    )
    assert len(alert["studies"]) == 2


def test_an_unmerge_withdraws_it_and_another_merge_raises_it_again(ward: Ward) -> None:
    one, other, study = procedures(ward)
    ward.ask(Merge(one=one, other=other, reason="seen at the desk"))
    ward.ask(Unmerge(one=one, other=other, reason="two people"))
    (gone,) = ward.told("alert_withdrawn")
    assert (gone["why"], ward.standing()) == ("other_person", set())
    ward.ask(Merge(one=one, other=other, reason="one after all"))
    first, again = ward.told("alert_raised")
    assert (again["alert_id"] != first["alert_id"], ward.standing()) == (True, {("skin-12-weeks", str(study))})


def test_whom_a_humans_merge_parts_from_the_person_is_judged_again(ward: Ward) -> None:
    """A rule merged the two; a human merges the first with a third from whom the second is barred: the rule's merge
    gives way, and the alert of both is withdrawn, though nobody spoke of the second.
    """
    rules_in_force(ward.region)
    one, _ = ward.receive("CHB", 1, shots(1, 1_500.0), stated={**ALIKE})
    other, study = ward.receive("CHP", 2, shots(2, 1_000.0, "2026-02-05T10:00:00"), stated={**ALIKE})
    third = ward.region.register("CHA", "3", **ALIKE)
    ward.ask(Merge(one=one, other=other, reason="alike", rule="strict", rule_version=1))
    ward.ask(Bar(one=other, other=third, reason="two people"))
    assert ward.standing() == {("skin-12-weeks", str(study))}
    ward.ask(Merge(one=one, other=third, reason="seen at the desk"))
    (gone,) = ward.told("alert_withdrawn")
    assert (gone["why"], ward.standing()) == ("other_person", set())
    ward.ask(Unmerge(one=one, other=third, reason="two people"))
    assert ward.standing() == {("skin-12-weeks", str(study))}


def test_a_bar_that_is_put_on_the_unmerged_raises_nothing(ward: Ward) -> None:
    one, other, _ = procedures(ward)
    ward.ask(Merge(one=one, other=other, reason="seen at the desk"))
    ward.ask(Unmerge(one=one, other=other, reason="two people"))
    ward.ask(Bar(one=one, other=other, reason="two people"))
    assert (len(ward.told("alert_raised")), ward.standing()) == (1, set())


def test_more_of_the_same_cause_is_one_alert(ward: Ward) -> None:
    one, other, study = procedures(ward)
    ward.ask(Merge(one=one, other=other, reason="seen at the desk"))
    ward.receive("CHB", 3, shots(3, 700.0, "2026-02-20T10:00:00"))
    ward.receive("CHB", 4, shots(4, 700.0, "2026-01-01T10:00:00"))
    assert (len(ward.told("alert_raised")), ward.standing()) == (1, {("skin-12-weeks", str(study))})


def test_two_persons_alerts_of_one_cause_are_one_once_they_are_one_person(ward: Ward) -> None:
    """Each had passed the level alone: the one that somebody has looked at stays."""
    one, first = ward.receive("CHB", 1, shots(1, 2_500.0))
    other, second = ward.receive("CHP", 2, shots(2, 2_500.0, "2026-02-05T10:00:00"))
    seen = next(a["alert_id"] for a in ward.told("alert_raised") if a["study_id"] == str(second))
    ward.ask(AcknowledgeAlert(study=second, alert=UUID(seen), note="skin checked"))
    ward.ask(Merge(one=one, other=other, reason="seen at the desk"))
    assert [(g["why"], g["study_id"]) for g in ward.told("alert_withdrawn")] == [("told_already", str(first))]
    ward.ask(Unmerge(one=one, other=other, reason="two people"))
    assert {study for _, study in ward.standing()} == {str(first), str(second)}


def test_a_study_that_is_reassigned_takes_its_dose_along(ward: Ward) -> None:
    ward.receive("CHB", 1, shots(1, 1_500.0))
    _, study = ward.receive("CHB", 2, shots(2, 1_000.0))
    other, _ = ward.receive("CHP", 3, shots(3, 100.0))
    assert len(ward.standing()) == 1
    ward.ask(ReassignStudy(study=study, to_identity=other, reason="wrong patient chosen"))
    assert [one["why"] for one in ward.told("alert_withdrawn")] == ["reassigned"]


def test_a_split_takes_it_apart_and_its_undoing_brings_it_back(ward: Ward) -> None:
    one, _ = ward.receive("CHB", 1, shots(1, 1_500.0))
    _, study = ward.receive("CHB", 2, shots(2, 1_000.0))
    ward.ask(Split(identity=one, studies=(study,), reason="two people under one number"))
    assert ward.standing() == set()
    new = next(e for e in ward.region.history() if e.type == "identity.split_off").data["identity_id"]
    ward.ask(UndoSplit(identity=UUID(new), reason="one after all"))
    assert len(ward.standing()) == 1


def test_a_correction_of_one_report_withdraws_what_it_was_part_of(ward: Ward) -> None:
    ward.receive("CHB", 1, shots(1, 1_500.0))
    ward.receive("CHB", 2, shots(2, 1_000.0))
    slip = replace(shots(2, 10.0), report_uid="2.25.2.10", reported_at="2026-01-06T10:00:00")
    ward.receive("CHB", 2, slip)
    assert [one["why"] for one in ward.told("alert_withdrawn")] == ["corrected"]


def test_a_correction_withdraws_an_alert_of_one_study_and_a_later_one_raises_it_again() -> None:
    """By the levels that are built in, too."""
    region = Region()
    for number, mgy in enumerate((3_000.0, 30.0, 2_900.0), 1):
        told = replace(shots(1, mgy), report_uid=f"2.25.9.{number}", reported_at=f"2026-01-0{number}T10:00:00")
        region.receive(doses=(told,))
    kinds = [e.type for e in region.history() if "alert" in e.type]
    assert kinds == ["dose.alert_raised", "dose.alert_withdrawn", "dose.alert_raised"]


def test_a_withdrawn_alert_is_not_acknowledged(ward: Ward) -> None:
    """D3."""
    one, other, study = procedures(ward)
    ward.ask(Merge(one=one, other=other, reason="seen at the desk"))
    ward.ask(Unmerge(one=one, other=other, reason="two people"))
    (alert,) = ward.told("alert_raised")
    refused = ward.region.refusal(AcknowledgeAlert(study=study, alert=UUID(alert["alert_id"]), note="seen"))
    assert type(refused) is AlertUnchanged


@pytest.mark.parametrize(("born", "alerts"), [("2008-01-06", 1), ("2008-01-05", 0), ("", 1)])
def test_a_childs_dose_has_a_threshold_of_its_own(ward: Ward, born: str, alerts: int) -> None:
    """Until the eighteenth birthday; whose age nobody knows may be a child."""
    ward.receive("CHB", 1, ct(1, 600.0), stated={"family": "FICTIVE", **({"birth_date": born} if born else {})})
    assert [a["kind"] for a in ward.told("alert_raised")] == ["child"] * alerts


def test_adults_thresholds_are_for_adults_and_for_whom_nobody_knows() -> None:
    ward = Ward(RULES | {"body": {"alerts": [CHILD | {"name": "adult", "population": "adult"}]}})
    for number, born in enumerate(("1980-01-05", "2020-01-05", ""), 1):
        told = {"family": "FICTIVE", **({"birth_date": born} if born else {})}
        ward.receive("CHB", number, ct(number, 600.0), local_id=str(number), stated=told)
    assert sorted(a["report_uid"] for a in ward.told("alert_raised")) == ["2.25.1.9", "2.25.3.9"]


def test_a_birth_date_decides_before_the_age_that_a_report_states(ward: Ward) -> None:
    patient = {"age_days": 20_000, "weight_kg": None, "size_cm": None, "pregnant": None}
    told = replace(ct(1, 600.0), said={"patient": patient})
    ward.receive("CHB", 1, told, stated={"family": "FICTIVE", "birth_date": "2020-01-05"})
    ward.receive("CHB", 2, replace(ct(2, 600.0), said={"patient": patient}), local_id="2")
    assert [a["report_uid"] for a in ward.told("alert_raised")] == ["2.25.1.9"]


def test_another_identity_of_the_person_tells_the_age_where_the_first_does_not(ward: Ward) -> None:
    one, _ = ward.receive("CHB", 1, ct(1, 600.0))
    other, _ = ward.receive("CHP", 2, ct(2, 1.0), stated={"family": "FICTIVE", "birth_date": "1980-01-05"})
    ward.ask(Merge(one=one, other=other, reason="seen at the desk"))
    assert ward.standing() == set()


def test_one_exposure_over_its_threshold_is_named(ward: Ward) -> None:
    ward.receive("CHB", 1, ct(1, 901.0), ct(2, 900.0), stated={"family": "FICTIVE", "birth_date": "1980-01-05"})
    (alert,) = ward.told("alert_raised")
    assert (alert["kind"], alert["irradiation_event_uid"]) == ("acquisition", "2.25.1.1")


def test_what_another_device_of_a_study_states_alone_is_in_the_window(ward: Ward) -> None:
    """It names no exposure, and no region: it counts with each."""
    arm = replace(dose("2.25.1.8", dose_rp_mgy=1_500.0), device={"model": "Two", "serial": "2"}, modality="XA")
    ward.receive("CHB", 1, shots(1, 100.0), replace(arm, reported_at="2026-01-05T11:00:00"))
    assert ward.told("alert_raised") == []
    ward.receive("CHB", 2, shots(2, 500.0, "2026-02-05T10:00:00"))
    (alert,) = ward.told("alert_raised")
    assert (alert["kind"], alert["value"], len(alert["studies"])) == ("skin-12-weeks", 2_100.0, 2)


def test_the_same_exposure_sent_by_two_hospitals_counts_once(ward: Ward) -> None:
    one, _ = ward.receive("CHB", 1, shots(1, 1_500.0))
    other, _ = ward.receive("CHP", 2, replace(shots(1, 1_500.0), report_uid="2.25.2.9"))
    ward.ask(Merge(one=one, other=other, reason="seen at the desk"))
    assert ward.told("alert_raised") == []


def total_alone(ward: Ward, mgy: float) -> tuple[UUID, UUID]:
    """One report of totals alone, sent to two hospitals: the two identities."""
    told = replace(dose("2.25.1.9", dose_rp_mgy=mgy), modality="XA", reported_at="2026-01-05T10:00:00")
    (one, _), (other, _) = (ward.receive(site, 1, told) for site in ("CHB", "CHP"))
    return one, other


def test_a_total_that_two_hospitals_state_of_one_study_counts_once(ward: Ward) -> None:
    one, other = total_alone(ward, 1_500.0)
    ward.ask(Merge(one=one, other=other, reason="the same"))
    assert ward.told("alert_raised") == []


def test_of_two_alerts_of_one_total_one_stays_and_nobody_is_called_again(ward: Ward) -> None:
    one, other = total_alone(ward, 2_500.0)
    ward.ask(Merge(one=one, other=other, reason="the same"))
    assert [gone["why"] for gone in ward.told("alert_withdrawn")] == ["told_already"]
    assert (len(ward.standing()), len(ward.told("alert_raised"))) == (1, 2)


def test_a_total_is_not_added_to_the_exposures_that_another_hospital_has_of_it(ward: Ward) -> None:
    one, _ = ward.receive("CHB", 1, shots(1, 1_500.0))
    told = replace(dose("2.25.1.8", dose_rp_mgy=1_500.0), modality="XA", reported_at="2026-01-05T10:00:00")
    other, _ = ward.receive("CHP", 1, told)
    ward.ask(Merge(one=one, other=other, reason="the same"))
    assert ward.told("alert_raised") == []


def test_doses_of_a_year_at_two_hospitals_are_told_once_the_two_are_one_person() -> None:
    ward = Ward(RULES | {"body": {"alerts": [WINDOW]}})
    one, _ = ward.receive("CHB", 1, ct(1, 600.0))
    other, study = ward.receive("CHP", 2, ct(2, 600.0, "2026-12-31"))
    ward.receive("CHP", 3, shots(3, 5_000.0))  # no CT
    assert ward.told("alert_raised") == []
    ward.ask(Merge(one=one, other=other, reason="seen at the desk"))
    (alert,) = ward.told("alert_raised")
    assert (alert["kind"], alert["rule_kind"], alert["value"], alert["window_days"]) == ("year", "window", 1_200.0, 365)
    assert (alert["study_id"], alert["site"], len(alert["studies"])) == (str(study), "CHP", 2)


def test_exams_of_one_region_that_are_repeated_within_days_are_told_wherever_they_were_made() -> None:
    """More than two within thirty days; of another region, or later, is no repetition."""
    ward = Ward(RULES | {"body": {"alerts": [REPEAT]}})
    one, _ = ward.receive("CHB", 1, ct(1, 1.0, "2026-01-05", "Head"))
    ward.receive("CHB", 2, ct(2, 1.0, "2026-01-06", "Chest"))
    ward.receive("CHB", 3, ct(3, 1.0, "2026-02-20", "Head"))
    other, _ = ward.receive("CHP", 4, ct(4, 1.0, "2026-01-10", "Head"))
    _, third = ward.receive("CHP", 5, ct(5, 1.0, "2026-01-20", "HEAD"))
    assert ward.told("alert_raised") == []
    ward.ask(Merge(one=one, other=other, reason="seen at the desk"))
    (alert,) = ward.told("alert_raised")
    assert (alert["kind"], alert["rule_kind"], alert["quantity"]) == ("repeated", "repeat", "exams")
    assert (alert["value"], alert["threshold"], alert["window_days"], len(alert["studies"])) == (3.0, 2.0, 30, 3)
    assert (alert["study_id"], alert["site"]) == (str(third), "CHP")
    ward.ask(Unmerge(one=one, other=other, reason="two people"))
    assert [gone["why"] for gone in ward.told("alert_withdrawn")] == ["other_person"]


def test_one_exam_under_two_identities_is_no_repetition() -> None:
    """The next one is: its alert names the exam under both, and a further report of either calls nobody again."""
    ward = Ward(RULES | {"body": {"alerts": [REPEAT | {"threshold": 1}]}})

    def chest(event: str, at: str = "05T10:00") -> ReceivedDose:
        told = {"started_at": f"2026-01-{at}:00", "target_region": "chest"}
        return dose(f"{event}.9", exposure(event, dlp_mgycm=9.0) | told)

    came = (("CHB", "2.25.11"), ("CHP", "2.25.12"))
    (one, _), (other, _) = (ward.receive(site, 1, chest(event)) for site, event in came)
    ward.ask(Merge(one=one, other=other, reason="the same"))
    assert ward.told("alert_raised") == []
    ward.receive("CHB", 2, chest("2.25.21", "04T10:00"))
    for site, event in (("CHB", "2.25.13"), ("CHP", "2.25.14")):
        ward.receive(site, 1, chest(event, "05T09:00"))
    (alert,) = ward.told("alert_raised")
    assert (alert["value"], len(alert["studies"]), ward.told("alert_withdrawn")) == (2.0, 3, [])


def test_a_further_report_of_an_exam_that_is_repeated_calls_nobody_again() -> None:
    """It brings an exposure of five minutes before the one that the alert stands for."""
    ward = Ward(RULES | {"body": {"alerts": [REPEAT]}})
    came = (
        (1, "2.25.1.1", "01T10:00"),
        (2, "2.25.2.1", "03T10:00"),
        (3, "2.25.3.2", "05T10:05"),
        (3, "2.25.3.1", "05T10:00"),
    )
    for number, event, at in came:
        told = exposure(event, dlp_mgycm=10.0) | {"started_at": f"2026-01-{at}:00", "target_region": "chest"}
        ward.receive("CHB", number, dose(f"{event}.9", told))
    assert (len(ward.told("alert_raised")), ward.told("alert_withdrawn")) == (1, [])


@pytest.mark.parametrize("rule", [WINDOW, SKIN], ids=["window", "skin"])
def test_a_report_that_comes_for_an_image_calls_nobody_again(rule: dict[str, Any]) -> None:
    """It names the exposure otherwise than was derived from the image."""
    ward = Ward(RULES | {"body": {"alerts": [rule | {"threshold": 1_000}]}})
    for number, source in enumerate(("report", "image", "report"), 1):
        told = {"dlp_mgycm": 700.0, "dose_rp_mgy": 700.0}
        made = exposure(f"2.25.{number}.1", **told) | {"started_at": "2026-01-05T10:00:00", "target_region": "heart"}
        ward.receive("CHB", min(number, 2), replace(dose(f"2.25.{number}.9", made), source=source))
    assert (len(ward.told("alert_raised")), ward.told("alert_withdrawn")) == (1, [])


def test_an_image_and_the_report_of_its_study_are_one_dose_also_under_two_identities() -> None:
    ward = Ward(RULES | {"body": {"alerts": [REPEAT]}})
    told = {"started_at": "2026-01-05T10:00:00", "target_region": "chest"}
    seen = replace(dose("2.25.7", exposure("2.25.71", dlp_mgycm=10.0) | told | {"source": "image"}), source="image")
    sent = dose("2.25.8", exposure("2.25.72", dlp_mgycm=10.0) | told)
    one, _ = ward.receive("CHB", 1, seen, local_id="TEMP")
    other, _ = ward.receive("CHB", 1, sent, local_id="REAL")
    ward.receive("CHB", 2, ct(2, 10.0, "2026-01-07", "chest"), local_id="REAL")
    ward.ask(Merge(one=one, other=other, reason="papers seen"))
    assert ward.told("alert_raised") == []


def test_a_report_of_another_region_than_its_image_said_is_another_cause() -> None:
    """Who has seen the alert of the skin over the heart has not seen the chest's."""
    ward = Ward(RULES | {"body": {"alerts": [SKIN | {"threshold": 1_000}]}})
    day = "2026-01-06T10:00:00"
    ward.receive("CHB", 1, shots(1, 700.0, region="chest"))
    ward.receive("CHB", 2, shots(2, 700.0, region="heart"))
    ward.receive("CHB", 3, replace(shots(3, 700.0, day), source="image"))
    ward.receive("CHB", 3, shots(4, 700.0, day, "chest"))
    assert [one["irradiation_event_uid"] for one in ward.told("alert_raised")] == ["2.25.3.1", "2.25.4.1"]
    assert [one["why"] for one in ward.told("alert_withdrawn")] == ["corrected"]


@pytest.mark.parametrize("order", [*permutations(range(3))], ids=str)
def test_the_skin_of_two_regions_over_the_level_is_two_alerts_in_any_order(ward: Ward, order: Sequence[int]) -> None:
    """The exposure of an unknown region adds to both; it begins the one, and adds to the other, which stays."""
    came = (
        shots(1, 5_000.0, region="chest"),
        shots(2, 1_500.0, "2026-02-05T10:00:00", ""),
        shots(3, 900.0, "2026-02-04T10:00:00"),
    )
    for place in order:
        ward.receive("CHB", place + 1, came[place])
    (identity,) = {one["identity_id"] for one in ward.told("reported")}
    for _ in range(2):
        gone = {one["alert_id"] for one in ward.told("alert_withdrawn")}
        raised = [one for one in ward.told("alert_raised") if one["alert_id"] not in gone]
        assert sorted(one["irradiation_event_uid"] for one in raised) == ["2.25.1.1", "2.25.2.1"]
        ward.ask(JudgePerson(identity=UUID(identity), why="corrected"))


def test_of_two_regions_that_one_exposure_passes_the_greater_is_told(ward: Ward) -> None:
    """With the studies of both."""
    for n, (mgy, region) in enumerate(((1_500.0, "head"), (1_900.0, "heart"), (600.0, "")), 1):
        ward.receive("CHB", n, shots(n, mgy, f"2026-01-0{n}T10:00:00", region))
    (alert,) = ward.told("alert_raised")
    assert (alert["value"], len(alert["studies"])) == (2_500.0, 3)


def test_another_version_of_the_rules_tells_no_cause_twice(ward: Ward) -> None:
    """What comes under it is told under its version."""
    ward.receive("CHB", 1, shots(1, 2_500.0))
    stricter = RULES | {"version": 3, "body": {"alerts": [SKIN | {"threshold": 1_000}]}}
    ward.ask(PublishRules(document=document(stricter)))
    ward.ask(Promoted(view="cumulative_dose", version=3, former=2, rules={"dose-alerts": 3}))
    ward.receive("CHB", 2, shots(2, 1_500.0, "2026-01-15T10:00:00"))
    assert [alert["rule_version"] for alert in ward.told("alert_raised")] == [2]
    ward.receive("CHB", 3, shots(3, 1_500.0, "2026-09-15T10:00:00"))
    assert [alert["rule_version"] for alert in ward.told("alert_raised")] == [2, 3]
    assert ward.told("alert_withdrawn") == []


def test_everybody_who_is_to_look_is_told_once_of_each_alert_and_of_its_end(ward: Ward) -> None:
    one, other, study = procedures(ward)
    ward.ask(Merge(one=one, other=other, reason="seen at the desk"))
    ward.ask(Unmerge(one=one, other=other, reason="two people"))
    names = [notice.does for notice in ward.engine.notices]
    ways = ("dose_alert_raised", "dose_alert_withdrawn")
    assert sorted(names) == sorted([*ways, *(f"mail_{way}" for way in ways)])
    assert {notice.body["study"] for notice in ward.engine.notices} == {str(study)}
    assert not {"identity", "patient"} & {name for notice in ward.engine.notices for name in notice.body}


STEPS = st.lists(st.tuples(st.sampled_from(["merge", "unmerge", "dose"]), st.integers(0, 2), st.integers(0, 2)))


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_whatever_is_said_in_whatever_order_each_cause_has_one_alert_that_stands(
    steps: list[tuple[str, int, int]],
) -> None:
    """Three hospitals' patients, merged and unmerged as doses come in; a cause is a person's sum over the level."""
    ward, doses, number = Ward(), dict.fromkeys(range(3), 0.0), 0
    people = [ward.receive(site, n, shots(n, 500.0))[0] for n, site in enumerate(("CHB", "CHP", "CHA"), 1)]
    doses = dict.fromkeys(range(3), 500.0)
    owner = {f"2.25.{n}.1": n - 1 for n in (1, 2, 3)}
    merged: set[frozenset[int]] = set()
    for step, one, other in steps:
        pair = frozenset((one, other))
        if step == "dose":
            number += 1
            owner[f"2.25.{number + 10}.1"] = one
            doses[one] += 700.0
            ward.receive(("CHB", "CHP", "CHA")[one], number + 10, shots(number + 10, 700.0))
        elif len(pair) == 2 and (step == "merge") != (pair in merged):
            merged ^= {pair}
            ask = Merge if step == "merge" else Unmerge
            ward.ask(ask(one=people[one], other=people[other], reason="said"))
    persons = _persons(merged)
    due = [sorted(person) for person in persons if sum(doses[one] for one in person) > 2_000]
    gone = {one["alert_id"] for one in ward.told("alert_withdrawn")}
    stand = [a for a in ward.told("alert_raised") if a["alert_id"] not in gone]
    told = [next(sorted(p) for p in persons if owner[a["irradiation_event_uid"]] in p) for a in stand]
    assert sorted(told) == sorted(due)


def _persons(merged: set[frozenset[int]]) -> list[set[int]]:
    persons = [{0}, {1}, {2}]
    for pair in merged:
        joined = set().union(*(p for p in persons if p & pair))
        persons = [p for p in persons if not p & pair] + [joined]
    return persons


HYBRID = {"name": "ct-of-an-angiography", "kind": "study", "quantity": "dlp_mgycm", "threshold": 1_000}


def test_a_ct_within_an_angiographys_report_is_judged_as_a_ct() -> None:
    """A hybrid room sends one report of its CT and its projections."""
    ward = Ward(RULES | {"body": {"alerts": [ONE, HYBRID | {"modalities": ["CT"]}]}})
    helix = exposure("2.25.1.1", dlp_mgycm=950.0) | {"started_at": "2026-01-05T10:00:00"}
    again = exposure("2.25.1.2", dlp_mgycm=60.0) | {"started_at": "2026-01-05T10:05:00"}
    beam = exposure("2.25.1.3", dap_mgycm2=10.0) | {"modality": "XA", "kind": "PROJECTION"}
    _, study = ward.receive("CHB", 1, replace(dose("2.25.1.9", beam, helix, again), modality="XA"))
    assert ward.standing() == {("acquisition", str(study)), ("ct-of-an-angiography", str(study))}
    assert sorted(one["value"] for one in ward.told("alert_raised")) == [950.0, 1_010.0]


def test_an_angiography_is_not_judged_by_the_ct_within_its_report() -> None:
    ward = Ward(RULES | {"body": {"alerts": [HYBRID | {"modalities": ["XA"]}]}})
    helix = exposure("2.25.1.1", dlp_mgycm=2_000.0)
    beam = exposure("2.25.1.2", dap_mgycm2=10.0) | {"modality": "XA", "kind": "PROJECTION"}
    ward.receive("CHB", 1, replace(dose("2.25.1.9", beam, helix), modality="XA"))
    assert ward.standing() == set()


def test_an_exam_whose_region_was_misread_repeats_none() -> None:
    """What a later reading took the place of counts no more, under whatever event UID it was read."""
    repeat = {"name": "repeated-ct", "kind": "repeat", "threshold": 1, "days": 30}
    ward = Ward(RULES | {"body": {"alerts": [repeat]}})
    _, study = ward.receive("CHB", 1, shots(1, 1.0, region="heart"))
    ward.receive("CHB", 2, shots(2, 1.0, region="heart"))
    assert {kind for kind, _ in ward.standing()} == {"repeated-ct"}
    now = replace(shots(9, 1.0, region="knee"), report_uid="2.25.1.9")
    ward.ask(RereadDose(study=study, site="CHB", received=now, compared=now.report_uid))
    assert ward.standing() == set()


def test_a_corrected_birth_date_raises_and_withdraws_what_goes_by_it(ward: Ward) -> None:
    identity, study = ward.receive("CHB", 1, ct(1, 600.0), stated={"family": "FICTIVE", "birth_date": "1970-01-02"})
    assert ward.standing() == set()
    ward.ask(Correct(identity=identity, stated={"birth_date": "2016-01-02"}, reason="the other century"))
    assert ward.standing() == {("child", str(study))}
    ward.ask(Correct(identity=identity, stated={"birth_date": "1970-01-02"}, reason="as it was"))
    assert (ward.standing(), [one["why"] for one in ward.told("alert_withdrawn")]) == (set(), ["corrected"])


@pytest.mark.parametrize(("one", "other"), [("SRT:T-32000", "SCT:80891009"), ("SCT:818981001", "SRT:T-D4000")])
def test_a_region_is_one_under_the_codes_of_older_and_of_newer_devices(ward: Ward, one: str, other: str) -> None:
    """1.5 and 1 Gy of one heart in one hospital, by two rooms."""
    for number, (code, mgy) in enumerate([(one, 1_500.0), (other, 1_000.0)], 1):
        made = shots(number, mgy, f"2026-01-0{number}T10:00:00", region=f"in the words of device {number}")
        made.exposures[0]["target_region_code"] = code
        ward.receive("CHB", number, made)
    assert [kind for kind, _ in ward.standing()] == ["skin-12-weeks"]


def test_an_unmerge_that_parts_two_others_withdraws_what_they_had_together(ward: Ward) -> None:
    """A bar holds one merge back; the unmerge of others lets it count, and another bar holds back what counted."""
    told = enumerate((("CHB", 10.0), ("CHP", 10.0), ("CHA", 1_500.0), ("CHA", 1_000.0)), 1)
    found = [
        ward.receive(site, n, shots(n, mgy, f"2026-01-{n + 4:02}T10:00:00"), local_id=str(n)) for n, (site, mgy) in told
    ]
    (one, two, three, four), last = (identity for identity, _ in found), found[3][1]
    for left, right in ((one, two), (two, three), (three, four)):
        ward.ask(Merge(one=left, other=right, reason="seen at the desk"))
    for left, right in ((one, three), (two, four)):
        ward.ask(Bar(one=left, other=right, reason="two people"))
    assert ward.standing() == {("skin-12-weeks", str(last))}
    ward.ask(Unmerge(one=one, other=two, reason="two people"))
    assert ward.region.membership().members_of([str(four)]) == [str(four)]
    assert ward.standing() == set()
