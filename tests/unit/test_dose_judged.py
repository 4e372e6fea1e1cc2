"""After a change of thresholds: what is newly due on a study is raised once, under the version that says so."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands.doses import AcknowledgeAlert, JudgeDose, ReceivedDose
from domain.commands.rules import PublishRules
from domain.commands.views import Promoted, RolledBack
from domain.errors import NotFound
from domain.rules.document import document
from domain.work import Envelope
from tests.fakes.region import Region, dose, exposure
from tests.unit.refusals_of_rules import ALERTS


@pytest.fixture
def region() -> Region:
    """``dose-alerts@2``, over 1,500 mGy, is published and not in force."""
    made = Region()
    made.ask(PublishRules(document=document(ALERTS)))
    made.start = made.head()
    return made


def receive(region: Region, *reports: ReceivedDose) -> UUID:
    return UUID(region.receive(doses=reports).result["study"])


def promote(region: Region) -> None:
    region.ask(Promoted(view="cumulative_dose", version=2, former=1, rules={"dose-alerts": 2}))


def raised(region: Region) -> list[tuple[str, float, float, str, int]]:
    names = ("kind", "value", "threshold", "report_uid", "rule_version")
    found: list[Any] = [tuple(e.data[n] for n in names) for e in region.history() if e.type == "dose.alert_raised"]
    return found


def fluoroscopy(report_uid: str, event: str, value: float, /, qa: bool = False, **totals: float) -> ReceivedDose:
    return dose(report_uid, exposure(event, dose_rp_mgy=value), qa=qa, **totals)


def test_a_dose_between_two_levels_is_raised_once_under_the_new_version(region: Region) -> None:
    study = receive(region, fluoroscopy("2.25.5", "2.25.51", 1_800.0))
    promote(region)
    assert region.ask(JudgeDose(study=study)).result["alerts"] == 1
    assert region.ask(JudgeDose(study=study)).result["alerts"] == 0
    assert raised(region) == [("dose_rp_mgy_over", 1_800.0, 1_500.0, "2.25.5", 2)]


def test_published_rules_that_no_view_was_promoted_with_raise_nothing(region: Region) -> None:
    study = receive(region, fluoroscopy("2.25.5", "2.25.51", 1_800.0))
    answer = region.ask(JudgeDose(study=study))
    assert (answer.positions, answer.result["alerts"]) == ((), 0)


def test_what_came_in_after_the_promotion_is_judged_as_it_comes(region: Region) -> None:
    promote(region)
    receive(region, fluoroscopy("2.25.5", "2.25.51", 1_800.0))
    assert raised(region) == [("dose_rp_mgy_over", 1_800.0, 1_500.0, "2.25.5", 2)]


def test_an_alert_that_was_raised_or_acknowledged_under_other_rules_stands(region: Region) -> None:
    """Nobody is called a second time for the same study and kind."""
    study = receive(region, fluoroscopy("2.25.5", "2.25.51", 2_500.0))
    alert = UUID(next(e.data["alert_id"] for e in region.history() if e.type == "dose.alert_raised"))
    region.ask(AcknowledgeAlert(study=study, alert=alert, note="skin checked"))
    promote(region)
    assert region.ask(JudgeDose(study=study)).positions == ()
    assert raised(region) == [("dose_rp_mgy_over", 2_500.0, 2_000.0, "2.25.5", 1)]


def test_an_alert_that_is_no_longer_due_stands(region: Region) -> None:
    promote(region)
    study = receive(region, fluoroscopy("2.25.5", "2.25.51", 1_800.0))
    region.ask(RolledBack(view="cumulative_dose", version=1, former=2, rules={"dose-alerts": 1}))
    assert region.ask(JudgeDose(study=study)).positions == ()
    assert [version for *_, version in raised(region)] == [2]


def test_the_parts_of_an_intervention_count_together_and_a_repeated_exposure_once(region: Region) -> None:
    first = fluoroscopy("2.25.5", "2.25.51", 900.0)
    again = dose("2.25.6", exposure("2.25.51", dose_rp_mgy=900.0), exposure("2.25.61", dose_rp_mgy=500.0))
    study = receive(region, first, again)
    promote(region)
    assert region.ask(JudgeDose(study=study)).result["alerts"] == 0, "1,400 of 1,500"
    receive(region, fluoroscopy("2.25.7", "2.25.71", 200.0))
    assert raised(region) == [("dose_rp_mgy_over", 1_600.0, 1_500.0, "2.25.7", 2)]


def test_a_total_that_a_report_states_counts_and_its_report_is_named(region: Region) -> None:
    """As it does when the report comes in, though a later report is the last."""
    stated = fluoroscopy("2.25.5", "2.25.51", 100.0, dose_rp_mgy=1_700.0)
    study = receive(region, stated, fluoroscopy("2.25.6", "2.25.61", 10.0, dose_rp_mgy=20.0))
    promote(region)
    region.ask(JudgeDose(study=study))
    assert raised(region) == [("dose_rp_mgy_over", 1_700.0, 1_500.0, "2.25.5", 2)]


def test_what_words_call_a_test_of_the_device_is_judged_as_any_dose(region: Region) -> None:
    study = receive(region, fluoroscopy("2.25.5", "2.25.51", 1_800.0, qa=True))
    promote(region)
    region.ask(JudgeDose(study=study))
    assert raised(region) == [("dose_rp_mgy_over", 1_800.0, 1_500.0, "2.25.5", 2)]


def test_a_value_equal_to_the_new_level_is_not_over_it(region: Region) -> None:
    study = receive(region, fluoroscopy("2.25.5", "2.25.51", 1_500.0))
    promote(region)
    assert region.ask(JudgeDose(study=study)).positions == ()


def test_an_unknown_dose_is_not_judged(region: Region) -> None:
    study = receive(region, dose("2.25.5", exposure("2.25.51")))
    promote(region)
    assert region.ask(JudgeDose(study=study)).positions == ()


def test_a_study_without_a_dose_is_not_found(region: Region) -> None:
    study = UUID(region.receive().result["study"])
    assert type(region.refusal(JudgeDose(study=study))) is NotFound


def test_many_studies_are_judged_in_one_transaction(region: Region) -> None:
    studies = [
        UUID(
            region.receive(study_uid=f"2.25.{n}", doses=(fluoroscopy(f"2.25.{n}.5", f"2.25.{n}.51", 1_800.0),)).result[
                "study"
            ]
        )
        for n in range(1, 4)
    ]
    promote(region)
    answers = region.execute_many([(JudgeDose(study=study), Envelope()) for study in studies])
    assert [len(answer.positions) for answer in answers if not isinstance(answer, Exception)] == [1, 1, 1]


EVENTS = st.dictionaries(st.sampled_from(["2.25.91", "2.25.92", "2.25.93"]), st.floats(0, 2_500), min_size=1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(EVENTS, st.none() | st.floats(0, 2_500), st.booleans()), min_size=1, max_size=5))
def test_under_unchanged_rules_nothing_is_due_that_was_not_raised_as_it_came(
    told: list[tuple[dict[str, float], float | None, bool]],
) -> None:
    """Whatever reports repeat, continue or state, tests of the device among them."""
    region = Region()
    for number, (exposures, stated, qa) in enumerate(told):
        parts = [exposure(uid, dose_rp_mgy=value) for uid, value in exposures.items()]
        study = receive(region, dose(f"2.25.{number}", *parts, qa=qa, dose_rp_mgy=stated))
    assert region.ask(JudgeDose(study=study)).positions == ()
