"""krypton identity import: registers many local identities from a CSV file.

Parses and prints; ``main`` turns refusals into exit codes.
"""

from pathlib import Path
from typing import Annotated

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.options import AsJson, CommandId
from krypton.cli.output import written_by_many

REFUSED = 1


def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV with a header.")],
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
        summary = import_csv(krypton().ledger, file, who.actor(), command_id, check=check, rejects=rejects, warn=_warn)
    except FileWrong as wrong:
        raise typer.BadParameter(str(wrong), param_hint="FILE") from None
    written_by_many(summary, ("line", "reason"), as_json)
    if broken := summary["broken"]:
        raise typer.BadParameter(broken["reason"], param_hint="FILE")
    if summary["refused_lines"]:
        raise typer.Exit(REFUSED)


def _warn(sentence: str) -> None:
    typer.echo(f"warning: {sentence}", err=True)


def add_to(app: typer.Typer) -> None:
    """The command of the group."""
    app.command("import")(import_file)
