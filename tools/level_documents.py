"""Writes ``rules/reference-levels-YEAR.toml``: the levels of each text, from its table in ``tools/levels``.

A table has a row per act, population, weight of a child and quantity, in the text's own words and units.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Final, NamedTuple

HERE: Final = Path(__file__).parent
WIDTH: Final = 120
RULES: Final = HERE.parent / "rules"
QUANTITIES: Final[Mapping[str, str]] = {
    "ctdivol": "ctdivol_mgy",
    "dlp": "dlp_mgycm",
    "dap": "dap_mgycm2",
    "entrance_dose": "entrance_dose_mgy",
    "mean_glandular_dose": "agd_mgy",
    "activity": "activity_mbq",
}


class Text(NamedTuple):
    """What a document says beside its levels. ``head``: remarks."""

    year: int
    begins: str
    title: str
    head: str
    body: Mapping[str, str | int]


COMMON: Final = """
Made by python -m tools from tools/levels/{file}: edit that, not this.

A level tells of one acquisition of an act; which exposures are of which act is said by rules of the kind dose-acts.
`guide` is the guide value (VGD), in the same unit. `weight_kg` is the weight of children whom a level is for: a child
is of the weight that is nearest, and one heavier than the greatest of the act, or of unknown weight, of none.
A correction takes a version number higher than all that were published.
"""
TEXTS: Final = (
    Text(
        2011,
        "2012-01-14",
        "NRD 2011",
        """
Diagnostic reference levels (NRD). Source: arrêté of 24 Oct 2011 (NOR ETSP1129093A), annexes 1 and 2.

Entrance doses are told and compared with nothing: here they include what the patient scatters back.
`adults` and `children` are how many persons a group has at least. Articles 2 and 3 ask for thirty patients, of children
too (of 30 kg at most, in nuclear medicine 40 kg); ten children are enough since the text of 2019 alone.
in_force_from is the day of publication in the Journal officiel, in_force_to the day before that of the text of 2019,
which repeals this one: correct both from the official texts.
""",
        {"statistic": "mean", "adults": 30, "children": 30, "in_force_to": "2019-05-29"},
    ),
    Text(
        2019,
        "2019-05-30",
        "NRD 2019, adults' radiography",
        """
Diagnostic reference levels (NRD). Source: ASN decision 2019-DC-0667, annex 2, table 2.1 (arrêté of 23 May 2019, NOR
SSAP1915191A).

Not here, to be loaded from the official text: paediatric radiography (table 2.2), mammography, CT (annex 3),
interventional (annex 4), nuclear medicine (annex 5). For those acts there is no level, never that of 2011.
`adults` and `children` are how many persons a group has at least: ten children, where the text of 2011 asks for thirty.
in_force_from is the day of publication in the Journal officiel: correct it from the official text.
""",
        {"statistic": "median", "adults": 30, "children": 10},
    ),
)


def documents() -> Iterator[tuple[Path, str]]:
    """Each file with what is to be in it."""
    for text in TEXTS:
        file = HERE / "levels" / f"nrd-{text.year}.csv"
        with file.open(encoding="utf-8", newline="") as opened:
            levels = [_level(row) for row in csv.DictReader(opened)]
        head = "\n".join(_remarks(text.head + COMMON.format(file=file.name)))
        envelope: dict[str, str | float] = {
            "kind": "reference-levels",
            "version": text.year,
            "in_force_from": text.begins,
            "title": text.title,
        }
        parts = (head, _lines(envelope), "", "[body]", _lines(text.body), *levels)
        yield RULES / f"reference-levels-{text.year}.toml", "\n".join(parts) + "\n"


def _remarks(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        yield from wrap(paragraph, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _level(row: Mapping[str, str]) -> str:
    told: dict[str, str | float] = {
        "act": row["act_en"],
        "wording": row["act"],
        "modality": row["modality"],
        "population": row["population"],
        "quantity": QUANTITIES[row["quantity"]],
        "value": _number(row["nrd"]),
        "unit": row["unit"],
    }
    for column, name in (("vgd", "guide"), ("weight_kg", "weight_kg"), ("phantom_cm", "phantom_cm")):
        if row[column]:
            told[name] = _number(row[column])
    return f"\n[[body.levels]]\n{_lines(told)}"


def _number(text: str) -> float:
    """Whole numbers are written as such."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _lines(told: Mapping[str, str | float]) -> str:
    return "\n".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in told.items())
