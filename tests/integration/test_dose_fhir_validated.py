"""HAPI's validator, with the profiles of the guide, on what is made of a study's doses."""

import json
from pathlib import Path

from krypton.faces.dose.standards.fhir import bundle
from tests.clients import hapi
from tests.fakes.doses_shown import ALL, CASES, STUDY


def test_hapi_finds_no_error_and_would(tmp_path: Path) -> None:
    paths = []
    for number, (name, case) in enumerate(CASES.items()):
        paths.append(tmp_path / f"{number} {name}.json")
        paths[-1].write_text(json.dumps(bundle(case, STUDY)))
    broken = bundle(ALL, STUDY)
    for entry in broken["entry"]:
        entry["resource"].pop("performer", None)
    wrong = tmp_path / "broken.json"
    wrong.write_text(json.dumps(broken))
    found = hapi.errors(*paths, wrong)
    assert [line for line in found if not line.startswith("broken.json")] == []
    assert [line for line in found if "performer" in line]
