"""The comparison with the region: who is told, where a median lies, and what the command line says of it."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.dose_practice import LEAST
from domain.dose_region import LEAST_SITES, MOST_SHARE, is_told, lies
from krypton.cli.dose_device import shown as shown_device
from krypton.cli.dose_region import beside

WIDTH = 80
HEAD = {
    "state": "current",
    "made_at": "2026-03-01T13:05:09Z",
    "acts": 1,
    "levels": 2019,
    "since": "2025-03-01",
    "until": "2026-03-01",
    "exposures": 1_000_000,
    "persons": 300_000,
    "sites": 150,
    "least_sites": 3,
    "same_period": True,
}
GROUP = {
    "act": "Chest PA",
    "population": "child",
    "weight": "20 kg",
    "quantity": "dap_mgycm2",
    "median": 107.25,
    "too_small": False,
    "device": "Room 7",
    "phantom_cm": None,
}
TOLD = {"exposures": 900, "persons": 400, "sites": 12, "too_small": False, "q1": 50.5, "median": 61.0, "q3": 80.25}


def said(capsys: pytest.CaptureFixture[str], region: Any, **head: Any) -> str:
    group = GROUP | {"region": region}
    asked = {"since": "2026-01-01", "until": None, "device": "Room 7", "devices": [group], "groups": [group]}
    beside(asked | {"region": HEAD | head}, [group])
    return capsys.readouterr().out


@given(st.dictionaries(st.text(max_size=2), st.integers(1, 200), min_size=1), st.integers(1, 20))
def test_figures_are_told_only_where_enough_contribute_and_none_gave_nearly_all(
    given_by: dict[str, int], others: int
) -> None:
    total = sum(given_by.values())
    told = is_told(len(given_by), others, max(given_by.values()) / total)
    assert not told or (len(given_by) >= LEAST_SITES and others >= LEAST)
    without_the_largest = total - max(given_by.values())
    assert not told or without_the_largest >= (1 - MOST_SHARE) * total * (1 - 1e-9)


@pytest.mark.parametrize(
    ("sites", "others", "share", "told"),
    [(3, 5, 0.85, True), (2, 5, 0.5, False), (3, 4, 0.5, False), (3, 5, 0.86, False), (150, 10_000, 0.08, True)],
)
def test_three_establishments_are_enough_where_five_persons_are_left_without_any_and_none_gave_nearly_all(
    sites: int, others: int, share: float, told: bool
) -> None:
    assert is_told(sites, others, share) is told


def test_a_median_at_a_quartile_lies_between_them() -> None:
    assert [lies(median, 10.0, 20.0) for median in (9.9, 10.0, 20.0, 20.1)] == ["below", "within", "within", "above"]


def test_a_median_over_the_third_quartile_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, TOLD | {"lies": "above"})
    assert "Beside the region, from 2025-03-01 to 2026-03-01: 150 establishments" in shown
    (line,) = (line for line in shown.splitlines() if line.startswith("Chest PA"))
    assert re.search(r"107\.25 +50\.5, 80\.25 +above them +12$", line)
    assert max(map(len, shown.splitlines())) <= WIDTH


def test_of_several_devices_each_group_says_whose_it_is_and_of_which_phantom(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In both tables; what names no device is no one's."""
    figures = {"persons": 40, "q1": 1.0, "q3": 3.0, "level": None, "protocol": None, "act": "Brain"}
    groups = [
        {**GROUP, **figures, "device": name, "phantom_cm": 16, "region": TOLD | {"lies": "above"}}
        for name in ("Room 7", None)
    ]
    found = {"site": "CHB", "device": None, "since": None, "until": None, "least": 5, "undated": 0, "region": HEAD}
    counts = {"exposures": 80, "persons": 40}
    shown_device({**found, **counts, "devices": [{"device": "Room 7", **counts, "last": None}], "groups": groups})
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= WIDTH
    rows = re.findall(r"^(Room 7|not) +Brain +child.* 16 ", shown, flags=re.M)
    assert (rows, shown.count("phantom")) == (["Room 7", "not"] * 2, 2)


def test_too_few_establishments_are_said_and_no_figure_shown(capsys: pytest.CaptureFixture[str]) -> None:
    few = TOLD | {"sites": 2, "too_small": True, "q1": None, "median": None, "q3": None, "lies": None}
    shown = said(capsys, few)
    assert "too few to tell" in shown
    assert " them" not in shown


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("absent", "no comparison with the region was made yet"),
        ("other_rules", "made by another mapping or other levels"),
        ("old", "and nobody makes it again: is the worker of dose_practice running?"),
    ],
)
def test_what_is_missing_or_old_is_said_with_what_to_do(
    state: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = said(capsys, None, state=state)
    assert words in shown
    assert "krypton dose region makes it now (operators)" in shown
    assert "{" not in shown


def test_where_the_device_is_told_of_other_months_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert "another period" not in said(capsys, TOLD | {"lies": "above"})
    told = said(capsys, TOLD | {"lies": "above"}, same_period=False)
    assert "the device's medians are of another period: from 2026-01-01" in told
