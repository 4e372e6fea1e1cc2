"""Every command is somebody's task, and is refused to anybody else before it does anything: all of them, walked."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main

from domain.actors import Role
from domain.tasks import GATED, TASKS
from krypton.cli.calling import FREE
from krypton.cli.main import build
from tests.fakes.roles import roles_file
from tests.integration.live_cli import CommandLine

READ = {  # each time they are asked is another question
    "topics", "health", "events",
    "site list", "professional list", "identity show", "identity history", "identity review list",
    "identity review show", "identity search",
    "record show", "dose show", "dose alerts", "dose reports", "dose device", "dose findings", "dose map",
    "dose study",
    "consent show", "order show", "order list",
    "access review list", "study conflicts list", "reading list", "rules list", "rules show", "views status",
    "rules train-matching", "rules diff",
    "views diff", "views check", "policies status", "policies parked", "dead-letters list", "dead-letters show",
    "subscriber list", "audit checkpoint", "audit verify", "audit history", "audit accesses", "audit as-of",
    "audit exposure", "audit export", "vault status", "erase status", "erase lapsed", "archive check",
    "study export", "study show", "dose export", "dose return",
}  # fmt: skip
GUARD = {  # they build or repair the stores: they record no event
    "views rebuild", "restore event-store", "restore decision-tables", "republish", "recover",
    "subscriber add", "subscriber remove", "vault rewrap", "dose region",
}  # fmt: skip
ID = {Role.PROFESSIONAL: "rpps:10101201233", Role.PATIENT: "patient:6f1c1c2e-0b1a-5c3e-9a0c-4b6a35d1e8f2"}
REGISTER = ("--assigner", "--id", "--family", "--given", "--birth-date", "--sex")  # or a file says it
PAIR = (  # or a terminal is asked for the reason
    *("merge", "unmerge", "bar", "unbar", "split"),
    *("review accept", "review dismiss", "review postpone", "review assign"),
)
ASKED_FOR = {("identity register", option) for option in REGISTER} | {(f"identity {one}", "--reason") for one in PAIR}
ASKED_FOR |= {("identity search", "--number"), ("identity review postpone", "--until")}
ANY = "00000000-0000-0000-0000-000000000001"


def commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Each command by its whole name."""
    below = getattr(group, "commands", None)  # a group's, of the click that typer brings along
    if below is None:
        yield name, group
    for word, one in (below or {}).items():
        yield from commands(one, f"{name} {word}".strip())


ALL = dict(commands(typer.main.get_command(build())))
TASK = {name: name.replace(" ", ".") for name in ALL}


def options(name: str) -> set[str]:
    return {option for parameter in ALL[name].params for option in parameter.opts}


GUARDED = sorted(name for name in ALL if TASK[name] not in FREE)


def typed(name: str, folder: Path) -> list[str]:
    """The command with something for all that it cannot do without."""
    words = name.split()
    for parameter in ALL[name].params:
        if parameter.required or (name, parameter.opts[0]) in ASKED_FOR:
            stated = parameter.type_descriptor
            wants_folder = getattr(stated.parameter_info, "file_okay", True) is False
            value = str(folder / "new") if wants_folder else _value(stated.annotation, folder)
            words += [parameter.opts[0], value] if parameter.opts[0].startswith("--") else [value]
    return words


def _value(kind: Any, folder: Path) -> str:
    kind = next(iter(get_args(kind)), kind)  # of a list, what is in it
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return next(iter(kind))
    return {int: "1", datetime: "2026-01-02T08:00:00", Path: str(folder / "there.toml")}.get(kind, ANY)


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_command_is_a_task_of_somebodys_or_needs_no_role(name: str) -> None:
    assert (TASK[name] in TASKS) is not (TASK[name] in FREE)


@pytest.mark.parametrize("name", [name for name in GUARDED if TASK[name] not in GATED])
def test_a_task_is_refused_to_whoever_has_no_role_for_it_before_anything_is_done(name: str, tmp_path: Path) -> None:
    """Nothing runs here: a command that went on would find that the servers are away. What reads personal data is
    refused by the gate, on record: see ``tests/integration/test_every_read.py``."""
    others = [ID.get(role, f"{role}:essai") for role in Role if role not in TASKS[TASK[name]]]
    line = CommandLine(tmp_path / "home", (("KRYPTON_ROLES", str(roles_file(tmp_path / "roles", *others))),))
    (tmp_path / "there.toml").touch()
    said = line.complaint(1, *typed(name, tmp_path)) if others else ""
    assert not others or (said.startswith(f"refused: {name} is for ") and said.endswith("(W2)"))
    nobody = CommandLine(tmp_path / "home", (("KRYPTON_ROLES", str(roles_file(tmp_path / "none"))),))
    assert "you have no role in the roles file (W2)" in nobody.complaint(1, *typed(name, tmp_path))
    assert not line.home.exists()


@pytest.mark.parametrize("name", GUARDED)
def test_a_role_that_may_do_a_task_gets_as_far_as_the_servers(name: str, tmp_path: Path) -> None:
    may = next(ID.get(role, f"{role}:essai") for role in Role if role in TASKS[TASK[name]])
    line = CommandLine(tmp_path / "home", (("KRYPTON_ROLES", str(roles_file(tmp_path / "roles", may))),))
    (tmp_path / "there.toml").touch()
    said = line.run(*typed(name, tmp_path))
    assert "(W" not in said.err
    assert not name.startswith("identity") or said.code == 4


@pytest.mark.parametrize("name", sorted(set(GUARDED) - READ - GUARD))
def test_a_command_that_changes_something_takes_an_id_of_its_own(name: str) -> None:
    assert "--command-id" in options(name)


@pytest.mark.parametrize("name", sorted(ALL))
def test_nobody_states_who_asks_but_by_choosing_among_their_own_roles(name: str) -> None:
    assert "--actor" not in options(name)
    assert ("--as" in options(name)) is (TASK[name] not in FREE)


def test_the_commands_that_change_nothing_are_there() -> None:
    assert set(GUARDED) >= READ | GUARD
    assert not READ & GUARD
    assert {name.replace(" ", ".") for name in ALL} >= FREE
