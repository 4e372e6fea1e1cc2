"""Causes of alerts over several studies: a level is passed once, however the studies come in."""

from datetime import datetime, timedelta
from itertools import pairwise
from math import fsum
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.dose_alerts import AlertRule
from domain.dose_causes import Shot, causes

START = datetime.fromisoformat("2026-01-05T08:00:00")
WINDOW = AlertRule("within-12-weeks", "window", "dose_rp_mgy", 2_000.0, 84)
SKIN = AlertRule("skin-12-weeks", "skin", "dose_rp_mgy", 2_000.0, 84, modalities=("XA",))
REPEAT = AlertRule("repeated-ct", "repeat", "exams", 2.0, 30, modalities=("CT",))


def shot(study: str, day: float, mgy: float = 1.0, region: str | None = "heart", modality: str = "XA") -> Shot:
    return Shot(START + timedelta(days=day), study, study, f"{study}.1", f"{study}.2", mgy, modality, region)


def told(rule: AlertRule, *shots: Shot) -> list[tuple[str, float, list[str]]]:
    return [(one.first.study, one.value, sorted(one.studies)) for one in causes(shots, rule)]


def test_doses_of_several_studies_pass_the_level_together() -> None:
    shots = shot("a", 0, 900), shot("b", 20, 900), shot("c", 40, 900)
    assert told(WINDOW, *shots) == [("c", 2_700.0, ["a", "b", "c"])]


def test_a_sum_equal_to_the_level_is_not_over_it() -> None:
    assert told(WINDOW, shot("a", 0, 1_000), shot("b", 1, 1_000)) == []


def test_tenths_that_binary_fractions_do_not_hold_add_up_to_the_level_and_no_further() -> None:
    rule = AlertRule("w", "window", "dlp_mgycm", 0.3, 84)
    assert told(rule, shot("a", 0, 0.1), shot("b", 1, 0.2)) == []


def test_what_lies_a_whole_window_back_does_not_count() -> None:
    assert told(WINDOW, shot("a", 0, 1_500), shot("b", 84, 1_500)) == []
    assert told(WINDOW, shot("a", 0, 1_500), shot("b", 83.9, 1_500)) == [("b", 3_000.0, ["a", "b"])]


def test_windows_at_both_ends_of_the_calendar_hold_what_is_in_them() -> None:
    """Devices that know no day write the first of all; a window before it has no beginning."""
    first, last = shot("a", 0, 2_500), shot("b", 0, 2_500)
    ends = first._replace(at=datetime(1, 1, 1)), last._replace(at=datetime(9999, 12, 31))  # noqa: DTZ001
    expected = [("a", 2_500.0, ["a"]), ("b", 2_500.0, ["b"])]
    assert told(WINDOW, *ends) == expected
    assert told(AlertRule("ever", "window", "dose_rp_mgy", 2_000.0, 10**8), *ends) == [("a", 5_000.0, ["a", "b"])]


def test_more_that_comes_within_the_window_is_the_same_cause_and_later_is_another() -> None:
    shots = shot("a", 0, 2_500), shot("b", 30, 100), shot("c", 300, 2_500)
    assert told(WINDOW, *shots) == [("a", 2_600.0, ["a", "b"]), ("c", 2_500.0, ["c"])]


def test_what_comes_between_two_passings_of_one_cause_adds_to_it() -> None:
    """Over on day 10, not on day 90, over again on day 91: less than a window after the first."""
    shots = shot("a", 0, 1_500), shot("b", 10, 600), shot("c", 90, 500), shot("d", 91, 1_000)
    assert told(WINDOW, *shots) == [("b", 2_100.0, ["a", "b", "c", "d"])]


def test_skin_adds_up_each_region_by_itself() -> None:
    assert told(SKIN, shot("a", 0, 1_500, "heart"), shot("b", 1, 1_500, "liver")) == []
    assert told(SKIN, shot("a", 0, 1_500, "heart"), shot("b", 1, 1_500, "heart")) == [("b", 3_000.0, ["a", "b"])]


def test_an_unknown_region_counts_with_each() -> None:
    """Too many alerts are looked at; too few are not."""
    assert told(SKIN, shot("a", 0, 1_500, None), shot("b", 1, 1_500, "liver")) == [("b", 3_000.0, ["a", "b"])]
    assert told(SKIN, shot("a", 0, 1_500, None), shot("b", 1, 1_500, None)) == [("b", 3_000.0, ["a", "b"])]


def test_other_modalities_do_not_count() -> None:
    assert told(SKIN, shot("a", 0, 1_500), shot("b", 1, 1_500, modality="CT")) == []


def test_repeated_exams_are_studies_of_one_modality_and_region_and_each_counts_once() -> None:
    def exams(*regions: str | None) -> list[Shot]:
        return [shot(f"s{n}", n, 5, region, "CT") for n, region in enumerate(regions)]

    assert told(REPEAT, *exams("chest", "chest")) == []
    assert told(REPEAT, *exams("chest", "chest", "head", None)) == []
    assert told(REPEAT, *exams("chest", "head", "chest", "chest")) == [("s3", 3.0, ["s0", "s2", "s3"])]
    twice = shot("s0", 0.1, 5, "chest", "CT")._replace(event="s0.9")
    assert told(REPEAT, *exams("chest", "chest"), twice) == []


SHOTS = st.lists(
    st.tuples(st.integers(0, 300), st.sampled_from([100.0, 700.0, 1_900.0, 2_100.0])), min_size=1, max_size=12
)


@given(SHOTS, st.randoms())
def test_any_order_finds_the_same_causes_and_each_is_over_and_apart(
    parts: list[tuple[int, float]], chance: Any
) -> None:
    shots = [shot(f"s{n:02}", day, mgy) for n, (day, mgy) in enumerate(parts)]
    other = list(shots)
    chance.shuffle(other)
    found = causes(shots, WINDOW)
    assert causes(other, WINDOW) == found

    def over(one: Shot) -> bool:
        since = one.at - timedelta(days=84)
        return fsum(s.value for s in shots if (since < s.at <= one.at and sorted([s, one])[0] is s) or s is one) > 2_000

    passing = [one for one in sorted(shots) if over(one)]
    later = [one for before, one in pairwise(passing) if one.at - before.at >= timedelta(84)]
    starts = [*passing[:1], *later]
    assert [cause.first for cause in found] == starts, "each cause begins where the sum passes the level"
    assert {one.key for one in passing} <= {key for cause in found for key in cause.keys}
