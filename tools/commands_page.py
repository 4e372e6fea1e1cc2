"""``python -m tools.commands_page``: generates ``docs/commands.md`` from the command line; a test keeps it current."""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final, get_args, get_origin
from uuid import UUID

import typer.main

from domain.tasks import TASKS, who_may
from krypton import failures
from krypton.cli import main
from tools.prose import cell

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
TYPES: Final = {str: "text", int: "whole number", float: "number", Path: "path", UUID: "uuid", datetime: "time"}
HEAD = f"""# The command line

Made from the program by `python -m tools.commands_page`; do not edit. `krypton COMMAND --help` says the same.

- REF is an identity: `ASSIGNER|LOCAL_ID` (in quotes, for the shell), an identity's or a person's uuid, or
  `INS|matricule`.
- Times are ISO 8601; one without a zone is UTC. POSITION is a ledger position.
- *For* names the roles that may do it (`domain/tasks.py`). The roles file gives the user of the operating system
  roles; `--as` chooses among one's own.
- Results go to standard output, messages and progress to standard error. `--json` gives one JSON document.

| exit code | means | standard error says |
|---|---|---|
| 0 | done | |
| {failures.REFUSED} | refused by a rule | `refused: … (L2)`; [rules](rules.md) has the number |
| {main.USAGE} | wrong usage, or a setting that cannot be | `Usage: …`, `settings: …` |
| {failures.NOT_FOUND} | not found | `not found: …` |
| {failures.UNREACHABLE} | a service cannot be reached, or is busy | `unavailable: …`, with the command that starts it |
| {main.INTERRUPTED} | interrupted (Ctrl-C) | `interrupted: …`; the same command can be run again |

"""


def page() -> str:
    """The whole page."""
    lines = [HEAD.rstrip(), ""]
    for words, command in commands():
        lines += [*_command(words, command), ""]
    return "\n".join(lines)


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """The words of each command, and the command; in alphabetical order."""
    yield from sorted(_below(typer.main.get_command(main.build()), ()), key=lambda found: found[0])


def _below(group: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(group, "commands"):
        yield words, group
        return
    for name, command in group.commands.items():
        yield from _below(command, (*words, name))


def _command(words: tuple[str, ...], command: Any) -> Iterator[str]:
    shown = [one for one in command.params if not one.hidden]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    options = [one for one in shown if one not in arguments]
    yield f"## krypton {' '.join(words)}"
    yield ""
    usage = [*(_place(one) for one in arguments), *(["[OPTIONS]"] if options else [])]
    yield f"    {' '.join(['krypton', *words, *usage])}"
    yield ""
    yield _paragraphs(command.help)
    yield ""
    yield f"For: {_whom('.'.join(words))}."
    if shown:
        yield ""
        yield "| argument or option | takes | meaning |"
        yield "|---|---|---|"
        yield from (f"| `{_place(one)}` | {_type(one)} | {cell(one.help)} |" for one in arguments)
        yield from (f"| {_names(one)} | {_takes(one)} | {cell(one.help)} |" for one in options)


def _whom(task: str) -> str:
    return who_may(task) if task in TASKS else "whoever may start it; no role is asked for"


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (text or "").split("\n\n")).replace("``", "`")


def _place(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()) + ("…" if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def _names(option: Any) -> str:
    return ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))


def _takes(option: Any) -> str:
    if option.is_flag:
        return "–"
    said = [option.metavar or _type(option)]
    if option.required:
        said.append("must be given")
    if option.multiple:
        said.append("may be repeated")
    if option.default not in (None, "", [], ()) and not callable(option.default):
        said.append(f"`{getattr(option.default, 'value', option.default)}` unless given")
    return ", ".join(said)


def _type(one: Any) -> str:
    kind = one.type_descriptor.annotation
    if get_origin(kind) is list:
        (kind,) = get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " ".join(f"`{choice.value}`" for choice in kind)
    return TYPES[kind]


if __name__ == "__main__":
    PAGE.write_text(page())
