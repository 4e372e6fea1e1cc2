"""krypton ingest: imports DICOM files and folders, as if received from a site."""

from pathlib import Path
from typing import Annotated

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.options import AsJson, CommandId
from krypton.cli.output import written_by_many

REFUSED = 1


def ingest(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files, folders or DICOMDIRs.")],
    site: Annotated[str, typer.Option("--site", help="Code of the enrolled establishment they come from.")],
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Import DICOM files and folders as if received from that site. Ends with 1 where every file was refused."""
    from krypton.services.dicom import ingest as ingest_files

    summary = ingest_files(krypton(), site, paths, who.actor(), command_id)
    written_by_many(summary, ("path", "reason"), as_json)
    if summary["refused"] and not summary["accepted"] + summary["duplicates"]:
        raise typer.Exit(REFUSED)


def add_to(app: typer.Typer) -> None:
    """A command of the first level."""
    app.command()(ingest)
