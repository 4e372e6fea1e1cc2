"""``identity import -`` reads standard input, and leaves no copy of it."""

import io
import sys
from pathlib import Path

import pytest

from krypton.cli.importing import whole

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
    with whole(tmp_path / "people.csv") as kept:
        assert kept == tmp_path / "people.csv"
