"""What a report states of all its events together: each quantity over the planes that state it, and once."""

import sys
from types import FrameType
from typing import Any

import pytest
from pydicom.dataset import Dataset

from tests.fakes import elements as made
from tests.unit.test_dose_report import GY_M2, coded, item, number, read
from tests.unit.test_dose_report_tree import read as read_bytes


def of_plane(plane: str, *totals: Dataset) -> Dataset:
    """Accumulated dose of one plane, or of all."""
    return item("113702", "CONTAINER", coded("113764", plane), *totals)


def test_all_planes_stand_for_the_others_only_in_what_they_state() -> None:
    """Many biplane rooms state the DAP of all planes, and the dose at the reference point of each."""
    found = read(
        of_plane("113890", number("113722", "3e-3", GY_M2)),
        of_plane("113620", number("113725", "0.9", "Gy"), number("113722", "1e-3", GY_M2)),
        of_plane("113621", number("113725", "1.8", "Gy"), number("113722", "2e-3", GY_M2)),
    )
    assert found.report_totals == {"dap_mgycm2": 30_000.0, "dose_rp_mgy": 2_700.0}


PLANES = [of_plane(plane, number("113725", dose, "Gy")) for plane, dose in (("113620", "0.9"), ("113621", "1.8"))]


@pytest.mark.parametrize("outer", [[], [number("113725", "2.7", "Gy")]], ids=["a wrapper", "a sum of its own"])
def test_accumulated_doses_within_accumulated_dose_count_once(outer: list[Dataset]) -> None:
    """What the outer one states stands for what those within it state."""
    assert read(item("113702", "CONTAINER", *outer, *PLANES)).report_totals == {"dose_rp_mgy": 2_700.0}
    assert read(item("113702", "CONTAINER", *PLANES, *outer)).report_totals == {"dose_rp_mgy": 2_700.0}


def test_all_planes_stand_for_the_others_at_any_depth() -> None:
    every = of_plane("113890", number("113725", "2.6", "Gy"))
    assert read(item("113702", "CONTAINER", *PLANES, every)).report_totals == {"dose_rp_mgy": 2_600.0}


UNKNOWN = number("113725", None, None)


@pytest.mark.parametrize(
    ("totals", "told"),
    [
        ([of_plane("113890", UNKNOWN, number("113722", "3e-3", GY_M2)), *PLANES], 2_700.0),
        ([item("113702", "CONTAINER", UNKNOWN, *PLANES)], 2_700.0),
        ([item("113702", "CONTAINER", UNKNOWN, item("113702", "CONTAINER", UNKNOWN, *PLANES))], 2_700.0),
        ([of_plane("113890", UNKNOWN), PLANES[0], of_plane("113621", UNKNOWN)], None),
        ([of_plane("113620", UNKNOWN, PLANES[1])], None),
        ([of_plane("113890", UNKNOWN)], None),
    ],
    ids=["all planes", "a wrapper", "two wrappers", "one plane of two", "the other plane within", "nothing else"],
)
def test_a_total_without_a_value_stands_for_no_other(totals: list[Dataset], told: float | None) -> None:
    assert read(*totals).report_totals["dose_rp_mgy"] == told


def test_the_other_plane_within_one_plane_is_no_part_of_it() -> None:
    within = of_plane("113620", number("113725", "0.9", "Gy"), PLANES[1])
    assert read(within).report_totals == {"dose_rp_mgy": 2_700.0}


@pytest.mark.parametrize("again", [("500", "mGy"), ("0.50", "Gy"), ("5e-1", "Gy")])
def test_a_total_that_is_spelt_otherwise_the_second_time_is_no_second_one(again: tuple[str, str]) -> None:
    found = read(item("113702", "CONTAINER", number("113725", "0.5", "Gy"), number("113725", *again)))
    assert (found.report_totals, found.tolerances["value_stated_twice"]) == ({"dose_rp_mgy": 500.0}, 1)


def test_two_totals_that_are_not_understood_are_both_told() -> None:
    found = read(item("113702", "CONTAINER", *(number("113725", "0.5", unit) for unit in ("rad", "rem"))))
    assert (found.report_totals, len(found.not_understood)) == ({"dose_rp_mgy": None}, 2)


RP, FILTER = made.number("113725", "1", "mGy"), made.number("113758", "1", "mm")
WITHIN = {  # what a device may put into itself, with a value in each, and what all of it stands in
    "accumulated dose": ("113702", RP, "113702"),
    "a total": ("113725", b"", "113702"),
    "an estimate": ("128402", made.number("128533", "1", "mGy"), "128402"),
    "an estimate's sums": ("128402", RP, "128402"),
    "filters": ("113771", FILTER, "113706"),
    "doses of organs": ("113517", made.number("113518", "1", "mGy"), "113502"),
}


@pytest.mark.parametrize("kind", WITHIN)
def test_what_stands_in_itself_is_read_in_a_time_that_grows_with_the_report(kind: str) -> None:
    """Ten times the depth takes ten times as many calls."""
    calls = {depth: _calls(_deep(depth, *WITHIN[kind])) for depth in (30, 300)}
    assert calls[300] < 12 * calls[30]


def _deep(depth: int, concept: str, value: bytes, around: str) -> bytes:
    below = [RP]
    for _ in range(depth):
        if value:
            below = [made.item(concept, "CONTAINER", b"", value, *below)]
        else:
            below = [made.number(concept, "1", "mGy") + made.sequence(0x0040A730, *below)]
    return made.document(made.item(around, "CONTAINER", b"", *below))


def _calls(data: bytes) -> int:
    """How often anything is called while a report is read."""
    count = 0

    def counted(_: FrameType, event: str, __: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        read_bytes(data)
    finally:
        sys.setprofile(before)
    return count
