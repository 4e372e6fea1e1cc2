"""Doses: each report once, each alert once, and what supersedes what. Numbered cases are of the dose case list."""

from dataclasses import replace
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregates.dose import Dose
from domain.commands.directory import Affiliate
from domain.commands.doses import AcceptValues, AcknowledgeAlert, ReceivedDose
from domain.dose_alerts import QUANTITIES, AlertRules, total
from domain.dose_judging import due_in_study
from domain.errors import AlertOfAnotherSite, AlertUnchanged, NoExposure, NotFound, ReportKnown
from domain.rules.plausible import BUILT_IN
from tests.fakes.region import CLINICIAN, RADIOLOGIST, Region, dose, exposure, received

STUDY, IDENTITY = UUID(int=1), UUID(int=2)


@pytest.fixture
def region() -> Region:
    return Region()


def receive(region: Region, *reports: ReceivedDose) -> UUID:
    """A batch with these dose reports; the study's id."""
    return UUID(region.receive(doses=reports).result["study"])


def raised(region: Region) -> list[dict[str, Any]]:
    """The alerts raised so far."""
    return [e.data for e in region.history() if e.type == "dose.alert_raised"]


# Reports


def test_the_first_report_opens_the_studys_dose(region: Region) -> None:
    """Under the study's key, so that all of a study meets in one partition."""
    study = receive(region, dose("2.25.5", exposure("2.25.51", dlp_mgycm=7.46)))
    assert region.types()[-2:] == ["dose.opened", "dose.reported"]
    assert region.history()[-1].data["study_id"] == str(study)
    assert region.history()[-1].data["exposures"][0]["dlp_mgycm"] == 7.46


def test_case_4_the_same_report_again_is_no_second_report(region: Region) -> None:
    """And the batch that repeats it says how many were new."""
    report = dose("2.25.5", exposure("2.25.51"))
    receive(region, report)
    assert region.receive(doses=(report,)).result["dose_reports"] == 0
    assert region.types().count("dose.reported") == 1


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_each_quantity_has_a_bound_above_which_it_is_implausible(region: Region, quantity: str) -> None:
    """Of an irradiation event and of a total alike; at the bound it is still believed."""
    bound = getattr(BUILT_IN, quantity)
    exposures = exposure("2.25.51", **{quantity: bound}), exposure("2.25.52", **{quantity: bound * 1.01})
    receive(region, dose("2.25.5", *exposures, **{quantity: bound * 1.01}))
    (told,) = (e.data for e in region.history() if e.type == "dose.reported")
    assert [one["implausible"] for one in told["exposures"]] == [[], [quantity]]
    assert told["implausible"] == [quantity]


def test_the_aggregate_refuses_a_report_that_it_has() -> None:
    """D1."""
    under_test = Dose(uuid4(), STUDY, IDENTITY, "2.25.1")
    report = vars(dose("2.25.5", exposure("2.25.51")))
    under_test.report(site="CHB", **report)
    with pytest.raises(ReportKnown, match=r"dose report 2\.25\.5 is recorded already"):
        under_test.report(site="CHB", **report)


def test_a_report_without_an_exposure_is_refused(region: Region) -> None:
    """D2: no dose of zero is invented from it (case 5)."""
    assert type(region.refusal(received(doses=(dose("2.25.5"),)))) is NoExposure


def test_a_report_of_accumulated_dose_alone_is_recorded_with_what_it_states(region: Region) -> None:
    """D2: counted as a dose report, as Enhanced and Comprehensive SR with dose are; and looked at."""
    answer = region.receive(doses=(dose("2.25.5", dose_rp_mgy=2_500.0),))
    (told,) = [e.data for e in region.history() if e.type == "dose.reported"]
    assert (answer.result["dose_reports"], told["exposures"], told["totals"]) == (1, [], {"dose_rp_mgy": 2_500.0})
    assert [a["value"] for a in raised(region)] == [2_500.0]


def test_a_report_whose_totals_are_not_known_tells_nothing(region: Region) -> None:
    """D2: stated without a value, or in a unit that nobody knows."""
    assert type(region.refusal(received(doses=(dose("2.25.5", dlp_mgycm=None),)))) is NoExposure


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_a_report_of_accumulated_dose_supersedes_none_and_stands(region: Region, order: tuple[int, ...]) -> None:
    """Nothing says whose exposures it adds up."""
    reports = [dose("2.25.5", dlp_mgycm=7.0), dose("2.25.6", dlp_mgycm=9.0), dose("2.25.7", exposure("2.25.91"))]
    for place in order:
        receive(region, reports[place])
    assert "dose.superseded" not in region.types()


UIDS = ("2.25.91", "2.25.92", "2.25.93")
CUMULATIVE = [dose(f"2.25.{n}", *(exposure(uid) for uid in UIDS[:n])) for n in (1, 2, 3)]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_case_1_of_cumulative_reports_the_fullest_stands_in_whatever_order_they_come(
    region: Region, order: tuple[int, ...]
) -> None:
    """The others are superseded, each once."""
    for place in order:
        receive(region, CUMULATIVE[place])
    superseded = [e.data["report_uid"] for e in region.history() if e.type == "dose.superseded"]
    assert sorted(superseded) == ["2.25.1", "2.25.2"]


def test_case_2_continued_reports_both_stand(region: Region) -> None:
    """Disjoint irradiation events."""
    receive(region, dose("2.25.1", exposure("2.25.91")), dose("2.25.2", exposure("2.25.92")))
    assert "dose.superseded" not in region.types()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.frozensets(st.sampled_from(UIDS), min_size=1), min_size=1, max_size=6), st.randoms())
def test_the_standing_reports_hold_every_exposure_whatever_comes_when(
    contents: list[frozenset[str]], chance: Any
) -> None:
    """Superseding loses nothing, and leaves no report whose events are all in another standing one."""
    reports = [(f"2.25.{n}", events) for n, events in enumerate(contents)]
    chance.shuffle(reports)
    under_test = Dose(uuid4(), STUDY, IDENTITY, "2.25.1")
    for uid, events in reports:
        under_test.report(site="CHB", **vars(dose(uid, *(exposure(e) for e in sorted(events)))))
    standing = {uid: events for uid, events in reports if uid not in under_test.reports.superseded}
    assert frozenset().union(*standing.values()) == frozenset().union(*contents)
    assert not [a for a in standing for b in standing if a != b and standing[a] <= standing[b]]


# Alerts


def test_case_6_fluoroscopy_over_two_gray_and_over_the_dose_area_product_is_alerted(region: Region) -> None:
    """7.689 Gy at the reference point and 468,810 mGy·cm² in one study."""
    receive(region, dose("2.25.5", exposure("2.25.51"), dose_rp_mgy=7689.0, dap_mgycm2=468_810.0))
    assert [(a["kind"], a["value"], a["threshold"]) for a in raised(region)] == [
        ("dose_rp_mgy_over", 7689.0, 2000.0),
        ("dap_mgycm2_over", 468_810.0, 200_000.0),
    ]


@pytest.mark.parametrize(("quantity", "level"), [("dose_rp_mgy", 2000.0), ("dap_mgycm2", 200_000.0)])
def test_a_value_equal_to_its_level_is_not_over_it(region: Region, quantity: str, level: float) -> None:
    """The next value up is."""
    equal: dict[str, Any] = {quantity: level}
    over: dict[str, Any] = {quantity: level + 0.001}
    receive(region, dose("2.25.5", exposure("2.25.51"), **equal))
    assert raised(region) == []
    receive(region, dose("2.25.6", exposure("2.25.61"), **over))
    assert [a["quantity"] for a in raised(region)] == [quantity]


def test_the_larger_of_stated_total_and_sum_of_exposures_counts(region: Region) -> None:
    """They differ in real files: neither hides the other."""
    two = [exposure(f"2.25.5{n}", dose_rp_mgy=1_500.0) for n in (1, 2)]
    receive(region, dose("2.25.5", *two, dose_rp_mgy=10.0))
    assert [a["value"] for a in raised(region)] == [3_000.0]


def test_an_exposure_whose_dose_is_not_known_is_not_zero(region: Region) -> None:
    """A sum over nothing known is not known."""
    assert total([exposure("2.25.1"), exposure("2.25.2")], "dlp_mgycm") is None
    assert total([exposure("2.25.1", dlp_mgycm=0.0), exposure("2.25.2")], "dlp_mgycm") == 0.0


def test_case_7_the_alert_levels_that_the_site_set_on_its_device_are_looked_at(region: Region) -> None:
    """Both exposures over the DLP level, the second over the CTDIvol level too."""
    first = exposure("2.25.51", check_dlp_mgycm=100.0, forward_dlp_mgycm=251.2)
    second = exposure(
        "2.25.52",
        check_dlp_mgycm=100.0,
        forward_dlp_mgycm=502.4,
        check_ctdivol_mgy=10.0,
        forward_ctdivol_mgy=10.6,
    )
    receive(region, dose("2.25.5", first, second))
    assert [(a["kind"], a["irradiation_event_uid"], a["value"]) for a in raised(region)] == [
        ("dlp_mgycm_device_check", "2.25.51", 251.2),
        ("dlp_mgycm_device_check", "2.25.52", 502.4),
        ("ctdivol_mgy_device_check", "2.25.52", 10.6),
    ]


@pytest.mark.parametrize("quantity", ["dlp_mgycm", "ctdivol_mgy"])
def test_a_forward_estimate_equal_to_the_devices_level_is_not_over_it(region: Region, quantity: str) -> None:
    """Strict here too."""
    equal: dict[str, float | None] = {f"check_{quantity}": 100.0, f"forward_{quantity}": 100.0}
    receive(region, dose("2.25.5", exposure("2.25.51", **equal)))
    assert raised(region) == []


@pytest.mark.parametrize(("check", "forward"), [(None, 500.0), (100.0, None), (None, None)])
def test_a_device_without_a_level_or_an_estimate_alerts_nobody(
    region: Region, check: float | None, forward: float | None
) -> None:
    """Not configured is not zero."""
    receive(region, dose("2.25.5", exposure("2.25.51", check_dlp_mgycm=check, forward_dlp_mgycm=forward)))
    assert raised(region) == []


def test_an_alert_is_raised_once_however_many_reports_repeat_it(region: Region) -> None:
    """D3: per study, kind and irradiation event."""
    over = exposure("2.25.51", check_dlp_mgycm=100.0, forward_dlp_mgycm=251.2)
    receive(region, dose("2.25.5", over, dose_rp_mgy=2_500.0))
    receive(region, dose("2.25.6", over, exposure("2.25.52"), dose_rp_mgy=2_600.0))
    assert [a["kind"] for a in raised(region)] == ["dose_rp_mgy_over", "dlp_mgycm_device_check"]


def test_an_intervention_reported_in_parts_is_over_a_level_when_its_parts_together_are(region: Region) -> None:
    """A device that closes its report half-way must not hide 3 Gy in two halves of 1.5."""
    receive(region, dose("2.25.5", exposure("2.25.51", dose_rp_mgy=1_500.0)))
    assert raised(region) == []
    receive(region, dose("2.25.6", exposure("2.25.52", dose_rp_mgy=1_500.0)))
    assert [(a["kind"], a["value"]) for a in raised(region)] == [("dose_rp_mgy_over", 3_000.0)]


def test_an_exposure_that_two_reports_hold_is_looked_at_once(region: Region) -> None:
    """A cumulative report repeats what came before: that is no second exposure."""
    first = exposure("2.25.51", dose_rp_mgy=1_500.0)
    receive(region, dose("2.25.5", first))
    receive(region, dose("2.25.6", first, exposure("2.25.52", dose_rp_mgy=400.0)))
    assert raised(region) == []


def test_a_report_that_words_call_a_test_of_the_device_alerts_all_the_same(region: Region) -> None:
    """They may be a patient's name, or complaint: 9 Gy are looked at by a person."""
    receive(region, dose("2.25.5", exposure("2.25.51"), dose_rp_mgy=9_000.0, qa=True))
    assert [a["value"] for a in raised(region)] == [9_000.0]


def test_an_alert_names_the_rules_that_made_it(region: Region) -> None:
    """And their version: rules are data."""
    held = Dose(uuid4(), STUDY, IDENTITY, "2.25.1")
    held.report(site="CHB", **vars(dose("2.25.5", exposure("2.25.51"), dose_rp_mgy=1_500.0)))
    rule = AlertRules(version=4, dose_rp_mgy=1_000.0).rules["dose_rp_mgy_over"]
    (found,) = due_in_study(held, rule, 4)
    assert (found["rule"], found["rule_version"], found["threshold"]) == ("dose-alerts", 4, 1_000.0)


def acknowledge(study: UUID, alert: str) -> AcknowledgeAlert:
    return AcknowledgeAlert(study=study, alert=UUID(alert), note="seen, skin checked")


def test_an_alert_is_acknowledged_once(region: Region) -> None:
    """D3: with what was done."""
    study = receive(region, dose("2.25.5", exposure("2.25.51"), dose_rp_mgy=2_500.0))
    alert = raised(region)[0]["alert_id"]
    region.ask(acknowledge(study, alert))
    assert region.history()[-1].data["note"] == "seen, skin checked"
    assert type(region.refusal(acknowledge(study, alert))) is AlertUnchanged


def test_an_alert_that_nobody_raised_is_not_acknowledged(region: Region) -> None:
    """D3; and a study without a dose is not found."""
    study = receive(region, dose("2.25.5", exposure("2.25.51")))
    assert type(region.refusal(acknowledge(study, str(uuid4())))) is AlertUnchanged
    assert type(region.refusal(acknowledge(uuid4(), str(uuid4())))) is NotFound


def test_values_of_a_study_that_is_not_known_are_refused_by_the_id_that_was_typed(region: Region) -> None:
    study = uuid4()
    refused = region.refusal(AcceptValues(study=study, report_uid="1.2.3", note="it was so"))
    assert (type(refused), str(study) in str(refused)) == (NotFound, True)


def test_who_works_where_an_alert_is_acknowledges_it(region: Region) -> None:
    """D8: CHB made the study; the other professional works elsewhere."""
    study = receive(region, dose("2.25.1", exposure("2.25.91", dose_rp_mgy=2_500.0)))
    command = acknowledge(study, raised(region)[0]["alert_id"])
    assert type(region.refusal(replace(command, by=RADIOLOGIST))) is AlertOfAnotherSite
    region.ask(Affiliate(rpps=CLINICIAN, site="CHB"))
    region.ask(replace(command, by=CLINICIAN))
    assert region.types()[-1] == "dose.alert_acknowledged"


def test_the_end_of_an_alert_that_does_not_name_its_establishment_is_told_to_that_of_its_report() -> None:
    """As version 1 of the event was, which stated no site."""
    held = Dose(id=uuid4(), study_id=uuid4(), identity_id=uuid4(), study_uid="2.25.1")
    told: dict[str, Any] = {"device": {}, "totals": {}, "not_understood": [], "modality": "XA", "qa": False}
    for number, site in enumerate(("CHA", "CHB"), 1):
        shots = [exposure(f"2.25.{number}.1", dose_rp_mgy=1_500.0)]
        held.report(report_uid=f"2.25.{number}", site=site, reported_at=None, exposures=shots, **told)
    level: dict[str, Any] = {"quantity": "dose_rp_mgy", "value": 3_000.0, "threshold": 2_000.0}
    of_before: dict[str, Any] = {"rule": "dose-alerts", "rule_version": 1, "rule_kind": "", "site": ""}
    held.raise_alert(kind="dose_rp_mgy_over", irradiation_event_uid=None, report_uid="2.25.2", **level, **of_before)
    (alert,) = held.alerts
    held.withdraw_alert(alert, "corrected")
    end: Any = held.pending_events[-1]
    assert (end.site, held.sites_of_alert(alert)) == ("CHB", {"CHB"})


@pytest.mark.parametrize("quantity", ["ssde_mgy", "entrance_dose_mgy"])
def test_a_size_specific_or_entrance_dose_beyond_reason_is_flagged_as_well(region: Region, quantity: str) -> None:
    """Though it is in no total."""
    receive(region, dose("1.9.1", exposure("1.8.1", **{quantity: 2e6, "dlp_mgycm": 3.0})))
    (told,) = (e.data for e in region.history() if e.type == "dose.reported")
    assert [one["implausible"] for one in told["exposures"]] == [[quantity]]
