"""krypton dose export: a new file, its owner's alone; nothing is asked where it cannot be written."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from krypton.cli import dose_export
from krypton.cli.main import run
from tests.fakes.doses_shown import ALL, STUDY
from tests.fakes.roles import roles_file

ASKED = ("dose", "export", "CHB|1", "--as", "auditor:test")


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Whose dose was asked for."""
    found: list[str] = []

    def dose_of(_ours: Any, _caller: Any, ref: str, **_: Any) -> dict[str, Any]:
        found.append(ref)
        return ALL

    monkeypatch.setenv("KRYPTON_ROLES", str(roles_file(tmp_path / "roles", "auditor:test")))
    monkeypatch.setenv("KRYPTON_REASON", "essai")
    monkeypatch.setattr(dose_export, "dose_of", dose_of)
    monkeypatch.setattr(dose_export, "asker", lambda *_: None)
    monkeypatch.setattr(dose_export, "krypton", lambda: None)
    return found


def test_the_bundle_is_a_new_file_of_its_owner_alone(tmp_path: Path) -> None:
    out = tmp_path / "doses.json"
    assert run([*ASKED, STUDY, "--fhir", str(out)]) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert json.loads(out.read_text())["resourceType"] == "Bundle"


def test_a_file_that_is_there_stays_and_nobody_is_asked_about(tmp_path: Path, asked: list[str]) -> None:
    out = tmp_path / "doses.json"
    out.write_text("mine")
    assert run([*ASKED, STUDY, "--fhir", str(out)]) == 2
    assert (out.read_text(), asked) == ("mine", [])


def test_a_study_without_a_dose_is_named_and_leaves_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "doses.json"
    assert run([*ASKED, "9.9", "--fhir", str(out)]) != 0
    assert "no dose of study 9.9" in capsys.readouterr().err
    assert not out.exists()
