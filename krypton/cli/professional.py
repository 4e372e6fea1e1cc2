"""krypton professional: registers health professionals by RPPS number."""

from typing import Annotated

import typer

from domain.commands.directory import Affiliate, RegisterProfessional, Suspend
from krypton.cli.calling import OWN, As
from krypton.cli.connection import ask, krypton
from krypton.cli.groups import command_group
from krypton.cli.importing import Check, File, Rejects, imported
from krypton.cli.options import AsJson, CommandId, Reason
from krypton.cli.output import document, table

app = command_group("Professionals.")
Rpps = Annotated[str, typer.Argument(help="RPPS number: 11 digits, the last a check digit.")]


@app.command()
def register(
    rpps: Rpps,
    name: Annotated[str, typer.Option("--name", help="As others read it, for example Dr Exemple.")],
    profession: Annotated[str, typer.Option("--profession", help="For example radiologist.")],
    site: Annotated[
        list[str] | None, typer.Option("--site", help="Code of an establishment where they work; may be repeated.")
    ] = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Register a professional."""
    command = RegisterProfessional(rpps=rpps, name=name, profession=profession, sites=tuple(site or ()))
    ask(krypton(), command, who, command_id, as_json)


@app.command()
def affiliate(
    rpps: Rpps,
    site: Annotated[str, typer.Option("--site", help="Code of the establishment where they work.")],
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Affiliate a professional to an establishment."""
    ask(krypton(), Affiliate(rpps=rpps, site=site), who, command_id, as_json)


@app.command()
def suspend(rpps: Rpps, reason: Reason, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Suspend a professional: they can open no access."""
    ask(krypton(), Suspend(rpps=rpps, reason=reason), who, command_id, as_json)


@app.command("import")
def import_file(
    file: File,
    check: Check = False,
    rejects: Rejects = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Register many from CSV: rpps,name,profession and optionally sites.

    Reads what spreadsheets write (see docs/csv.md). Run again, also after an interruption, it writes only what is
    missing. Ends with 1 where a row was refused.
    """
    from krypton.intake.directory_csv import PROFESSIONALS

    imported(PROFESSIONALS, file, who, command_id, check, rejects, as_json)


@app.command("list")
def list_professionals(who: As = OWN, as_json: AsJson = False) -> None:
    """All registered professionals."""
    people = krypton().ledger.directory().professionals.values()
    rows = [
        {"rpps": p.rpps, "name": p.name, "profession": p.profession, "sites": sorted(p.sites), "suspended": p.suspended}
        for p in sorted(people, key=lambda p: p.rpps)
    ]
    if as_json:
        document(rows)
        return
    table(rows, ("rpps", "name", "profession", "sites", "suspended"), "Professionals")
