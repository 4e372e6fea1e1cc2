"""krypton site: enrolls establishments and registers their devices and services."""

from typing import Annotated

import typer

from domain.commands.directory import ActivateService, EndService, EnrollSite, RegisterDevice
from krypton.cli.calling import OWN, As
from krypton.cli.connection import ask, krypton
from krypton.cli.groups import command_group
from krypton.cli.importing import Check, File, Rejects, imported
from krypton.cli.options import AsJson, CommandId
from krypton.cli.output import document, table

app = command_group("Establishments.")
Code = Annotated[str, typer.Argument(help="Code of the establishment, for example CHU-BDX.")]


@app.command()
def enroll(
    code: Code,
    name: Annotated[str, typer.Option("--name", help="As people know it, for example CHU de Bordeaux.")],
    finess: Annotated[str | None, typer.Option("--finess", help="Its national number (FINESS), 9 characters.")] = None,
    ae_title: Annotated[
        list[str] | None, typer.Option("--ae-title", help="Under which it sends DICOM; may be repeated.")
    ] = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Enroll an establishment; its AE titles may send DICOM at once."""
    command = EnrollSite(code=code, name=name, finess=finess, ae_titles=tuple(ae_title or ()))
    ask(krypton(), command, who, command_id, as_json)


@app.command()
def device(
    code: Code,
    ae_title: Annotated[str, typer.Option("--ae-title", help="As the device calls itself; capitals count.")],
    kind: Annotated[str, typer.Option("--kind", help="modality, pacs, workstation or gateway.")] = "pacs",
    address: Annotated[
        str | None, typer.Option("--address", help="Where it takes what is sent to it, as host:port.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="It speaks TLS there.")] = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Register another AE title of the establishment, or say where one of its own listens."""
    command = RegisterDevice(code=code, ae_title=ae_title, kind=kind, address=address, tls=tls)
    ask(krypton(), command, who, command_id, as_json)


@app.command()
def service(
    code: Code,
    name: Annotated[str, typer.Option("--name", help="For example priors, or teleradiology.")],
    end: Annotated[bool, typer.Option("--end", help="End it.")] = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Activate a regional service for the establishment, or end it."""
    command = EndService(code=code, service=name) if end else ActivateService(code=code, service=name)
    ask(krypton(), command, who, command_id, as_json)


@app.command("import")
def import_file(
    file: File,
    check: Check = False,
    rejects: Rejects = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Enroll many from CSV: code,name and optionally finess,ae_titles.

    Reads what spreadsheets write (see docs/csv.md). Run again, also after an interruption, it writes only what is
    missing. Ends with 1 where a row was refused.
    """
    from krypton.intake.directory_csv import SITES

    imported(SITES, file, who, command_id, check, rejects, as_json)


@app.command("list")
def list_sites(who: As = OWN, as_json: AsJson = False) -> None:
    """All enrolled establishments."""
    sites = krypton().ledger.directory().sites.values()
    rows = [
        {
            "code": s.code,
            "name": s.name,
            "finess": s.finess,
            "ae_titles": sorted(s.ae_titles),
            "services": sorted(s.services),
        }
        for s in sorted(sites, key=lambda s: s.code)
    ]
    if as_json:
        document(rows)
        return
    table(rows, ("code", "name", "finess", "ae_titles", "services"), "Establishments")
