"""krypton dose return: a new file, whole and its owner's alone; nothing is asked where it cannot be written."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from domain.errors import NotFound
from krypton.cli import dose_return
from krypton.cli.main import run
from krypton.queries import dose_return as queries
from tests.fakes.roles import roles_file
from tests.unit.test_statutory import document, patient

AS = ("--as", "rpps:10101201233", "--reason", "yearly return")
RETURN = ("dose", "return", "CHB", "--device", "Salle 1", "--act", "Chest PA", *AS)
GROUP = document(patient(1, dap_mgycm2=107.5)) | {"needed": 1, "lacking": {"sex": 1}, "undated": 2}


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[queries.Asked]:
    """What was asked for; the answer is always ``GROUP``."""
    made: list[queries.Asked] = []

    def return_of(_ours: Any, _caller: Any, one: queries.Asked) -> dict[str, Any]:
        made.append(one)
        if one.act == "Nothing":
            raise NotFound("group too small (0 of 30)")
        return GROUP

    monkeypatch.setenv("KRYPTON_ROLES", str(roles_file(tmp_path / "roles", "rpps:10101201233")))
    monkeypatch.setattr(dose_return, "krypton", lambda: None)
    monkeypatch.setattr(dose_return, "asker", lambda *_: None)
    monkeypatch.setattr(queries, "return_of", return_of)
    return made


def test_the_file_is_new_and_its_owners_and_the_figures_are_told(
    tmp_path: Path, asked: list[queries.Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "return.csv"
    assert run([*RETURN, "--csv", str(out), "--since", "2025-01-01", "--until", "2025-12-31"]) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    told = capsys.readouterr().out
    assert all(word in told for word in ("DAP mGy·cm²", "107.5", "no dose", "in no group: 2", str(out)))
    assert (asked[0].since, asked[0].until, asked[0].population) == ("2025-01-01", "2025-12-31", "adult")


def test_a_program_gets_commas_and_points(tmp_path: Path, asked: list[queries.Asked]) -> None:
    out = tmp_path / "return.csv"
    assert run([*RETURN, "--csv", str(out), "--plain", "--population", "child", "--weight", "20"]) == 0
    assert (b",107.5," in out.read_bytes(), asked[0].weight_kg, asked[0].population) == (True, 20.0, "child")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--csv", "/nowhere/at/all/return.csv"), "--csv"),
        (("--csv", "new.csv", "--since", "yesterday"), "--since"),
        (("--csv", "new.csv", "--since", "2026-01-02", "--until", "2026-01-01"), "--until"),
        (("--csv", "new.csv", "--population", "everybody"), "--population"),
        (("--csv", "new.csv", "--weight", "heavy"), "--weight"),
        ((), "--csv"),
    ],
)
def test_what_makes_no_sense_is_said_before_anybody_is_asked_about(
    options: tuple[str, ...], named: str, asked: list[queries.Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*RETURN, *options]) == 2
    assert (asked, named in capsys.readouterr().err) == ([], True)


def test_a_file_that_is_there_stays_and_nobody_is_asked_about(tmp_path: Path, asked: list[queries.Asked]) -> None:
    out = tmp_path / "return.csv"
    out.write_text("mine")
    assert run([*RETURN, "--csv", str(out)]) == 2
    assert (out.read_text(), asked) == ("mine", [])


def test_without_a_group_there_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "return.csv"
    assert run([*RETURN, "--csv", str(out), "--act", "Nothing"]) == 3
    assert capsys.readouterr().err.startswith("not found: group too small (0 of 30)")
    assert not out.exists()


def test_a_disk_that_is_full_leaves_no_half_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "return.csv"

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run([*RETURN, "--csv", str(out)]) == 2
    assert [*tmp_path.glob("return*")] == []
