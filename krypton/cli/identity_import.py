"""krypton identity import: registers many local identities from a CSV file."""

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.importing import Check, File, Rejects, imported
from krypton.cli.options import AsJson, CommandId


def import_file(
    file: File,
    check: Check = False,
    rejects: Rejects = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Register many from CSV: assigner,id,family,given,birth_date,sex and optionally birth_place,ins,…

    Reads what spreadsheets write: semicolons, tabs or commas, French names of columns, UTF-8 or Windows-1252 (see
    docs/csv.md). Run again, also after an interruption, it writes only what is missing. Ends with 1 where a row was
    refused.
    """
    from krypton.intake.identity_csv import IDENTITIES

    imported(IDENTITIES, file, who, command_id, check, rejects, as_json)


def add_to(app: typer.Typer) -> None:
    """The command of the group."""
    app.command("import")(import_file)
