"""Flags: one value beside the level of its act, by the text of its day and by today's. DRL cases 1 and 3 to 7."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.commands.rules import PublishRules
from domain.dose_flags import (
    A_TEST,
    BOTH_SIDES,
    NO_DOSE,
    NO_LEVEL,
    NO_POPULATION,
    NO_WEIGHT,
    PHANTOM,
    Comparison,
)
from domain.dose_words import SIDES_ADDED
from domain.rules.document import document
from tests.fakes.region import Region, exposure

RULES = Path(__file__).parents[2] / "rules"
UNDER_2011, UNDER_2019 = "2015-06-01", "2022-06-01"
HELIX = {"acquisition": "Spiral Acquisition", "acquisition_code": "SRT:P5-08001"}


def published(*names: str) -> Comparison:
    region = Region()
    for name in names:
        region.ask(PublishRules(document=document(tomllib.loads((RULES / f"{name}.toml").read_text()))))
    rules = region.rules()
    return Comparison(rules.acts(date(2026, 1, 1)), rules.levels, date(2026, 1, 1))


SHIPPED = published("reference-levels-2011", "reference-levels-2019", "dose-acts-1")


def row(modality: str = "DX", **told: Any) -> dict[str, Any]:
    """An exposure of an adult, as the view has it; what is not told is not known."""
    words = dict.fromkeys(
        ("procedure", "procedure_code", "target_region_code", "acquisition_code", "radiopharmaceutical")
    )
    common = {"site": "CHB", "qa": False, "accepted": False, "population": "adult", "patient": {}}
    common["radiopharmaceutical"] = None
    return {**exposure("2.25.1"), **words, **common, "modality": modality, **told}


def chest(dap: float | None = 220.0, **told: Any) -> dict[str, Any]:
    return row(protocol="Thorax PA", dap_mgycm2=dap, **told)


def over(told: dict[str, Any], day: str | None, found: Comparison = SHIPPED) -> dict[str, tuple[Any, Any]]:
    """By quantity, whether it is over: on its day and today. None: no level was in force."""
    levels = found.exposure(told, day)["levels"]
    sides = ("at_exam", "now")
    return {one["quantity"]: tuple(one[side] and one[side]["over"] for side in sides) for one in levels}


def test_a_chest_of_220_is_no_flag_on_its_day_in_2015_and_one_by_todays_rules() -> None:
    """Case 1: 250 mGy·cm² until 2019, 200 since."""
    assert over(chest(220), UNDER_2011) == {"dap_mgycm2": (False, True)}
    assert over(chest(220), UNDER_2019) == {"dap_mgycm2": (True, True)}
    (told,) = SHIPPED.exposure(chest(220), UNDER_2011)["levels"]
    level = {"modality": "DX", "weight_kg": None, "phantom_cm": None}
    old = {"rule": "reference-levels@2011", "nrd": 250.0, "guide": None, "over": False}
    new = {"rule": "reference-levels@2019", "nrd": 200.0, "guide": 150.0, "over": True}
    assert (told["at_exam"], told["now"]) == (old | level, new | level)


def test_the_sum_of_both_sides_is_compared_with_no_level_and_says_so() -> None:
    """Two views of 110 under one UID are none of 220; what was stated in other parts is compared."""
    told = SHIPPED.exposure(chest(220, not_understood=["event: stated in parts, which were joined"]), UNDER_2019)
    assert [one["now"]["over"] for one in told["levels"]] == [True]
    told = SHIPPED.exposure(chest(220, not_understood=[SIDES_ADDED]), UNDER_2019)
    assert (told["act"], told["levels"], told["not_compared"]) == (None, [], BOTH_SIDES)
    assert SHIPPED.exposure(chest(220, not_understood=[SIDES_ADDED], qa=True), UNDER_2019)["not_compared"] == A_TEST


@pytest.mark.parametrize(("dap", "flag"), [(199.9, False), (200.0, False), (200.1, True)])
def test_a_value_equal_to_the_level_is_not_over_it(dap: float, flag: bool) -> None:
    """Case 3."""
    assert over(chest(dap), UNDER_2019) == {"dap_mgycm2": (flag, flag)}


def test_one_helix_is_compared_and_not_the_total_of_the_exam() -> None:
    """Case 4: CT-RDSR-Siemens_Flash-TAP-SS.dcm, whose exam states 724.52 mGy·cm."""
    helix = row("CT", protocol="TAP", phantom_cm=32, dlp_mgycm=708.2, ctdivol_mgy=9.91, **HELIX)
    assert over(helix, UNDER_2011) == {"ctdivol_mgy": (False, None), "dlp_mgycm": (False, None)}
    scout = {"acquisition": "Constant Angle Acquisition", "acquisition_code": "DCM:113805"}
    localiser = SHIPPED.exposure(row("CT", protocol="TAP", phantom_cm=32, dlp_mgycm=11.51, **scout), UNDER_2011)
    assert (localiser["levels"], localiser["not_compared"]) == ([], "of no act")


def test_an_act_that_the_text_of_today_does_not_give_is_not_compared_with_the_former_text() -> None:
    told = SHIPPED.exposure(row("CT", protocol="TAP", phantom_cm=32, dlp_mgycm=1001.0, **HELIX), UNDER_2019)
    assert (told["levels"], told["not_compared"]) == ([], NO_LEVEL)


@pytest.mark.parametrize(("phantom", "flags"), [(16, {"ctdivol_mgy": (True, None)}), (32, {}), (None, {})])
def test_a_ct_is_compared_once_its_act_and_phantom_are_known(phantom: int | None, flags: dict[str, Any]) -> None:
    """Case 5: CT-RDSR-GEPixelMed.dcm states CTDIvol 60.41 and 222.59 and no act that could be told from its names."""
    unknown = SHIPPED.exposure(row("CT", protocol="10.13 RADIOTHERAPY QA", ctdivol_mgy=222.59, **HELIX), UNDER_2011)
    assert (unknown["act"], unknown["levels"], unknown["not_compared"]) == (None, [], "unmapped")
    brain = row("CT", protocol="Encéphale", phantom_cm=phantom, ctdivol_mgy=222.59, **HELIX)
    assert over(brain, UNDER_2011) == flags
    assert SHIPPED.exposure(brain, UNDER_2011)["not_compared"] == (None if flags else PHANTOM)


@pytest.mark.parametrize(("mbq", "flag"), [(300.0, False), (350.0, False), (351.0, True)])
def test_fdg_of_an_adult_is_over_350_and_not_at_it(mbq: float, flag: bool) -> None:
    """Case 6."""
    told = row("PT", radiopharmaceutical="18F-FDG", activity_mbq=mbq)
    assert over(told, UNDER_2011) == {"activity_mbq": (flag, None)}


def test_a_projection_ap_is_compared_with_no_level_of_pa() -> None:
    """Case 7: DX-RDSR-Canon_CXDI.dcm, 107 mGy·cm²: the mapping says AP, and adults have no level of it."""
    told = SHIPPED.exposure(row(protocol="THORAX AP 90kv-0,9mAs", dap_mgycm2=107.0), UNDER_2011)
    assert (told["act"], told["levels"], told["not_compared"]) == ("Chest AP", [], NO_LEVEL)
    body = {"entries": [{"act": "Chest PA", "modalities": ["DX"], "protocols": ["thorax ap"]}]}
    region = Region()
    raw = {"kind": "dose-acts", "version": 2, "in_force_from": "2012-01-14", "body": body}
    region.ask(PublishRules(document=document(raw)))
    decided = Comparison(region.rules().acts(date(2026, 1, 1)), SHIPPED.levels, SHIPPED.today)
    told = row(protocol="THORAX AP 90kv-0,9mAs", dap_mgycm2=107.0)
    assert over(told, UNDER_2011, decided) == {"dap_mgycm2": (False, False)}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"population": None}, NO_POPULATION),
        ({"population": "child"}, NO_WEIGHT),
        ({"qa": True}, A_TEST),
        ({"dap_mgycm2": None}, NO_DOSE),
        ({"implausible": ["dap_mgycm2"]}, NO_DOSE),
        ({"protocol": "Thorax"}, "unmapped"),
        ({"protocol": "Thorax PA LAT"}, "ambiguous"),
        ({"population": "child", "patient": {"weight_kg": 31.0}}, NO_LEVEL),
    ],
)
def test_what_is_not_compared_says_why(change: dict[str, Any], why: str) -> None:
    told = SHIPPED.exposure(chest(5000.0) | change, UNDER_2011)
    assert (told["levels"], told["not_compared"]) == ([], why)


def test_an_implausible_value_that_somebody_accepted_is_compared() -> None:
    assert over(chest(5000.0, implausible=["dap_mgycm2"], accepted=True), UNDER_2011) == {"dap_mgycm2": (True, True)}


@pytest.mark.parametrize(("weight", "flag"), [(18.0, True), (29.0, False)])
def test_a_child_is_compared_by_weight_and_never_with_adults(weight: float, flag: bool) -> None:
    """60 mGy·cm²: over the 50 of 20 kg, under the 70 of 30 kg; 2019's table of children is not loaded."""
    told = chest(60.0, population="child", patient={"weight_kg": weight})
    assert over(told, UNDER_2011) == {"dap_mgycm2": (flag, None)}


def test_an_exam_of_an_unknown_day_is_compared_with_todays_levels_alone() -> None:
    assert over(chest(220), None) == {"dap_mgycm2": (None, True)}
    assert over(chest(220), "2015") == {"dap_mgycm2": (None, True)}


def test_without_rules_nothing_is_compared_and_that_is_said() -> None:
    told = published().exposure(chest(5000.0), UNDER_2011)
    assert (told["act"], told["act_state"], told["not_compared"]) == (None, "unmapped", "unmapped")
