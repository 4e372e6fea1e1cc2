"""A group of the statutory return: consecutive exposures of different persons, and who is passed over, and why."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from domain.dose_flags import NO_DOSE, NO_POPULATION, NO_WEIGHT, PHANTOM
from domain.dose_levels import Level, ReferenceLevels
from domain.dose_return import LEFT_OUT, PROCEDURE, Group, Wanted, figures, group_of

CHEST, HEAD = "Chest PA", "Head"
TEXT = ReferenceLevels(
    2019,
    (
        Level(CHEST, "DX", "adult", "dap_mgycm2", 200.0, "mGy.cm2", wording="Thorax de face"),
        Level(CHEST, "DX", "child", "dap_mgycm2", 50.0, "mGy.cm2", weight_kg=20.0),
        Level(CHEST, "DX", "child", "dap_mgycm2", 70.0, "mGy.cm2", weight_kg=30.0),
        Level(HEAD, "CT", "adult", "dlp_mgycm", 1050.0, "mGy.cm", phantom_cm=16),
    ),
    adults=3,
    children=2,
)
QUANTITIES = ("ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq")
ADULTS, CHILDREN = Wanted(CHEST, "adult", TEXT), Wanted(CHEST, "child", TEXT, 20.0)


def shot(uid: str, person: str, day: str = "2026-01-02", at: str | None = None, **told: Any) -> dict[str, Any]:
    """A chest of an adult, 100 mGy·cm²."""
    known: dict[str, Any] = {"population": "adult", "weight_kg": None, "modality": "DX", "phantom_cm": None}
    known |= dict.fromkeys(QUANTITIES) | {"dap_mgycm2": 100.0}
    return {**known, "uid": uid, "identity": person, "day": day, "started_at": at and f"{day}T{at}", **told}


def child(uid: str, weight_kg: float | None, **told: Any) -> dict[str, Any]:
    return shot(uid, uid, population="child", weight_kg=weight_kg, **told)


def chosen(
    rows: Sequence[Mapping[str, Any]],
    wanted: Wanted = ADULTS,
    same: Mapping[str, str] | None = None,
    sees: Callable[[list[Any]], list[Any]] = lambda some: some,
) -> Group:
    people = same or {}
    return group_of(rows, wanted, lambda one: people.get(one, one), sees)


def uids(found: Group) -> list[str]:
    return [row["uid"] for row in found.rows]


def test_it_is_of_the_first_persons_in_order_of_time_and_ends_with_the_last_that_it_needs() -> None:
    rows = [shot("late", "a", "2026-01-03"), shot("noon", "b", at="12:00:00"), shot("dawn", "c", at="06:00:00")]
    rows += [shot("first", "d", "2026-01-01"), shot("early", "e", "2025-12-31", dap_mgycm2=None)]
    found = chosen(rows)
    assert (uids(found), found.passed_over) == (["first", "dawn", "noon"], {NO_DOSE: 1})
    assert "late" in uids(chosen(rows, Wanted(CHEST, "adult", ReferenceLevels(1, adults=4))))


def test_a_person_is_in_it_once_whatever_number_they_have_here() -> None:
    rows = [shot(f"{n}", person, at=f"0{n}:00:00") for n, person in enumerate(("a", "a", "b", "c", "d"))]
    assert uids(chosen(rows)) == ["0", "2", "3"]
    assert uids(chosen(rows, same={"b": "a"})) == ["0", "3", "4"]


def test_who_has_no_dose_at_first_is_in_it_by_the_next_exposure() -> None:
    found = chosen([shot("1", "a", at="01:00:00", dap_mgycm2=None), shot("2", "a", at="02:00:00")])
    assert (uids(found), found.passed_over) == (["2"], {NO_DOSE: 1})


def test_a_further_exposure_of_somebody_who_is_in_it_is_not_passed_over() -> None:
    rows = [shot("1", "a", at="01:00:00"), shot("2", "a", at="02:00:00", dap_mgycm2=None), shot("3", "b", "2026-01-03")]
    found = chosen(rows)
    assert (uids(found), found.passed_over) == (["1", "3"], {})


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"population": None}, NO_POPULATION),
        ({"dap_mgycm2": None}, NO_DOSE),
        ({"dap_mgycm2": None, "dose_rp_mgy": 1.0}, NO_DOSE),  # the text has a level of another quantity
        ({"modality": "XA"}, PROCEDURE),
    ],
)
def test_who_is_passed_over_is_counted_with_why(told: dict[str, Any], why: str) -> None:
    found = chosen([shot("1", "a", **told), shot("2", "b", "2026-01-03")])
    assert (uids(found), found.passed_over) == (["2"], {why: 1})


def test_what_comes_after_the_last_of_the_group_is_not_counted() -> None:
    rows = [shot(f"{n}", f"{n}", at=f"0{n}:00:00") for n in range(3)]
    assert chosen([*rows, shot("9", "9", "2026-01-09", population=None)]).passed_over == {}


def test_children_and_adults_are_never_of_one_group() -> None:
    rows = [shot("1", "a"), child("2", 20.0)]
    assert uids(chosen(rows)) == ["1"]
    found = chosen(rows, CHILDREN)
    assert (uids(found), found.passed_over) == (["2"], {})


def test_children_are_of_the_nearest_weight_that_the_text_names_and_who_was_not_weighed_is_passed_over() -> None:
    rows = [child("light", 19.0), child("none", None), child("heavy", 27.0), child("heavier", 50.0)]
    found = chosen(rows, CHILDREN)
    assert (uids(found), found.passed_over) == (["light"], {NO_WEIGHT: 1})
    assert uids(chosen(rows, Wanted(CHEST, "child", TEXT, 30.0))) == ["heavy"]


def test_where_the_text_has_no_level_any_dose_and_any_weight_that_is_known_will_do() -> None:
    silent = Wanted("Knee", "child", TEXT)
    found = chosen([child("1", 12.0), child("2", 50.0, dap_mgycm2=None, dose_rp_mgy=1.0), child("3", None)], silent)
    assert (uids(found), found.passed_over) == (["1", "2"], {})
    assert (silent.weights, CHILDREN.weights, ADULTS.weights, ADULTS.wording) == ([], [20, 30], [], "Thorax de face")


def test_a_scan_of_another_phantom_is_passed_over() -> None:
    scan: dict[str, Any] = {"modality": "CT", "dap_mgycm2": None, "dlp_mgycm": 900.0}
    rows = [shot(f"{cm}", f"{cm}", **scan, phantom_cm=cm) for cm in (16, 32, None)]
    found = chosen(rows, Wanted(HEAD, "adult", TEXT))
    assert (uids(found), found.passed_over) == (["16"], {PHANTOM: 2})


def test_many_scans_of_one_person_do_not_choose_the_phantom() -> None:
    scan: dict[str, Any] = {"modality": "CT", "dap_mgycm2": None, "dlp_mgycm": 900.0}
    often = [shot(f"o{n}", "one", f"2026-01-1{n}", **scan, phantom_cm=16) for n in range(4)]
    others = [shot(f"{n}", f"{n}", f"2026-01-2{n}", **scan, phantom_cm=32) for n in range(3)]
    assert uids(chosen([*often, *others], Wanted("Knee", "adult", TEXT))) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("phantoms", "group"),
    [((32, 16, 32, 32), ["0", "2", "3"]), ((16, 32), ["0"]), ((32, None, None), ["1", "2"])],
    ids=["most", "a_tie", "none_known"],
)
def test_scans_of_two_phantoms_are_of_no_one_group_also_where_the_text_is_silent(
    phantoms: Sequence[int | None], group: list[str]
) -> None:
    """That of most; of the first, where as many have another. What states no phantom is beside its like alone."""
    scan: dict[str, Any] = {"modality": "CT", "dap_mgycm2": None, "ctdivol_mgy": 10.0}
    rows = [shot(f"{n}", f"{n}", f"2026-01-0{n + 1}", **scan, phantom_cm=cm) for n, cm in enumerate(phantoms)]
    found = chosen([*reversed(rows)], Wanted("Chest", "adult", TEXT))
    assert (uids(found), found.passed_over) == (group, {PHANTOM: 1})


def test_the_next_person_is_in_the_place_of_one_who_is_left_out_and_no_more_are_asked_about_than_it_lacks() -> None:
    rows = [shot(f"{n}", f"{n}", at=f"0{n}:00:00") for n in range(9)]
    asked: list[list[str]] = []

    def sees(some: list[Any]) -> list[Any]:
        asked.append([row["uid"] for row in some])
        return [row for row in some if row["uid"] not in ("1", "3")]

    found = chosen(rows, sees=sees)
    assert (uids(found), found.passed_over) == (["0", "2", "4"], {LEFT_OUT: 2})
    assert asked == [["0", "1", "2"], ["3"], ["4"]]


def test_figures_are_of_what_is_known_alone() -> None:
    rows = [shot("1", "a", dap_mgycm2=value, dose_rp_mgy=None) for value in (10.0, 20.0, 40.0, 70.0, None)]
    (told,) = figures(rows)
    assert told == {"quantity": "dap_mgycm2", "patients": 4, "median": 30.0, "mean": 35.0, "q1": 17.5, "q3": 47.5}
