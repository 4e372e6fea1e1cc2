"""Each view is declared once, in its package: what the declaration names is there, and all lists follow."""

import configparser
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from domain.rules.in_force import ABSENT
from krypton.views.raise_due import COMMANDS
from projections.declared import VIEWS

ROOT = Path(__file__).resolve().parents[2]
every_view = pytest.mark.parametrize("view", VIEWS)
NOT_VIEWS = {"engine", "versions"}


def test_every_package_of_projections_that_is_a_view_is_declared() -> None:
    packages = {path.parent.name for path in (ROOT / "projections").glob("*/__init__.py")}
    assert set(VIEWS) == packages - NOT_VIEWS


@every_view
def test_a_view_is_named_as_its_package_is(view: str) -> None:
    assert import_module(f"projections.{view}").VIEW is VIEWS[view]
    assert VIEWS[view].make().name == view


@every_view
def test_a_view_is_made_with_the_rules_of_its_kinds_and_notes_them(view: str) -> None:
    declared = VIEWS[view]
    made = declared.make(*(ABSENT[kind] for kind in declared.kinds))
    assert dict(made.rules) == {kind: ABSENT[kind].version for kind in declared.kinds}


@every_view
def test_the_parts_that_a_view_names_are_there(view: str) -> None:
    declared = VIEWS[view]
    assert all(import_module(module).__doc__ for module in declared.query_modules())
    assert (declared.meaning() is None) == (declared.difference is None)
    assert (declared.find_due() is None) == (declared.due is None)


def test_what_is_due_becomes_commands_for_each_view_that_says_what_is() -> None:
    assert set(COMMANDS) == {name for name, view in VIEWS.items() if view.due}


def test_the_import_contract_knows_each_view() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    layers = contracts["importlinter:contract:projections-rooms"]["layers"].split("\n")
    assert {name.strip() for name in layers[2].split("|")} == {*VIEWS, "versions"}


def test_the_concepts_name_each_view() -> None:
    told = next(
        line for line in (ROOT / "docs" / "concepts.md").read_text().splitlines() if line.startswith("**View.**")
    )
    assert [name for name in VIEWS if f"`{name}`" not in told] == []


def test_a_declaration_loads_no_part() -> None:
    """A command that asks only the ledger imports the declarations, and need not load tables and folds."""
    loaded = "import sys, projections.declared; print(*(m for m in sys.modules if m.startswith('projections.')))"
    found = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = {"projections.declared", "projections.engine", "projections.engine.declaration"}
    assert set(found.stdout.split()) == wanted | {f"projections.{name}" for name in VIEWS}
