"""Findings: a device's practice beside the level of the text. DRL case 2, and what is in no group."""

import random
from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

import pytest

from domain.dose_findings import findings
from domain.dose_flags import Comparison
from domain.dose_levels import MEDIAN, Level, ReferenceLevels
from tests.unit.test_dose_flags import SHIPPED, chest, row

DAY_2011, DAY_2019 = "2015-06-01", "2025-06-01"


def shots(
    values: Sequence[float | None], day: str | None = DAY_2011, device: str = "R1", **told: Any
) -> list[dict[str, Any]]:
    """An exposure of another person for each value."""
    return [chest(value, device=device, day=day, identity=f"p{n}") | told for n, value in enumerate(values)]


def found(rows: list[dict[str, Any]], same: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    people = same or {}
    return list(findings(rows, SHIPPED, lambda one: people.get(one, one))["findings"])


def said(rows: list[dict[str, Any]], same: Mapping[str, str] | None = None) -> dict[str, str]:
    return {f"{one['side']} {one['rule']}": one["said"] for one in found(rows, same)}


SKEWED = [210.0] * 20 + [100.0] * 10
"""Mean 173.3, median 210."""


def test_thirty_adults_with_a_mean_under_250_and_a_median_over_200_are_a_finding_of_2019_alone() -> None:
    """Case 2."""
    told = {"at_exam reference-levels@2011": "not over the level", "now reference-levels@2019": "over the level"}
    assert said(shots(SKEWED)) == told
    old, new = found(shots(SKEWED))
    assert (old["statistic"], old["value"], old["nrd"]) == ("mean", 173.333333333, 250.0)
    assert (new["statistic"], new["value"], new["nrd"], new["guide"]) == ("median", 210.0, 200.0, 150.0)
    assert (new["persons"], new["needed"], new["device"], new["act"]) == (30, 30, "R1", "Chest PA")


def test_twenty_nine_adults_are_no_finding_at_all_and_that_is_said() -> None:
    """Case 2."""
    groups = found(shots([900.0] * 29))
    assert {(one["said"], one["value"], one["over"]) for one in groups} == {("group too small (29 of 30)", None, None)}


def test_a_group_is_of_persons_and_not_of_exposures() -> None:
    same = {f"p{n}": f"p{n // 2}" for n in range(60)}
    assert {one["persons"] for one in found(shots([300.0] * 60), same)} == {30}
    assert "group too small (29 of 30)" in said(shots([300.0] * 58), same).values()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (200.0, "not over the level"),
        (200.1, "over the level"),
        (150.0, "not over the level"),
        (149.9, "under the guide value"),
    ],
)
def test_over_and_under_are_strict(value: float, expected: str) -> None:
    assert said(shots([value] * 30, DAY_2019)) == {
        "at_exam reference-levels@2019": expected,
        "now reference-levels@2019": expected,
    }


def test_exams_of_two_texts_are_grouped_apart_by_their_day_and_together_by_today() -> None:
    later = [{**one, "identity": f"q{one['identity']}"} for one in shots([300.0] * 30, DAY_2019)]
    told = {(one["side"], one["rule"]): (one["persons"], one["over"]) for one in found(shots([240.0] * 30) + later)}
    assert told == {
        ("at_exam", "reference-levels@2011"): (30, False),
        ("at_exam", "reference-levels@2019"): (30, True),
        ("now", "reference-levels@2019"): (60, True),
    }


def test_devices_and_populations_are_groups_of_their_own() -> None:
    child: dict[str, Any] = {"population": "child", "patient": {"weight_kg": 19.0}}
    rows = shots([300.0] * 30) + shots([300.0] * 30, device="R2") + shots([60.0] * 30, **child)
    told = {(one["device"], one["population"], one["weight_kg"]) for one in found(rows) if one["side"] == "at_exam"}
    assert told == {("R1", "adult", None), ("R2", "adult", None), ("R1", "child", 20)}


def test_thirty_children_of_a_weight_are_over_the_level_of_that_weight() -> None:
    rows = shots([60.0] * 30, population="child", patient={"weight_kg": 19.0})
    assert said(rows) == {"at_exam reference-levels@2011": "over the level"}
    few = shots([60.0] * 29, population="child", patient={"weight_kg": 19.0})
    assert said(few) == {"at_exam reference-levels@2011": "group too small (29 of 30)"}


@pytest.mark.parametrize(("children", "told"), [(9, "group too small (9 of 10)"), (10, "over the level")])
def test_ten_children_are_a_group_where_the_text_says_so(children: int, told: str) -> None:
    """As since 2019, whose table of children is to be loaded; by the median: the mean of these is under the level."""
    level = Level("Chest PA", "DX", "child", "dap_mgycm2", 50.0, "mGy.cm2", weight_kg=20)
    text = ReferenceLevels(2026, (level,), statistic=MEDIAN, children=10)
    compared = Comparison(SHIPPED.mapping, lambda _: text, SHIPPED.today)
    values = [51.0] * 6 + [1.0] * (children - 6)
    rows = shots(values, DAY_2019, population="child", patient={"weight_kg": 19.0})
    assert {one["said"] for one in findings(rows, compared, str)["findings"]} == {told}


def test_what_is_in_no_group_is_counted_with_why() -> None:
    rows = shots([300.0] * 2, population=None) + shots([300.0], protocol="Thorax") + shots([300.0] * 3)
    rows += [row(protocol="THORAX AP", dap_mgycm2=1.0, device="R1", day=DAY_2011, identity="x")]
    rows += [{**one, "device": None} for one in shots([900.0] * 40)]
    told = findings(rows, SHIPPED, str)
    assert [(one["device"], one["why"], one["exposures"]) for one in told["not_compared"]] == [
        ("R1", "adult or child is not known", 2),
        ("R1", "no level is in force", 1),
        ("R1", "unmapped", 1),
        (None, "the device is not known", 40),
    ]
    assert {one["persons"] for one in told["findings"]} == {3}


def test_an_unknown_dose_is_in_no_mean_and_no_median() -> None:
    with_unknown = shots([*[300.0] * 30, None])
    assert [one["value"] for one in found(with_unknown)] == [300.0, 300.0]
    assert {one["exposures"] for one in found(with_unknown)} == {30}


def test_figures_equal_those_computed_apart() -> None:
    values = random.Random(7).choices([float(n) for n in range(50, 400)], k=101)
    old, new = found(shots(values))
    assert old["value"] == pytest.approx(fmean(values))
    assert new["value"] == median(values)
