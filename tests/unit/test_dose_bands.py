"""Adult or child, and which bands of age and weight: as the exposure was made, and unknown where nobody says."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.dose_bands import (
    ADULT,
    AGES,
    CHILD,
    UNKNOWN,
    WEIGHTS,
    Band,
    as_of_birth,
    band,
    birth_date_of,
    of_birth,
)

AT = "2026-03-01T08:00:00"


@pytest.mark.parametrize(
    ("birth_date", "expected"),
    [
        ("2008-03-01", Band(ADULT)),  # the very birthday
        ("2008-03-02", Band(CHILD, "14-<18 years")),
        ("2026-03-01", Band(CHILD, "<1 month")),
        ("2026-02-02", Band(CHILD, "<1 month")),
        ("2026-01-31", Band(CHILD, "1 month-<4 years")),
        ("2022-03-01", Band(CHILD, "4-<10 years")),
        ("2016-03-02", Band(CHILD, "4-<10 years")),
        ("2012-03-02", Band(CHILD, "10-<14 years")),
        ("2012-03-01", Band(CHILD, "14-<18 years")),
    ],
)
def test_an_age_is_that_of_the_day_of_the_exposure(birth_date: str, expected: Band) -> None:
    assert band(birth_date=birth_date, exposed_at=AT) == expected


def test_who_was_born_on_the_last_of_a_month_is_a_month_older_on_the_last_of_the_next() -> None:
    told = [band(birth_date="2026-01-31", exposed_at=f"2026-02-{day}").age for day in (27, 28)]
    assert told == ["<1 month", "1 month-<4 years"]


@pytest.mark.parametrize(
    ("birth_date", "expected"),
    [
        ("1950-00-00", Band(ADULT)),
        ("2008-00-00", UNKNOWN),  # 17 or 18
        ("2008-03-00", UNKNOWN),
        ("2008-02-00", Band(ADULT)),
        ("2015-00-00", Band(CHILD, "10-<14 years")),
        ("2016-00-00", Band(CHILD)),  # a child in any case, of 9 or 10
    ],
)
def test_a_birth_date_known_in_part_tells_what_holds_for_all_its_days(birth_date: str, expected: Band) -> None:
    assert band(birth_date=birth_date, exposed_at=AT) == expected


@pytest.mark.parametrize("birth_date", [None, "", "0000-00-00", "2026-03-02", "1700-01-01", "no date", "2020-02-30"])
def test_what_gives_no_age_makes_nobody_an_adult(birth_date: str | None) -> None:
    assert band(birth_date=birth_date, exposed_at=AT) == UNKNOWN
    assert band(birth_date=birth_date, exposed_at=AT, weight_kg=80.0) == UNKNOWN


def test_an_exposure_without_a_time_has_the_age_that_its_report_states() -> None:
    assert band(birth_date="1980-01-01", exposed_at=None) == UNKNOWN
    assert band(birth_date="1980-01-01", exposed_at=None, age_days=16_800) == Band(ADULT)
    assert band(age_days=0) == Band(CHILD, "<1 month")
    assert band(age_days=6_574) == Band(CHILD, "14-<18 years")
    assert band(age_days=6_575) == Band(ADULT)


def test_a_birth_date_decides_before_the_stated_age_where_it_tells() -> None:
    assert band(birth_date="2016-01-01", exposed_at=AT, age_days=16_800).population == CHILD
    assert band(birth_date="2008-00-00", exposed_at=AT, age_days=6_700) == Band(ADULT)
    assert band(birth_date="2008-00-00", exposed_at=AT, age_days=6_300) == Band(CHILD, "14-<18 years")
    assert band(birth_date="1950-00-00", exposed_at=AT, age_days=6_300) == Band(ADULT)


@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        ("2010-01-01", ["1980-01-01"], "2010-01-01"),
        (None, ["1980-01-01", None, "1980-01-01"], "1980-01-01"),
        ("0000-00-00", ["1980-01-01"], "1980-01-01"),
        (None, ["1980-01-01", "1980-01-02"], None),
        ("[erased]", [None, "[erased]"], None),
    ],
)
def test_the_identitys_own_birth_date_decides_and_else_what_all_others_state(
    own: str | None, others: list[str | None], expected: str | None
) -> None:
    assert birth_date_of(own, others) == expected


@pytest.mark.parametrize("days", [-1, 1e9, float("nan")])
def test_an_age_that_nobody_has_is_not_known(days: float) -> None:
    assert band(age_days=days) == UNKNOWN


@pytest.mark.parametrize(
    ("kg", "name"),
    [(0.4, "<5 kg"), (5.0, "5-<15 kg"), (14.99, "5-<15 kg"), (30.0, "30-<50 kg"), (79.0, "50-<80 kg")],
)
def test_a_childs_weight_is_in_the_band_that_begins_with_it(kg: float, name: str) -> None:
    assert band(age_days=4_000, weight_kg=kg).weight == name


@pytest.mark.parametrize("kg", [None, 0.0, -3.0, 80.0, 12_000.0, float("nan")])
def test_a_weight_in_no_band_is_named_by_none(kg: float | None) -> None:
    assert band(age_days=4_000, weight_kg=kg).weight is None


def test_an_adult_has_no_band_however_light() -> None:
    assert band(age_days=10_000, weight_kg=35.0) == Band(ADULT)


@given(
    st.dates(date(1921, 1, 1), date(2026, 1, 1)), st.integers(0, 40_000), st.none() | st.floats(0.1, 200), st.booleans()
)
def test_who_is_a_child_grows_up_once(born: date, days: int, kg: float | None, later: bool) -> None:
    """Bands follow each other with age, and nobody becomes a child again."""
    order = [name for _, name in AGES]

    def place(at: date) -> int:
        found = band(birth_date=born.isoformat(), exposed_at=at.isoformat(), weight_kg=kg)
        assert found.weight is None or (found.population == CHILD and found.weight in {name for _, name in WEIGHTS})
        return len(order) if found.population == ADULT else order.index(found.age or "")

    at = born + timedelta(days)
    assert place(at) <= place(at + timedelta(30 if later else 1))


@pytest.mark.parametrize(
    ("birth_date", "stated", "expected"),
    [
        ("2015-05-05", "adult", "child"),  # it decides before the age that a report states
        ("1980-05-05", None, "adult"),
        ("2008-00-00", "adult", "adult"),  # 17 or 18: the report says which
        ("2008-00-00", None, None),
        (None, "child", "child"),
        (None, None, None),
    ],
)
def test_a_row_of_the_census_is_of_the_age_of_the_birth_date_where_that_decides(
    birth_date: str | None, stated: str | None, expected: str | None
) -> None:
    row = {"day": AT[:10], "weight_kg": 20.0, "population": stated, "weight": None, "dap_mgycm2": 1.0}
    told = as_of_birth(row, birth_date)
    assert (told["population"], told["dap_mgycm2"]) == (expected, 1.0)
    assert (told["weight"] == "15-<30 kg") == (expected == "child" and stated != "child")


BORN = ("2008-01-01", "2007-12-31", "2007-00-00", "2008-00-00", "1890-01-01", "2030-01-01", "1980-00-00", "unknown", "")


@pytest.mark.parametrize("stated", [ADULT, CHILD, None])
@pytest.mark.parametrize("birth_date", BORN)
def test_what_a_birth_date_decides_does_not_depend_on_what_is_looked_at(birth_date: str, stated: str | None) -> None:
    """Of most adults the year alone is looked at; the answer is that of the whole rule."""
    for day in ("2026-01-01", "2026-12-31", "2007-12-31", "0001-01-01", "not known"):
        told, whole = of_birth(stated, birth_date, day, 20.0), band(birth_date=birth_date, exposed_at=day)
        assert (told.population if told else stated) == (whole.population or stated)
