"""krypton dose show --html: a new file, its owner's alone; nothing is asked where it cannot be written."""

import stat
from pathlib import Path
from typing import Any

import pytest

from krypton.cli.main import run
from tests.fakes.roles import roles_file
from tests.fakes.written_doses import AS_AUDITOR, Asking, asking

NOTHING: dict[str, Any] = {
    "patient": {"given": "Marie", "family": "FICTIVE", "birth_date": None},
    "since": None,
    "until": None,
    "undated": 0,
    "totals": {},
    "estimates": None,
    "exposures": [],
    "stated_alone": [],
    "reports": [],
    "alerts": [],
    "unread": [],
    "qa_exposures": 0,
}
SHOW = ("dose", "show", "CHB|1", *AS_AUDITOR)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asking:
    """Whose dose was asked for."""
    return asking(monkeypatch, tmp_path, NOTHING)


@pytest.mark.parametrize(("options", "language"), [((), "fr"), (("--language", "en"), "en")])
def test_the_page_is_a_new_file_of_its_owner_alone(tmp_path: Path, options: tuple[str, ...], language: str) -> None:
    out = tmp_path / "page.html"
    assert run([*SHOW, "--html", str(out), *options]) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert f'<html lang="{language}">' in out.read_text()


def test_a_file_that_is_there_stays_and_nobody_is_asked_about(tmp_path: Path, asked: Asking) -> None:
    out = tmp_path / "page.html"
    out.write_text("mine")
    assert run([*SHOW, "--html", str(out)]) == 2
    assert (out.read_text(), asked.asked) == ("mine", [])


@pytest.mark.parametrize(
    "options",
    [("--html", "/nowhere/at/all/page.html"), ("--language", "en"), ("--html", "page.html", "--language", "de")],
    ids=["no folder", "no page", "no such language"],
)
def test_what_makes_no_sense_is_said_before_anybody_is_asked_about(
    options: tuple[str, ...], asked: Asking, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*SHOW, *options]) == 2
    assert (asked.asked, options[-2] in capsys.readouterr().err) == ([], True)


@pytest.mark.parametrize("since", ["2026-03-02", "", "2026-02-30", "yesterday"])
@pytest.mark.parametrize("command", [("show", "CHB|1"), ("device", "CHB"), ("findings",), ("map",), ("map", "suggest")])
def test_days_that_are_no_period_are_refused_and_nobody_is_asked_about(
    since: str,
    command: tuple[str, ...],
    asked: Asking,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An empty answer would look like a period without doses."""
    monkeypatch.setenv("KRYPTON_ROLES", str(roles_file(tmp_path / "more", "auditor:test", "operator:test")))
    who = "auditor:test" if command[0] == "show" else "operator:test"
    assert run(["dose", *command, "--as", who, "--since", since, "--until", "2026-03-01"]) == 2
    assert ("--until" if since == "2026-03-02" else "--since") in capsys.readouterr().err
    assert asked.asked == []
