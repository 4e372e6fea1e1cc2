"""Each content item of a Patient Radiation Dose SR against the template tables of PS3.16, none passed over."""

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from adapters.dicom.rdsr.concepts import DOSES
from krypton.faces.dose.standards.sr.codes import OF_EXPOSURE, ORGANS
from tests.fakes.dose_sr import Placed, items, key, read
from tests.fakes.doses_shown import CASES, exposure, report, shown
from tests.unit.test_dose_sr import ESTIMATE, of_head

TABLES: dict[str, Any] = tomllib.loads((Path(__file__).parents[1] / "data" / "dicom_templates.toml").read_text())
ROWS = {row["at"]: row for row in TABLES["row"]}
ESTIMATE_AT = "128401/128402"
ORGAN = [{"organ": "SCT:39607008", "mgy": 4.0}]
WITH_ALL = {
    **CASES,
    "estimate": of_head(effective_dose_estimate=ESTIMATE) | {"estimates": {"rule_version": 3}},
    "organs": shown([exposure("1.1", "RADIOPHARMACEUTICAL", "NM", "1.9.1", organ_doses=ORGAN)], [report("1.9.1")]),
    "region in words": shown(
        [exposure("1.1", "CT", "CT", "1.9.1", dlp_mgycm=1.0, target_region="Kopf")], [report("1.9.1")]
    ),
    "not all events": CASES["implausible"] | {"reports": [report("1.9.1") | {"exposures": 3}]},
}


def allowed(placed: Placed) -> list[dict[str, Any]]:
    """The rows that an item may be of: one of a template, or one that an extensible template takes in."""
    if row := ROWS.get(placed.path):
        return [row]
    above = placed.above[-1] if placed.above else ""
    of_number = len(placed.above) == 3 and "/".join(placed.above[:2]) == ESTIMATE_AT
    within = {above, *(["NUM"] if of_number and above not in ("128415", "128403") else [])}
    return [one for one in TABLES["extension"] if one["in"] in within and one["concept"] == placed.concept]


def faults(report_: Dataset) -> list[str]:
    """What is otherwise than the tables have it."""
    found: list[str] = []
    for one in items(report_):
        rows = [row for row in allowed(one) if fits(one.item, row)]
        if not rows:
            found.append(f"{one.path}: no row has such an item ({one.item.ValueType})")
        required = {at: row for at, row in ROWS.items() if at.rpartition("/")[0] == one.path}
        below = Counter(item.concept for item in items(one.item) if len(item.above) == 1)
        for at, row in required.items():
            count = below[at.rpartition("/")[2]]
            if row["need"] == "M" and not count:
                found.append(f"{at}: {row['clause']} is missing")
            if row["times"] == "1" and count > 1:
                found.append(f"{at}: {row['clause']} is there {count} times")
    return found


def fits(item: Dataset, row: dict[str, Any]) -> bool:
    if (item.get("RelationshipType", ""), item.ValueType) != (row["relation"], row["type"]):
        return False
    if item.ValueType == "CODE":
        value = key(item.ConceptCodeSequence[0])
        organs = value.removeprefix("SCT:") in ORGANS
        return value in row.get("values", [value]) and (organs or "context" not in row)
    if item.ValueType == "NUM" and item.MeasuredValueSequence:
        (measured,) = item.MeasuredValueSequence
        return key(measured.MeasurementUnitsCodeSequence[0]).removeprefix("UCUM:") in row["units"]
    return True


@pytest.mark.parametrize("case", WITH_ALL.values(), ids=WITH_ALL)
def test_each_item_is_of_a_row_and_each_row_that_must_be_there_is(case: dict[str, Any]) -> None:
    assert faults(read(case)) == []


def test_the_walk_finds_what_is_missing_too_much_or_foreign() -> None:
    sent = read(of_head())
    (estimate,) = (one.item for one in items(sent) if one.path == ESTIMATE_AT)
    name, *others = estimate.ContentSequence
    estimate.ContentSequence = others
    assert faults(sent) == ["128401/128402/128403: TID 10031, name is missing"]
    estimate.ContentSequence = [name, name, *others]
    assert faults(sent) == ["128401/128402/128403: TID 10031, name is there 2 times"]
    estimate.ContentSequence = [name, *others]
    others[0].ConceptNameCodeSequence[0].CodeValue = "113720"
    others[1].MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue = "Gy"
    assert [one.partition(":")[0] for one in faults(sent) if "NUM" in one] == [
        "128401/128402/113720",
        "128401/128402/113830",
    ]


def test_meanings_are_those_of_the_standard() -> None:
    """By pydicom's copy of the context groups and of annex D, which adds to some."""
    organs = meanings(codes.CID10044) | meanings(codes.CID10060)
    assert organs.keys() >= {f"SCT:{code}" for code in ORGANS} >= meanings(codes.CID10044).keys()
    dcm, sent = meanings(codes.DCM), [name for one in WITH_ALL.values() for name in names(read(one))]
    wrong = {(name, told) for name, told in sent if not any(one.startswith(told) for one in dcm.get(name, {told}))}
    assert wrong == set()
    assert {name for name, _ in sent if name.startswith("DCM:")} <= dcm.keys()


def test_a_quantity_goes_under_the_code_that_our_reader_knows_it_by() -> None:
    read_by = {one.field: (one.codes[0], one.meaning, str(one.dimension)) for one in DOSES.values()}
    written = {name: (f"{c.scheme}:{c.value}", c.meaning, unit) for name, (c, unit) in OF_EXPOSURE.items()}
    assert written == read_by


def meanings(of: Any) -> dict[str, set[str]]:
    """Of each code: those of several editions, where it was reworded."""
    found: dict[str, set[str]] = {}
    for code in (getattr(of, name) for name in dir(of)):
        if isinstance(code, Code):
            found.setdefault(f"{code.scheme_designator}:{code.value}", set()).add(code.meaning)
    return found


def names(sent: Dataset) -> list[tuple[str, str]]:
    """Every concept, and every value that is coded."""
    told = [one.item.ConceptNameCodeSequence[0] for one in items(sent)]
    told += [one.item.ConceptCodeSequence[0] for one in items(sent) if one.item.ValueType == "CODE"]
    return [(key(code), code.CodeMeaning) for code in told]
