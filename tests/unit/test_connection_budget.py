"""The connection budget: what each process may hold, what it adds up to, and what is said where that is too much."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from krypton.services import budget
from krypton.services.budget import BUDGETS, needed, overrun
from krypton.services.run import COMMANDS
from krypton.settings import Settings
from postgres import limits
from projections.declared import VIEWS

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(Path("/nowhere"))
ADMINISTRATORS = 3
USUAL_MOST = 100 - ADMINISTRATORS
WITHOUT_DATABASE = {"registry"}


def lets_in(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(limits, "most", lambda _: count)


def test_each_process_that_runs_has_a_budget() -> None:
    assert COMMANDS.keys() - WITHOUT_DATABASE | {"run", "worker"} == BUDGETS.keys()


def test_each_command_of_a_process_begins_with_its_budget() -> None:
    begun = [
        name
        for path in (ROOT / "krypton").rglob("*.py")
        for name in re.findall(r'begin\((?:ours|krypton\(.*\)), "(\w+)"\)', path.read_text())
    ]
    assert sorted(begun) == sorted(BUDGETS)


def test_a_server_as_it_comes_lets_in_the_ledger_and_a_rebuild_of_one_view() -> None:
    assert needed(SETTINGS, len(VIEWS) + budget.COMING) <= USUAL_MOST


@pytest.mark.parametrize("file", ["docker/compose.yaml", "krypton/devstack/postgres.py"])
def test_the_server_that_compose_and_the_embedded_stack_start_lets_in_a_rebuild_of_each_view(file: str) -> None:
    set_to = re.search(r'max_connections(?:=|": ")(\d+)\b', (ROOT / file).read_text())
    assert set_to
    assert needed(SETTINGS, 2 * len(VIEWS) + budget.COMING) <= int(set_to[1]) - ADMINISTRATORS


def test_what_adds_up_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    lets_in(monkeypatch, needed(SETTINGS, 4))
    assert overrun(None, SETTINGS, 4) == ""  # type: ignore[arg-type]  # nothing is asked


def test_what_is_too_much_is_refused_by_name_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    lets_in(monkeypatch, needed(SETTINGS, 4) - 3)
    said = overrun(None, SETTINGS, 4)  # type: ignore[arg-type]  # nothing is asked
    assert f"PostgreSQL lets in {needed(SETTINGS, 4) - 3}: raise its max_connections by 3" in said
    assert all(f"{name} {one.most}" in said for name, one in BUDGETS.items() if name != "worker")
    assert "4 workers 3 each, other programs 18" in said


def test_each_worker_and_each_other_program_counts() -> None:
    assert needed(SETTINGS, 5) - needed(SETTINGS, 4) == BUDGETS["worker"].most
    assert needed(replace(SETTINGS, other_connections=50), 4) - needed(SETTINGS, 4) == 32
