"""Dose units: the table of the reference levels, exact arithmetic, and no guess."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dicom.rdsr.units import UNITS, Dimension, NotUnderstood, canonical, tolerated

DOSE, LENGTH, AREA, ACTIVITY = Dimension.DOSE, Dimension.DOSE_LENGTH, Dimension.DOSE_AREA, Dimension.ACTIVITY

# (unit, dimension, factor to the canonical unit): the table of the reference levels, written out by hand.
TABLE = [
    ("Gy.m2", AREA, "10000000"),
    ("Gym2", AREA, "10000000"),
    ("uGy.m2", AREA, "10"),
    ("uGym2", AREA, "10"),
    ("cGy.cm2", AREA, "10"),
    ("cGycm2", AREA, "10"),
    ("dGy.cm2", AREA, "100"),
    ("Gy.cm2", AREA, "1000"),
    ("mGy.cm2", AREA, "1"),
    ("mGycm2", AREA, "1"),
    ("mGy.cm", LENGTH, "1"),
    ("mGycm", LENGTH, "1"),
    ("mGy", DOSE, "1"),
    ("Gy", DOSE, "1000"),
    ("dGy", DOSE, "100"),
    ("Bq", ACTIVITY, "0.000001"),
    ("kBq", ACTIVITY, "0.001"),
    ("MBq", ACTIVITY, "1"),
    ("µGy·m²", AREA, "10"),  # the micro sign U+00B5, as people type it
    ("μGy.m2", AREA, "10"),  # the Greek letter U+03BC
]


@pytest.mark.parametrize(("unit", "dimension", "factor"), TABLE)
def test_a_unit_of_the_table_is_multiplied_by_its_factor(unit: str, dimension: Dimension, factor: str) -> None:
    """Seven times the factor, digit for digit."""
    assert canonical("7", unit, dimension) == 7 * Decimal(factor)


@pytest.mark.parametrize(
    ("text", "unit", "dimension", "expected"),
    [
        ("1.6e-005", "Gym2", AREA, 160.0),
        ("1e-006", "Gym2", AREA, 10.0),
        ("1.07E-05", "Gy.m2", AREA, 107.0),
        ("1.313381045e-03", "Gy", DOSE, 1.313381045),
        ("0.04688100000000", "Gy.m2", AREA, 468810.0),
        ("0.00000580999970", "Gy.m2", AREA, 58.099997),
        (".5", "mGy", DOSE, 0.5),
        ("5.", "mGy", DOSE, 5.0),
        ("+2", "mGy", DOSE, 2.0),
    ],
)
def test_numbers_are_read_as_real_devices_write_them(
    text: str, unit: str, dimension: Dimension, expected: float
) -> None:
    """Equal to the last bit: a float product would give 106.99999999999999."""
    assert float(canonical(text, unit, dimension) or 0) == expected


@pytest.mark.parametrize("text", ["0", "0.00", "0.000000000e+00", "-0", "0e9999"])
def test_an_encoded_zero_is_a_known_zero(text: str) -> None:
    """Zero, and not None."""
    assert canonical(text, "mGy", DOSE) == Decimal(0)


def test_no_text_is_not_known() -> None:
    """None, whatever the unit says."""
    assert canonical("", "mGy", DOSE) is None


@pytest.mark.parametrize(
    "text",
    ["NaN", "Infinity", "1_000", "1,250", "1,250,3", "12 mGy", "١٢", "1\\2", "-1", "1e999", "1e-999", "0x10", "9" * 65],
)
def test_what_is_no_dose_is_refused(text: str) -> None:
    """Decimal or float alone would take half of these; 1e-999 would become a zero that nobody measured."""
    with pytest.raises(NotUnderstood):
        canonical(text, "mGy", DOSE)


@pytest.mark.parametrize("unit", ["MGy", "mgy", "foo", "mSv", "rad", "R.cm2", "mGy/cm", "mGy.cm3", "1", "{dose}"])
def test_an_unknown_unit_is_named_in_the_refusal(unit: str) -> None:
    """The reader of the message sees which unit to ask the vendor about."""
    with pytest.raises(NotUnderstood, match=r"unit '.*' not understood") as refused:
        canonical("1", unit, DOSE)
    assert repr(unit) in str(refused.value)


def test_a_missing_unit_is_not_assumed() -> None:
    """A bare number is no dose."""
    with pytest.raises(NotUnderstood, match="no unit given"):
        canonical("1", "", DOSE)


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(list(Dimension)))
def test_a_unit_of_another_dimension_never_gives_a_number(unit: str, dimension: Dimension) -> None:
    """A DLP in mGy is not a DLP."""
    if UNITS[unit][0] is dimension:
        assert canonical("1", unit, dimension) is not None
    else:
        with pytest.raises(NotUnderstood):
            canonical("1", unit, dimension)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,5", "1.5"),
        ("0,125", "0.125"),
        (",5", "0.5"),
        ("12,3456", "12.3456"),
        ("1234,567", "1234.567"),
        ("1,5e-3", "0.0015"),
    ],
)
def test_a_comma_that_can_only_be_a_decimal_point_is_one(text: str, expected: str) -> None:
    """Where it might part thousands, nothing is read: see above."""
    assert canonical(text, "mGy", DOSE) == Decimal(expected)
    assert tolerated(text, "mGy") == ["decimal_comma"]


@pytest.mark.parametrize(
    ("unit", "needed"), [("mGy.cm", []), ("mGycm", ["unit_spelling"]), ("µGy.m2", ["unit_spelling"])]
)
def test_a_unit_that_is_not_written_as_ucum_has_it_is_counted(unit: str, needed: list[str]) -> None:
    assert tolerated("1", unit) == needed


@pytest.mark.parametrize(
    ("text", "unit", "dimension", "expected"),
    [
        ("120", "kV", Dimension.VOLTAGE, "120"),
        ("0.5", "s", Dimension.TIME_MS, "500"),
        ("500", "uA.s", Dimension.CHARGE, "0.5"),
        ("7.5", "{pulse}/s", Dimension.RATE, "7.5"),
        ("-12.5", "deg", Dimension.ANGLE, "-12.5"),
        ("0.0419", "m2", Dimension.AREA, "419"),
        ("1", "", Dimension.COUNT, "1"),
    ],
)
def test_technique_is_read_in_its_own_units(text: str, unit: str, dimension: Dimension, expected: str) -> None:
    assert canonical(text, unit, dimension) == Decimal(expected)


@given(st.text(max_size=12), st.sampled_from([DOSE, LENGTH, AREA, ACTIVITY]))
def test_an_unknown_unit_never_gives_a_number(unit: str, dimension: Dimension) -> None:
    """Whatever stands there, a number comes out of a unit of the table only."""
    plain = "".join(letter for letter in unit if letter not in ".·*^ ").strip()
    if plain.replace("²", "2").replace("µ", "u").replace("μ", "u") in UNITS:
        return
    with pytest.raises(NotUnderstood):
        canonical("1", unit, dimension)


@given(
    st.decimals(min_value=0, max_value=10**6, places=9, allow_nan=False, allow_infinity=False),
    st.sampled_from(sorted(UNITS)),
)
def test_scaling_there_and_back_keeps_every_digit(value: Decimal, unit: str) -> None:
    """What is read in the canonical unit, divided by the power of ten, is what was encoded."""
    dimension, power = UNITS[unit]
    read = canonical(str(value), unit, dimension)
    assert read is not None
    assert read.scaleb(-power) == value


@given(st.decimals(min_value=0, max_value=10**6, places=9), st.sampled_from(sorted(UNITS)))
def test_the_dot_makes_no_difference(value: Decimal, unit: str) -> None:
    """``mGycm2`` and ``mGy.cm2`` are one unit."""
    dimension, _ = UNITS[unit]
    dotted = unit.replace("Gy", "Gy.") if unit[-2:] != "Gy" and "Gy" in unit else unit
    assert canonical(str(value), dotted, dimension) == canonical(str(value), unit, dimension)
