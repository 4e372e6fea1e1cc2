"""Reads values that must not be arguments: from standard input, a file, or an answer on the terminal.

Arguments show in the list of processes to everybody on the machine; what comes this way does not.
"""

import sys
from collections.abc import Collection, Mapping
from io import StringIO
from pathlib import Path
from typing import Annotated, Final, TextIO, cast

import typer

STDIN: Final = "-"
LARGEST: Final = 65_536
"""Characters of what is read: it speaks of one person."""
FROM_HELP: Final = "A file, or - for standard input: a JSON object, or lines such as family=FICTIVE."

From = Annotated[str | None, typer.Option("--from", metavar="FILE", help=FROM_HELP)]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask: for scripts.")]


def line(value: str | None) -> str | None:
    """A value as typed; ``-`` stands for the next line of standard input. Raises BadParameter where there is none.

    Where several are given so, options come first, in the order typed, then arguments.
    """
    if value != STDIN:
        return value
    try:
        told = _stdin().readline()
    except UnicodeDecodeError:
        raise typer.BadParameter("- stands for a line of standard input, and it is no UTF-8 text") from None
    if not told.strip():
        raise typer.BadParameter("- stands for a line of standard input, and there is none")
    if "\0" in told:
        raise typer.BadParameter("- stands for a line of text, and standard input holds a null character")
    return told.strip()


def _why(said: str | None) -> str:
    """Why something is stated: as typed, else asked on a terminal. Raises BadParameter."""
    if (reason := line(said)) is None:
        if not on_terminal():
            raise typer.BadParameter("Missing option '--reason': say why the two are, or are not, one person")
        reason = str(typer.prompt("Why (kept sealed)", err=True))
    return reason


Because = Annotated[
    str, typer.Option("--reason", callback=_why, help="Why; kept sealed. A terminal asks for it; - reads it.")
]
"""Why something is stated that a terminal may be asked for."""
BECAUSE: Final = cast(str, None)
"""The default of ``Because``."""


def on_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _stdin() -> TextIO:
    """Standard input; one that is closed holds nothing."""
    return sys.stdin or StringIO()


def confirm(question: str, otherwise: Exception) -> None:
    """Ask on a terminal, and end the command where the answer is no. Raises ``otherwise`` where nobody can be asked."""
    if not on_terminal():
        raise otherwise
    typer.confirm(question, abort=True, err=True)


def all_told(typed: Mapping[str, str | None], source: str | None) -> dict[str, str]:
    """What is typed, and what a file or standard input says. Raises BadParameter where both say the same thing."""
    options = {name: str(value) for name, value in typed.items() if value is not None}
    file = stated_in(source, tuple(typed)) if source else {}
    if both := sorted(options.keys() & file.keys()):
        raise typer.BadParameter(f"--{both[0].replace('_', '-')} is typed and in the file: leave one out")
    return options | file


def stated_in(source: str, names: Collection[str]) -> dict[str, str]:
    """What a file says, or standard input (``-``), by these names. Raises BadParameter, which repeats no value."""
    text = _read(source)
    told = _object(text) if text.lstrip().startswith("{") else _once(_pairs(text), "line")
    if unknown := sum(name not in names for name in told):
        raise _wrong(f"{unknown} of its names are none of {', '.join(names)}")
    return told


def _read(source: str) -> str:
    """Raises BadParameter."""
    try:
        if source == STDIN:
            text = _stdin().read(LARGEST + 1).removeprefix("\ufeff")
        else:
            with Path(source).open(encoding="utf-8-sig") as file:
                text = file.read(LARGEST + 1)
    except OSError as cannot:
        raise _wrong(f"it cannot be read ({cannot.strerror}): name a file, or - for standard input") from None
    except UnicodeDecodeError:
        raise _wrong("it is no UTF-8 text: save it as such") from None
    if len(text) > LARGEST:
        raise _wrong(f"it holds over {LARGEST:,} characters: give one person's lines, many with identity import")
    if "\0" in text:
        raise _wrong("it holds a null character: save it as plain text")
    return text


def _wrong(what: str) -> typer.BadParameter:
    return typer.BadParameter(what, param_hint="--from")


def _object(text: str) -> dict[str, str]:
    import json

    try:
        told = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):  # the latter: lists within lists without end
        raise _wrong('it begins as a JSON object and is none: write {"family": "FICTIVE"}, or name=value') from None
    if not all(isinstance(value, str | None) for _, value in told):
        raise _wrong("a value of its JSON object is not text: write it between double quotes")
    return _once([(_name(name), value) for name, value in told if value is not None], "name")


def _once(told: list[tuple[str, str]], what: str) -> dict[str, str]:
    """Raises BadParameter where a name is there twice: one of the two would be lost."""
    stated = dict(told)
    if len(stated) < len(told):
        raise _wrong(f"a {what} says again what another one says: leave one out")
    return stated


def _pairs(text: str) -> list[tuple[str, str]]:
    lines = [(number, said.strip()) for number, said in enumerate(text.splitlines(), 1)]
    told = [(number, said.partition("=")) for number, said in lines if said and not said.startswith("#")]
    if wrong := [number for number, (_, sign, _) in told if not sign]:
        raise _wrong(f"line {wrong[0]} is not of the form name=value")
    return [(_name(name), value.strip()) for _, (name, _, value) in told]


def _name(spelt: str) -> str:
    return spelt.strip().lower().replace("-", "_")
