"""No command and no query reads personal data unless the gate decides: each is known here, or fails."""

import ast
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main

import krypton.queries
from domain.actors import Caller
from domain.tasks import GATED, TASKS
from krypton import auditing, erasing
from krypton.cli.main import build
from tests import reads

ROOT = Path(__file__).parents[2]
ANSWERS = {"history.history", "accesses.accesses", "as_of.as_of", "exposure.exposure", "export.export"}


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The task of each command below a group."""
    if not hasattr(group, "commands"):
        yield ".".join(path)
        return
    for name, command in group.commands.items():
        yield from commands(command, (*path, name))


COMMANDS = sorted(commands(typer.main.get_command(build())))


def functions(package: Any) -> dict[str, Callable[..., Any]]:
    """Each public function that a module of the package defines, by module and name."""
    found: dict[str, Callable[..., Any]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        loaded = import_module(f"{package.__name__}.{module.name}")
        for name, one in inspect.getmembers(loaded, inspect.isfunction):
            if one.__module__ == loaded.__name__ and not name.startswith("_"):
                found[f"{module.name}.{name}"] = one
    return found


QUERIES = functions(krypton.queries)


@pytest.mark.parametrize("task", COMMANDS)
def test_each_command_reads_personal_data_or_does_not(task: str) -> None:
    assert (task in reads.PERSONAL) + (task in reads.NOTHING_PERSONAL) == 1, "put it in one table of tests/reads.py"


def test_the_tables_name_nothing_that_is_gone() -> None:
    assert reads.PERSONAL.keys() | reads.NOTHING_PERSONAL.keys() <= {*COMMANDS}
    assert reads.ASKS_THE_GATE | reads.BEHIND_THE_GATE.keys() <= QUERIES.keys()


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_each_query_asks_the_gate_or_is_behind_it(name: str) -> None:
    assert (name in reads.ASKS_THE_GATE) + (name in reads.BEHIND_THE_GATE) == 1, "put it in one table of tests/reads.py"


@pytest.mark.parametrize("name", sorted(reads.ASKS_THE_GATE))
def test_a_query_that_answers_about_people_takes_a_caller(name: str) -> None:
    parameters = inspect.signature(QUERIES[name]).parameters
    assert parameters["caller"].annotation is Caller
    assert parameters["caller"].default is inspect.Parameter.empty


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_an_answer_for_auditors_takes_a_caller(name: str) -> None:
    parameters = inspect.signature(functions(auditing)[name]).parameters
    assert parameters["caller"].annotation is Caller


def test_what_is_shown_of_erasures_takes_a_caller() -> None:
    found = {name: one for name, one in functions(erasing).items() if name.startswith("shown.")}
    assert found.keys() == {f"shown.{name}" for name in reads.ERASURES}
    for one in found.values():
        assert inspect.signature(one).parameters["caller"].annotation is Caller


def test_what_reads_personal_data_is_refused_by_the_gate_and_by_nobody_before() -> None:
    assert reads.PERSONAL.keys() <= GATED
    assert TASKS.keys() >= GATED


@pytest.mark.parametrize("task", sorted(reads.PERSONAL))
def test_a_command_that_reads_personal_data_asks_who_and_why(task: str) -> None:
    command = typer.main.get_command(build())
    for name in task.split("."):
        command = command.commands[name]  # type: ignore[attr-defined]  # a group
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--as", "--reason"} <= options


READERS = {"queries", "review", "orders", "readings"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("krypton/cli/*.py")), ids=lambda p: p.stem)
def test_no_command_reads_a_view_past_the_gate(path: Path) -> None:
    imported = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)]
    asked = {f"{n.module}.{alias.name}" for n in imported for alias in n.names}
    past = {one for one in asked if one.startswith("projections.") and READERS & {*one.split(".")}}
    assert past == set()
