"""The documents of reference levels that ship equal the tables of the texts, row by row."""

import csv
import tomllib
from pathlib import Path
from typing import Any

import pytest

from domain.dose_levels import ReferenceLevels
from domain.rules.document import build, read_document
from tools import level_documents

ROOT = Path(__file__).parents[2]
NAMES = {
    "ctdivol_mgy": "ctdivol",
    "dlp_mgycm": "dlp",
    "dap_mgycm2": "dap",
    "entrance_dose_mgy": "entrance_dose",
    "agd_mgy": "mean_glandular_dose",
    "activity_mbq": "activity",
}


def shipped(year: int) -> str:
    return (ROOT / "rules" / f"reference-levels-{year}.toml").read_text()


def table(year: int) -> list[dict[str, str]]:
    with (ROOT / "tools" / "levels" / f"nrd-{year}.csv").open(newline="") as opened:
        return list(csv.DictReader(opened))


def built(year: int) -> ReferenceLevels:
    told = read_document(shipped(year))
    found = build(told.kind, told.version, told.body)
    assert isinstance(found, ReferenceLevels)
    return found


def test_the_files_are_as_the_tool_writes_them() -> None:
    assert {file: file.read_text() for file, _ in level_documents.documents()} == dict(level_documents.documents())


@pytest.mark.parametrize(("year", "rows"), [(2011, 154), (2019, 11)])
def test_each_row_of_the_text_is_a_level_of_the_document_and_nothing_else_is(year: int, rows: int) -> None:
    def number(text: str) -> float | None:
        return float(text) if text else None

    told = [
        (
            *(row["act_en"], row["act"], row["modality"], row["population"], number(row["weight_kg"]), row["quantity"]),
            *(row["unit"], number(row["nrd"]), number(row["vgd"]), number(row["phantom_cm"])),
        )
        for row in table(year)
    ]
    found = [_told(level) for level in tomllib.loads(shipped(year))["body"]["levels"]]
    assert found == told
    assert len(built(year).levels) == rows


def _told(level: dict[str, Any]) -> tuple[Any, ...]:
    first = (level["act"], level["wording"], level["modality"], level["population"], level.get("weight_kg"))
    last = (level["unit"], level["value"], level.get("guide"), level.get("phantom_cm"))
    return (*first, NAMES[level["quantity"]], *last)


def test_no_row_of_the_text_states_a_unit_that_is_not_the_documents() -> None:
    """So that a value of the text is that of the level."""
    for year in (2011, 2019):
        values = [float(row["nrd"]) for row in table(year)]
        assert [level.value for level in built(year).levels] == values


def test_the_texts_compare_the_mean_and_then_the_median() -> None:
    """2011: art. 2 and 3; 2019: IRSN, nrd.irsn.fr."""
    assert [(one.statistic, one.adults, one.children) for one in map(built, (2011, 2019))] == [
        ("mean", 30, 30),
        ("median", 30, 10),
    ]


@pytest.mark.parametrize(
    ("act", "old", "new"),
    [("Chest PA", 250, 200), ("Chest lateral", 1000, 550), ("Abdomen, plain", 7000, 3400), ("Hip", 3000, 1350)],
)
def test_the_change_of_the_law_is_in_the_documents(act: str, old: int, new: int) -> None:
    found = [[level.value for level in built(year).of(act, "DX", "adult", None)] for year in (2011, 2019)]
    assert found == [[old], [new]]


def test_what_the_text_of_2019_does_not_give_has_no_level_of_2011() -> None:
    assert built(2011).of("Brain", "CT", "adult", None)
    assert not built(2019).of("Brain", "CT", "adult", None)
