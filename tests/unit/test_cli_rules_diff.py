"""What ``rules diff`` prints of a file's changes, and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest

from krypton.cli import rules_diff
from krypton.cli.main import run
from krypton.queries import rule_changes
from tests.unit.refusals_of_rules import LEVELS

OF = {"site": "CHA", "device": "Room 1", "act": "Chest PA", "quantity": "dap_mgycm2", "side": "now"}
TEXT = {"rule": "reference-levels@2019", "statistic": "median", "nrd": 200.0, "guide": 150.0, "exposures": 40}
FEW = TEXT | {"value": None, "persons": 12, "said": "group too small (12 of 30)"}
ENOUGH = TEXT | {"value": 210.5, "persons": 30, "said": "over the level"}
NOTHING: dict[str, Any] = {"acts": [], "flags": [], "findings": []}
CHANGES = NOTHING | {
    "flags": [OF | {"change": "newly over", "exposures": None, "persons_compared": 4}],
    "findings": [OF | {"population": "adult", "weight_kg": None, "was": [FEW], "becomes": [FEW, ENOUGH]}],
}


@pytest.mark.parametrize(("changes", "code"), [(CHANGES, 1), (NOTHING, 0)])
def test_it_ends_with_1_where_anything_would_change(
    changes: dict[str, Any],
    code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = {"rules": "reference-levels@2011", "since": "2025-01-01", "until": None, "exposures": 1_234} | changes
    monkeypatch.setattr(rules_diff, "krypton", lambda: None)
    monkeypatch.setattr(rule_changes, "changed_by", lambda *_: told)
    file = tmp_path / "levels.json"
    file.write_text(json.dumps(LEVELS))
    assert run(["rules", "diff", str(file), "--json"]) == code
    assert json.loads(capsys.readouterr().out) == told
    assert run(["rules", "diff", str(file)]) == code
    said = " ".join(capsys.readouterr().out.split())
    assert "of 1,234 exposures; nothing was published" in said
    assert ("newly over" in said) == bool(code)


def test_a_finding_is_said_with_its_text_statistic_and_level_and_a_group_too_small_as_such() -> None:
    assert rules_diff._said([FEW]) == "reference-levels@2019: group too small (12 of 30)"
    assert rules_diff._said([ENOUGH]) == "reference-levels@2019: median 210.5 of 200, over the level (30 persons)"
    assert rules_diff._said([]) is None
