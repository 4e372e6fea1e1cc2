"""Reads values that must not be arguments: from standard input, a file, or an answer on the terminal.

Arguments show in the list of processes to everybody on the machine; what comes this way does not.
"""

import sys
from collections.abc import Collection
from io import StringIO
from pathlib import Path
from typing import Annotated, Final, TextIO, cast

import typer

STDIN: Final = "-"
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
            raise typer.BadParameter("Missing option '--reason': a statement about two people needs one")
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


def stated_in(source: str, names: Collection[str]) -> dict[str, str]:
    """What a file says, or standard input (``-``), by these names. Raises BadParameter, which repeats no value."""
    try:
        text = _stdin().read() if source == STDIN else Path(source).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise typer.BadParameter("it cannot be read as UTF-8 text", param_hint="--from") from None
    told = _object(text) if text.lstrip().startswith("{") else dict(_pairs(text))
    if unknown := sum(name not in names for name in told):
        known = ", ".join(names)
        raise typer.BadParameter(f"{unknown} of its names are none of {known}", param_hint="--from")
    return told


def _object(text: str) -> dict[str, str]:
    import json

    try:
        told = json.loads(text)
    except ValueError:
        raise typer.BadParameter("it begins as a JSON object and is none", param_hint="--from") from None
    if not all(isinstance(value, str | None) for value in told.values()):
        raise typer.BadParameter("a value of its JSON object is not text", param_hint="--from")
    return {_name(name): value for name, value in told.items() if value is not None}


def _pairs(text: str) -> list[tuple[str, str]]:
    lines = [(number, said.strip()) for number, said in enumerate(text.splitlines(), 1)]
    told = [(number, said.partition("=")) for number, said in lines if said and not said.startswith("#")]
    if wrong := [number for number, (_, sign, _) in told if not sign]:
        raise typer.BadParameter(f"line {wrong[0]} is not of the form name=value", param_hint="--from")
    return [(_name(name), value.strip()) for _, (name, _, value) in told]


def _name(spelt: str) -> str:
    return spelt.strip().lower().replace("-", "_")
