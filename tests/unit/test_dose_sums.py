"""Sums over periods, groups and the skin: what each exposure adds, and to what."""

import math
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from krypton.queries.study_doses import picked
from projections.cumulative_dose.distinct import SUMMED, stated_alone, sums
from projections.cumulative_dose.sums import ALWAYS, BY, Period, dated, grouped, skin
from tests.unit.test_cumulative_dose_distinct import carried, stated

FIRST = date(2025, 1, 1)
DAYS = st.integers(0, 400).map(lambda day: f"{FIRST + timedelta(day)}T08:00:00")
KNOWN = st.none() | st.integers(0, 10**7).map(lambda hundredths: hundredths / 100)
ROWS = st.lists(
    st.builds(
        lambda n, **known: carried(f"2.25.{n}", kind="PROJECTION", **known),
        st.uuids().map(int),
        study=st.sampled_from(["2.25.1", "2.25.2"]),
        started_at=st.none() | DAYS,
        modality=st.sampled_from(["XA", "CT"]),
        target_region_code=st.sampled_from([None, "SCT:51185008", "SCT:69536005"]),
        target_region=st.sampled_from([None, "Chest", "Thorax"]),
        **dict.fromkeys(SUMMED, KNOWN),
    ),
    max_size=12,
)


def shot(at: str | None, value: float | None, region: str | None = "SCT:51185008", **more: Any) -> dict[str, Any]:
    told = {"kind": "PROJECTION", "target_region_code": region, "target_region": None}
    return carried(f"e{at}{value}{region}", started_at=at, dose_rp_mgy=value, **more) | told


@settings(max_examples=300)
@given(ROWS, st.sampled_from(BY))
def test_groups_hold_each_exposure_once_and_add_up_to_the_whole(rows: list[dict[str, Any]], by: str) -> None:
    groups, whole = grouped(rows, [], by), sums(rows)
    assert sum(group["exposures"] for group in groups) == len(rows)
    for name in SUMMED:
        known = [group[name] for group in groups if group[name] is not None]
        assert (whole[name] is None) == (not known)
        assert not known or math.isclose(math.fsum(known), whole[name] or 0.0, rel_tol=1e-11, abs_tol=1e-9)


@settings(max_examples=300)
@given(ROWS, st.none() | DAYS, st.none() | DAYS)
def test_a_period_and_a_group_are_sums_of_a_few_lines(
    rows: list[dict[str, Any]], since: str | None, until: str | None
) -> None:
    """Another way to the same numbers: of each year and quantity, of the rows between two days."""
    period = Period(since and since[:10], until and until[:10])
    expected: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        day = date.fromisoformat(row["started_at"][:10]) if row["started_at"] else None
        if (since or until) and day is None:
            continue
        if day and since and day < date.fromisoformat(since[:10]):
            continue
        if day and until and day > date.fromisoformat(until[:10]):
            continue
        for name in SUMMED:
            if row[name] is not None:
                expected[str(day.year) if day else "unknown", name].append(row[name])
    found = grouped([row for row in rows if period.holds(dated(row))], [], "year")
    told = {(g["year"] or "unknown", n): g[n] for g in found for n in SUMMED if g[n] is not None}
    assert told.keys() == expected.keys()
    assert all(math.isclose(told[key], sum(expected[key]), rel_tol=1e-11, abs_tol=1e-9) for key in told)


def test_what_is_not_known_is_a_group_of_its_own_and_comes_last() -> None:
    rows = [shot(None, 1.0, None), shot("2026-01-02T08:00:00", 2.0)]
    assert [(g["region"], g["dose_rp_mgy"]) for g in grouped(rows, [], "region")] == [
        ("sct:51185008", 2.0),
        (None, 1.0),
    ]
    assert [g["year"] for g in grouped(rows, [], "year")] == ["2026", None]


def test_a_total_that_a_report_states_alone_is_in_its_year_and_modality() -> None:
    alone = stated_alone([stated("r1", dap_mgycm2=7.0) | {"reported_at": "2025-03-01T08:00:00"}], [])
    assert [(g["year"], g["exposures"], g["dap_mgycm2"]) for g in grouped([], alone, "year")] == [("2025", 0, 7.0)]
    assert [(g["modality"], g["dap_mgycm2"]) for g in grouped([], alone, "modality")] == [("CT", 7.0)]
    assert not Period(since="2025-03-02").holds(dated(alone[0]))


def test_both_days_of_a_period_are_in_it_and_without_a_bound_what_has_no_date_is_too() -> None:
    period = Period("2026-01-02", "2026-01-03")
    assert [period.holds(f"2026-01-0{day}T23:59:59.9+01:00") for day in (1, 2, 3, 4)] == [False, True, True, False]
    assert (period.holds(None), ALWAYS.holds(None)) == (False, True)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 500)), min_size=1, max_size=12))
def test_the_skins_dose_is_the_greatest_of_all_windows_of_twelve_weeks(told: list[tuple[int, int]]) -> None:
    """By looking at each window that ends with an exposure."""
    rows = [shot(f"{FIRST + timedelta(day)}T08:00:00", float(value)) for day, value in told]
    best = max(sum(value for day, value in told if end - 84 < day <= end) for end, _ in told)
    (found,) = skin(rows)
    assert (found["dose_rp_mgy"], found["window_days"]) == (best, 84)


@pytest.mark.parametrize("at", [date.min, date.max])
def test_the_skins_dose_is_known_on_the_first_and_the_last_day_of_the_calendar(at: date) -> None:
    """Devices that know no day write the first of all."""
    (found,) = skin([shot(at.isoformat(), 5.0)])
    assert (found["dose_rp_mgy"], found["since"], found["undated"]) == (5.0, at.isoformat(), 0)


def test_a_total_at_the_reference_point_that_a_report_states_alone_adds_to_each_regions_skin() -> None:
    """As alerts have it: a report without exposures does not say which skin it was."""
    at = {"reported_at": "2026-01-10T08:00:00"}
    alone = stated_alone([stated("r1", dose_rp_mgy=800.0, dap_mgycm2=5.0) | at], [])
    shots = [shot("2026-01-02T08:00:00", 1_500.0), shot("2026-01-03T08:00:00", 700.0, "SCT:69536005")]
    found = [(one["region"], one["dose_rp_mgy"], one["exposures"], one["until"]) for one in skin(shots, alone)]
    until = at["reported_at"]
    assert found == [("sct:51185008", 2_300.0, 1, until), ("sct:69536005", 1_500.0, 1, until)]
    assert [(one["region"], one["dose_rp_mgy"], one["exposures"]) for one in skin([], alone)] == [(None, 800.0, 0)]
    undated = [one | {"reported_at": None} for one in alone]
    assert [(one["dose_rp_mgy"], one["undated"]) for one in skin([], undated)] == [(None, 1)]


def test_each_regions_skin_is_by_itself_and_an_unknown_region_adds_to_each() -> None:
    rows = [
        shot("2026-01-02T08:00:00", 1_000.0),
        shot("2026-01-03T08:00:00", 700.0, "SCT:69536005"),
        shot("2026-02-01T08:00:00", 50.0, None),
        shot("2026-06-01T08:00:00", 900.0),
    ]
    found = [(one["region"], one["dose_rp_mgy"], one["exposures"]) for one in skin(rows)]
    assert found == [("sct:51185008", 1_050.0, 2), ("sct:69536005", 750.0, 2)]
    assert [one["region"] for one in skin(rows[2:3])] == [None]


@pytest.mark.parametrize(
    "row",
    [
        shot("2026-01-02T08:00:00", None),
        shot("2026-01-02T08:00:00", 3.0) | {"kind": "CT"},
        shot("2026-01-02T08:00:00", 3e9, implausible=["dose_rp_mgy"]),
    ],
    ids=["unknown", "no projection", "implausible"],
)
def test_what_is_no_known_dose_to_the_skin_makes_no_line(row: dict[str, Any]) -> None:
    assert skin([row]) == []


def test_a_dose_without_a_time_is_in_no_window_and_is_told() -> None:
    (found,) = skin([shot(None, 3.0)])
    assert (found["dose_rp_mgy"], found["undated"]) == (None, 1)


def test_a_study_whose_exposures_another_one_stands_for_has_sums_that_are_not_known() -> None:
    """The same events under two study UIDs are shown once; the sums of the other study are null, and all there."""
    row = shot("2026-01-02T08:00:00", 5.0)
    reports = [{"study": name, "study_uid": uid} for name, uid in (("a", row["study_uid"]), ("b", "2.25.77"))]
    found: dict[str, Any] = {"patient": {}, "exposures": [row], "stated_alone": [], "alerts": [], "reports": reports}
    found["sums"] = {"study": grouped([row], [], "study")}
    one, other = (picked(found, study)["sums"] for study in ("a", "b"))
    assert (one["dose_rp_mgy"], one.keys()) == (5.0, other.keys())
    assert set(other.values()) == {None}
