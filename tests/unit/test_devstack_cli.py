"""`krypton dev` where nothing runs: what it prints and what it raises for ``main`` to turn into an exit code."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from krypton.cli.dev import app
from krypton.errors import ServiceUnavailable
from schemas.registry import registry
from tests.fakes.registry_server import serving


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("KRYPTON_HOME", "KRYPTON_KAFKA", "KRYPTON_DATABASE", "KRYPTON_DATABASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KRYPTON_REGISTRY_PORT", "1")  # where nothing listens


def test_status_names_what_is_down_and_the_command_that_starts_it() -> None:
    result = CliRunner().invoke(app, ["status"])
    assert result.stdout == "kafka down\ndatabase down\nregistry down http://127.0.0.1:1\n"
    assert isinstance(result.exception, ServiceUnavailable)
    assert str(result.exception) == "no answer from kafka and database: run krypton dev up"


def test_status_as_json_is_one_document() -> None:
    result = CliRunner().invoke(app, ["status", "--json"])
    kafka, database, registry = json.loads(result.stdout)["services"]
    assert kafka == {"service": "kafka", "up": False, "given": False, "address": None, "password_file": None}
    assert (database["service"], registry["service"]) == ("database", "registry")


def test_status_shows_where_the_database_is_and_where_its_password_is_kept(tmp_path: Path) -> None:
    home = tmp_path / ".krypton"
    home.mkdir()
    (home / "ports.json").write_text('{"database": 1}')
    (home / "postgres.password").write_text("hush")
    plain, as_json = (CliRunner().invoke(app, ["status", *words]).stdout for words in ([], ["--json"]))
    assert "database down postgresql://krypton@127.0.0.1:1/krypton\n" in plain
    assert json.loads(as_json)["services"][1]["password_file"] == str(home / "postgres.password")
    assert "hush" not in plain + as_json


def test_status_finds_a_registry_that_answers_and_misses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not the stack's to start, so without it the stack is whole."""
    with serving(registry()) as url:
        monkeypatch.setenv("KRYPTON_REGISTRY_PORT", url.rpartition(":")[2])
        result = CliRunner().invoke(app, ["status"])
    assert result.stdout.splitlines()[-1] == f"registry {url}"
    assert "registry" not in str(result.exception)


def test_an_unknown_tool_is_refused_by_name() -> None:
    result = CliRunner().invoke(app, ["tool", "console-producer"])
    assert result.exit_code == 2
    assert "console-consumer" in result.stderr


def test_a_given_service_is_named_by_its_variable_and_its_password_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KRYPTON_DATABASE", "postgresql://u:hush@127.0.0.1:1/k")
    result = CliRunner().invoke(app, ["status"])
    assert "database down postgresql://u@127.0.0.1:1/k\n" in result.stdout
    assert "hush" not in result.stdout + str(result.exception)
    assert "start the one that KRYPTON_DATABASE names, and run krypton dev up" in str(result.exception)


def test_down_is_harmless_where_nothing_runs_and_makes_no_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["down"])
    assert result.exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_reset_asks_first(tmp_path: Path) -> None:
    key = tmp_path / ".krypton" / "master.key"
    key.parent.mkdir()
    key.write_text("kept")
    result = CliRunner().invoke(app, ["reset"], input="n\n")
    assert result.exit_code == 1
    assert f"Delete every event, view and key in {tmp_path / '.krypton'}?" in result.stderr
    assert key.exists()


def test_reset_with_yes_deletes_data_and_keeps_downloads(tmp_path: Path) -> None:
    for name in ("kafka", "postgres", "dicom", "downloads", "logs"):
        (tmp_path / ".krypton" / name).mkdir(parents=True)
    (tmp_path / ".krypton" / "master.key").touch()
    result = CliRunner().invoke(app, ["reset", "--yes"])
    assert result.exit_code == 0
    assert {path.name for path in (tmp_path / ".krypton").iterdir()} == {"downloads", "lock", "logs"}
