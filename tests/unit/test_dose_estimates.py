"""Estimates of effective doses: by a published factor that fits, marked, apart from totals; otherwise none."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commands.rules import PublishRules
from domain.dose_bands import months_at
from domain.dose_estimates import DoseFactors, summed
from domain.rules.document import document, parse, read_document
from krypton.faces.dose.exams import exams
from projections.cumulative_dose.asked import Asked
from projections.cumulative_dose.distinct import sums
from projections.cumulative_dose.shown import exposure, told_of
from tests.fakes.region import Region
from tests.unit.test_cumulative_dose_distinct import carried

SHIPPED = Path(__file__).parents[2] / "rules" / "dose-factors-1.toml"
AT = "2026-03-01T08:00:00"
ADULT: dict[str, Any] = {
    "quantity": "dlp_mgycm",
    "names": ["SCT:816094009", "Chest"],
    "factor": 0.014,
    "unit": "mSv/mGy.cm",
    "from_months": 216,
    "source": "an essay",
}
VIEW = {"quantity": "dap_mgycm2", "names": ["chest"], "factor": 0.2, "unit": "mSv/Gy.cm2", "source": "an essay"}


def factors(*some: dict[str, Any], version: int = 3) -> DoseFactors:
    found = parse("dose-factors", version, {"factors": [*some]})
    assert isinstance(found, DoseFactors)
    return found


def shot(**known: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "subject_id": "i1",
        "identity": "i1",
        "patient": None,
        "started_at": AT,
        "started_offset": None,
        "raw": {},
        "not_understood": [],
    }
    words: dict[str, Any] = dict.fromkeys(
        ("target_region_code", "target_region", "radiopharmaceutical", "acquisition_code", "filters")
    )
    more = dict.fromkeys(("entrance_dose_mgy", "ssde_mgy", "organ_doses", "plane", "side"))
    return carried("e1", template="10013", technique={}, **{**told, **words, **more, **known})


def estimate(of: DoseFactors, born: str | None = "1980-01-01", **known: Any) -> dict[str, Any] | None:
    """As ``dose show`` tells it."""
    row = told_of(shot(**known), (), Asked(born={"i1": born}, factors=of))
    found: dict[str, Any] | None = exposure(row)["effective_dose_estimate"]
    return found


def test_an_estimate_names_its_factor_source_and_version() -> None:
    assert estimate(factors(ADULT), dlp_mgycm=500.0, target_region_code="SCT:816094009") == {
        "effective_dose_msv": 7.0,
        "quantity": "dlp_mgycm",
        "factor": 0.014,
        "source": "an essay",
        "rule_version": 3,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"target_region_code": "SCT:69536005"},
        {"target_region_code": None},
        {"dlp_mgycm": None},
        {"born": "2020-01-01"},
        {"born": None},
        {"born": "2008-00-00"},
        {"implausible": ["dlp_mgycm"]},
    ],
    ids=str,
)
def test_without_a_factor_that_fits_there_is_no_estimate(change: dict[str, Any]) -> None:
    known: dict[str, Any] = {"dlp_mgycm": 500.0, "target_region_code": "SCT:816094009"} | change
    assert estimate(factors(ADULT), **known) is None


def test_where_no_document_is_in_force_nothing_is_estimated() -> None:
    known: dict[str, Any] = {"dlp_mgycm": 500.0, "target_region_code": "SCT:816094009"}
    assert estimate(DoseFactors(), **known) is estimate(factors(), **known) is None


def test_a_region_in_the_devices_words_is_found_and_a_code_goes_before_them() -> None:
    assert estimate(factors(ADULT), dlp_mgycm=100.0, target_region=" CHEST ") is not None
    known = {"target_region": "Chest", "target_region_code": "SCT:69536005"}
    assert estimate(factors(ADULT), dlp_mgycm=100.0, **known) is None


def test_the_unit_of_a_factor_is_that_of_the_dose() -> None:
    """1,500 mGy·cm² are 1.5 Gy·cm²."""
    found = estimate(factors(VIEW), born=None, dap_mgycm2=1_500.0, target_region="Chest")
    assert found is not None
    assert (found["effective_dose_msv"], found["factor"]) == (0.3, 0.0002)


@pytest.mark.parametrize(("phantom", "fits"), [(32, True), (16, False), (None, False)])
def test_a_factor_for_a_phantom_is_for_no_other(phantom: int | None, fits: bool) -> None:
    of = factors(ADULT | {"phantom_cm": 32})
    found = estimate(of, dlp_mgycm=100.0, target_region="chest", phantom_cm=phantom)
    assert (found is not None) == fits


def test_estimates_are_in_no_total_and_a_sum_of_them_says_what_is_missing() -> None:
    row = told_of(shot(dlp_mgycm=500.0, target_region="Chest"), (), Asked(born={"i1": None}, factors=factors(ADULT)))
    assert not [name for name in sums([row]) if "msv" in name or "effective" in name]
    assert summed([{"effective_dose_msv": 1.25}, None, {"effective_dose_msv": 2.0}]) == {
        "effective_dose_msv": 3.25,
        "exposures": 2,
        "without": 1,
    }
    assert summed([None])["effective_dose_msv"] is None


def test_the_page_tells_an_exams_estimate_only_where_all_of_it_has_one() -> None:
    asked = Asked(born={"i1": "1980-01-01"}, factors=factors(ADULT))
    rows = [exposure(told_of(shot(dlp_mgycm=500.0, target_region=one), (), asked)) for one in ("Chest", "Head")]
    nothing: dict[str, Any] = {"stated_alone": [], "reports": []}
    (whole,), (part,) = (exams({"exposures": some, **nothing}) for some in (rows[:1], rows))
    assert (whole.estimate_msv, part.estimate_msv) == (7.0, None)


def test_a_published_document_is_in_force_from_its_day_on_and_an_empty_one_ends_it() -> None:
    region = Region()
    day = region.clock().date()

    def publish(version: int, begins: str, *some: dict[str, Any]) -> int:
        raw = {"kind": "dose-factors", "version": version, "in_force_from": begins, "body": {"factors": [*some]}}
        region.ask(PublishRules(document=document(raw)))
        return len(region.rules().factors(day).factors)

    assert len(region.rules().factors(day).factors) == 0
    assert [publish(1, "2999-01-01", ADULT), publish(2, "2020-01-01", ADULT), publish(3, "2020-01-01")] == [0, 1, 0]
    before = next(e.position for e in reversed(region.history()) if e.type == "rules.published") - 1
    assert region.rules().known_at(before).factors(day).version == 2


# The example that is shipped


@pytest.fixture(scope="module")
def shipped() -> DoseFactors:
    found = parse("dose-factors", 1, tomllib.loads(SHIPPED.read_text())["body"])
    assert isinstance(found, DoseFactors)
    return found


def test_it_can_be_published_and_each_factor_names_its_source(shipped: DoseFactors) -> None:
    assert read_document(SHIPPED.read_text()).kind == "dose-factors"
    assert all("doi" in one.source or "quoted in" in one.source for one in shipped.factors)


@pytest.mark.parametrize(
    ("region", "born", "phantom", "msv"),
    [
        ("Head", "1980-01-01", 16, 0.21),
        ("Chest", "1980-01-01", 32, 1.4),
        ("Chest", "2020-12-01", 16, 1.8),
        ("Abdomen and Pelvis", "2026-02-01", 16, 4.9),
        ("Abdomen", "2012-01-01", 16, None),
        ("Chest", "1980-01-01", 16, None),
        ("Neck", "1980-01-01", 16, None),
    ],
)
def test_it_estimates_as_the_table_says_and_nothing_else(
    shipped: DoseFactors, region: str, born: str, phantom: int, msv: float | None
) -> None:
    found = estimate(shipped, born=born, dlp_mgycm=100.0, target_region=region, phantom_cm=phantom)
    assert (found and found["effective_dose_msv"]) == msv


@given(st.integers(0, 1_500), st.sampled_from([16, 32]), st.sampled_from(["head", "chest", "abdomen"]))
def test_at_most_one_factor_of_it_fits(months: int, phantom: int, name: str) -> None:
    of = parse("dose-factors", 1, tomllib.loads(SHIPPED.read_text())["body"])
    assert isinstance(of, DoseFactors)
    assert sum(one.fits(name, (months, months), phantom) for one in of.factors if one.quantity == "dlp_mgycm") <= 1


def test_an_age_is_told_as_populations_are() -> None:
    assert months_at("2024-03-01", AT, 9_000) == (24, 24)
    assert months_at(None, AT, 365.25) == (12, 12)
    assert months_at(None, None, None) is None
