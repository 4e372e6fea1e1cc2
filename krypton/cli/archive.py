"""krypton archive: keeps and checks what is needed of stored images to show them."""

import logging
import os
from pathlib import Path
from threading import Event

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson
from krypton.cli.output import document, err, facts, table
from krypton.settings import Settings

app = command_group("Stored images: their metadata and frame indexes, and whether they are still what came in.")
COLUMNS = ("study", "instance", "reason")
DAMAGED = 1


@app.command()
def run() -> None:
    """Make metadata and frame indexes of what arrives, and read instances again in between, until SIGTERM.

    The DICOM service starts it by itself.
    """
    from krypton.services.archive import keep
    from krypton.services.supervisor import stop_on_signals

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = Event()
    stop_on_signals(stop)
    keep(Settings.read(os.environ, Path.cwd()), stop)


@app.command()
def check(who: As = OWN, as_json: AsJson = False) -> None:
    """Read every stored instance again, and make what is missing of metadata and frame indexes.

    Counts the studies whose retention is over. Ends with 1 where an instance is damaged (it is not
    what came in, or it is gone), or on a volume that is not there.
    """
    from krypton.progress import progress
    from krypton.services.archive import check as check_all

    with progress("instances", None) as bar:
        found = check_all(Settings.read(os.environ, Path.cwd()), bar.advance)
    if as_json:
        document(found)
    else:
        facts({name: value for name, value in found.items() if not isinstance(value, list)})
        table(found["left_out"], COLUMNS, "Cannot be shown")
        table(found["damaged"], COLUMNS, "Damaged")
        table(found["away"], ("study", "reason"), "On a volume that is not there")
        table(found["volumes"], ("volume", "free_mib", "problem"), "Volumes")
    if found["retention_over"]:
        said = f"retention is over of {found['retention_over']} studies"
        err.print(f"{said}: krypton erase lapsed tells whose; nothing is deleted before two people decided it")
    if found["damaged"] or found["away"]:
        raise typer.Exit(DAMAGED)
