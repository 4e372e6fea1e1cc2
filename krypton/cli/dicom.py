"""krypton dicom: runs the DICOM storage service."""

import logging
from threading import Event

from krypton.cli.connection import krypton
from krypton.cli.groups import command_group

app = command_group("The DICOM service, to which modalities and PACS send.")


@app.callback()
def group() -> None:
    """Keeps ``serve`` a command of its own."""


@app.command()
def serve() -> None:
    """Take in instances by C-STORE from the AE titles of enrolled establishments, until SIGTERM."""
    from krypton.services.budget import begin
    from krypton.services.dicom import serve as serve_dicom
    from krypton.services.supervisor import stop_on_signals

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = Event()
    stop_on_signals(stop)
    serve_dicom(begin(krypton(None), "dicom"), stop)
