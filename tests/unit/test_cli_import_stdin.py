"""``identity import -`` reads standard input, and leaves no copy of it."""

import io
import sys
from pathlib import Path
from typing import NoReturn

import pytest
import typer

from krypton.cli import importing
from krypton.cli.importing import whole
from krypton.cli.main import run

ROWS = "assigner;id;family\nCHB;1;FICTIVE\n".encode("cp1252")


def test_standard_input_is_kept_byte_by_byte_for_its_user_alone_and_not_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ROWS)))
    with whole(Path("-")) as kept:
        assert kept.read_bytes() == ROWS
        assert kept.stat().st_mode & 0o077 == 0
    assert not kept.exists()


def test_a_closed_standard_input_is_an_empty_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with whole(Path("-")) as kept:
        assert kept.read_bytes() == b""


def test_a_file_is_read_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(ROWS)
    with whole(file) as kept:
        assert kept == file


@pytest.mark.parametrize("group", ["identity", "site", "professional"])
def test_each_import_takes_a_dash_and_says_where_there_is_no_file(
    group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([group, "import", str(tmp_path / "none.csv")]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert run([group, "import", str(tmp_path)]) == 2
    taken: list[Path] = []

    def take(file: Path) -> NoReturn:
        taken.append(file)
        raise typer.Exit

    monkeypatch.setattr(importing, "whole", take)
    assert run([group, "import", "-"]) == 0
    assert taken == [Path("-")]
