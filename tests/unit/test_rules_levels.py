"""Reference levels: in canonical units whatever the text wrote, and only where the unit can be understood."""

from typing import Any

import pytest

from domain.dose_levels import Level, ReferenceLevels
from domain.errors import OutOfRange, UnknownField, UnknownUnit
from domain.rules.document import build, canonical_json, parse
from domain.rules.levels import LEVELS_OF, UNITS
from tests.unit.refusals_of_rules import LEVEL


def levels(*changes: dict[str, Any]) -> tuple[Level, ...]:
    found = parse("reference-levels", 2011, {"levels": [LEVEL | change for change in changes]})
    assert isinstance(found, ReferenceLevels)
    return found.levels


def converted(quantity: str, value: float, unit: str) -> tuple[float, str]:
    told = {k: v for k, v in LEVEL.items() if k != "phantom_cm"} | {"quantity": quantity, "value": value, "unit": unit}
    found = parse("reference-levels", 1, {"levels": [told]})
    assert isinstance(found, ReferenceLevels)
    return found.levels[0].value, found.levels[0].unit


@pytest.mark.parametrize(
    ("value", "unit", "canonical"),
    [
        (2.5e-5, "Gy.m2", 250.0),
        (25, "uGy.m2", 250.0),
        (25, "cGy.cm2", 250.0),
        (2.5, "dGy.cm2", 250.0),
        (0.25, "Gy.cm2", 250.0),
        (250, "mGy.cm2", 250.0),
        (250, "mGycm2", 250.0),
        (0.1, "uGy.m2", 1.0),
    ],
)
def test_a_dose_area_product_is_in_mgycm2_exactly(value: float, unit: str, canonical: float) -> None:
    """Decimal arithmetic: no level drifts by a last digit, for "over" is strict."""
    assert converted("dap_mgycm2", value, unit) == (canonical, "mGy.cm2")


@pytest.mark.parametrize(
    ("quantity", "value", "unit", "canonical"),
    [
        ("dose_rp_mgy", 2, "Gy", (2000.0, "mGy")),
        ("agd_mgy", 0.018, "dGy", (1.8, "mGy")),
        ("ctdivol_mgy", 65, "mGy", (65.0, "mGy")),
        ("dlp_mgycm", 1050, "mGycm", (1050.0, "mGy.cm")),
        ("activity_mbq", 350_000, "kBq", (350.0, "MBq")),
        ("activity_mbq", 350_000_000, "Bq", (350.0, "MBq")),
    ],
)
def test_each_quantity_has_its_units(quantity: str, value: float, unit: str, canonical: tuple[float, str]) -> None:
    assert converted(quantity, value, unit) == canonical


def test_every_quantity_can_have_a_level() -> None:
    assert set(UNITS) == set(LEVELS_OF)


@pytest.mark.parametrize("unit", ["mGy", "Sv", "mgy.cm2", "µGy.m2"])
def test_a_unit_of_another_dimension_or_spelling_is_named_and_never_guessed(unit: str) -> None:
    with pytest.raises(UnknownUnit, match=rf"body\.levels\[0\]\.unit: {unit} is not a unit of dap_mgycm2"):
        converted("dap_mgycm2", 1, unit)


def test_one_act_has_a_level_per_quantity_population_and_phantom() -> None:
    both = levels({}, {"quantity": "ctdivol_mgy", "unit": "mGy"}, {"phantom_cm": 32}, {"population": "child"})
    assert len(both) == 4


def test_protocols_of_a_document_of_before_say_nothing() -> None:
    """What was published is read for ever: acts are known by dose-acts alone."""
    body = {"levels": [LEVEL | {"protocols": ["Head"]}]}
    assert build("reference-levels", 2011, canonical_json(body)) == parse("reference-levels", 2011, {"levels": [LEVEL]})
    with pytest.raises(UnknownField, match=r"body\.levels\[0\]\.protocols"):
        parse("reference-levels", 2011, body)


def test_a_guide_value_is_at_most_the_level_and_in_the_same_unit() -> None:
    assert levels({"guide": LEVEL["value"]})[0].guide == LEVEL["value"]
    area = {"quantity": "dap_mgycm2", "value": 0.25, "unit": "Gy.cm2", "guide": 0.15, "phantom_cm": None}
    told = {name: value for name, value in (LEVEL | area).items() if value is not None}
    found = parse("reference-levels", 1, {"levels": [told]})
    assert isinstance(found, ReferenceLevels)
    assert (found.levels[0].value, found.levels[0].guide) == (250.0, 150.0)
    with pytest.raises(OutOfRange, match=r"body\.levels\[0\]\.guide: is over the level"):
        levels({"guide": LEVEL["value"] + 1})


@pytest.mark.parametrize("guide", [0, -1])
def test_a_guide_value_that_is_not_set_is_left_out_and_never_zero(guide: int) -> None:
    with pytest.raises(OutOfRange, match=r"body\.levels\[0\]\.guide: is out of range"):
        levels({"guide": guide})


CHILD: dict[str, Any] = {"population": "child"}


def of_weights(*weights: float | None) -> ReferenceLevels:
    told = [LEVEL | CHILD | ({"weight_kg": w, "value": 100 + w} if w else {}) for w in weights]
    found = parse("reference-levels", 2011, {"levels": [LEVEL, *told]})
    assert isinstance(found, ReferenceLevels)
    return found


@pytest.mark.parametrize(
    ("weight_kg", "expected"),
    [(8, [10]), (14.9, [10]), (15, [10]), (15.1, [20]), (30, [30]), (30.1, []), (None, []), (0, [])],
)
def test_a_child_is_of_the_nearest_weight_up_to_the_greatest(weight_kg: float | None, expected: list[float]) -> None:
    found = of_weights(10, 20, 30).of("Brain", "CT", "child", weight_kg)
    assert [level.weight_kg for level in found] == expected


def test_a_child_nearer_to_a_weight_that_the_act_has_not_has_no_level() -> None:
    """The text names 3.5 kg for one act; for another, from 20 kg on, a newborn is compared with nothing."""
    told = LEVEL | CHILD | {"act": "Chest", "weight_kg": 3.5}
    body = {"levels": [told, LEVEL | CHILD | {"weight_kg": 20}]}
    found = parse("reference-levels", 2011, body)
    assert isinstance(found, ReferenceLevels)
    assert found.of("Brain", "CT", "child", 4) == ()
    assert [level.weight_kg for level in found.of("Brain", "CT", "child", 18)] == [20]


@pytest.mark.parametrize("population", [None, "child"])
def test_levels_of_adults_are_of_adults_alone(population: str | None) -> None:
    found = of_weights()
    assert [level.value for level in found.of("Brain", "CT", "adult", None)] == [1050]
    assert found.of("Brain", "CT", population, 70) == ()


def test_an_entrance_dose_is_told_and_compared_with_nothing() -> None:
    told = LEVEL | {"quantity": "entrance_dose_mgy", "unit": "mGy", "value": 0.3}
    found = parse("reference-levels", 2011, {"levels": [{k: v for k, v in told.items() if k != "phantom_cm"}]})
    assert isinstance(found, ReferenceLevels)
    assert (len(found.levels), found.of("Brain", "CT", "adult", None)) == (1, ())
