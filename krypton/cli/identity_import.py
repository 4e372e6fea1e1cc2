"""krypton identity import: registers many local identities from a CSV file.

Parses and prints; ``main`` turns refusals into exit codes.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import NamedTemporaryFile
from typing import Annotated

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.given import STDIN
from krypton.cli.options import AsJson, CommandId
from krypton.cli.output import written_by_many

REFUSED = 1


def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, readable=True, allow_dash=True, help="CSV with a header; - for standard input."
        ),
    ],
    check: Annotated[bool, typer.Option("--check", help="Say what would be refused, and write nothing.")] = False,
    rejects: Annotated[
        Path | None,
        typer.Option("--rejects", dir_okay=False, help="Keep refused rows in this file, each with its reason."),
    ] = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Register many from CSV: assigner,id,family,given,birth_date,sex and optionally birth_place,ins,…

    Reads what spreadsheets write: semicolons, tabs or commas, French names of columns, UTF-8 or Windows-1252 (see
    docs/csv.md). Run again, also after an interruption, it writes only what is missing. Ends with 1 where a row was
    refused.
    """
    from krypton.intake.identity_csv import FileWrong, import_csv

    try:
        with whole(file) as kept:
            ledger, by = krypton().ledger, who.actor()
            summary = import_csv(ledger, kept, by, command_id, check=check, rejects=rejects, warn=_warn)
    except FileWrong as wrong:
        raise typer.BadParameter(str(wrong), param_hint="FILE") from None
    written_by_many(summary, ("line", "reason"), as_json)
    if broken := summary["broken"]:
        raise typer.BadParameter(broken["reason"], param_hint="FILE")
    if summary["refused_lines"]:
        raise typer.Exit(REFUSED)


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """The file; of standard input a copy that only this user can read, gone afterwards: a CSV is read twice."""
    if str(file) != STDIN:
        yield file
        return
    with NamedTemporaryFile(prefix="krypton-import-") as kept:
        if sys.stdin is not None:  # closed: nothing is there, which is said as of an empty file
            copyfileobj(sys.stdin.buffer, kept)
        kept.flush()
        yield Path(kept.name)


def _warn(sentence: str) -> None:
    typer.echo(f"warning: {sentence}", err=True)


def add_to(app: typer.Typer) -> None:
    """The command of the group."""
    app.command("import")(import_file)
