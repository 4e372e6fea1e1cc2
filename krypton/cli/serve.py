"""krypton serve: runs the web service, the HL7 service, the schema registry, the notary, or health and metrics."""

import logging
import os
from pathlib import Path
from threading import Event

from krypton.cli.groups import command_group
from krypton.settings import Settings

app = command_group("What is served to hospitals, professionals, subscribers and auditors.")


@app.command()
def registry() -> None:
    """Serve the event schemas as Confluent's registry does, read-only, until SIGTERM; needs no other service."""
    from krypton.services.registry import serve
    from krypton.services.supervisor import stop_on_signals

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop_on_signals(Event())  # the server stops by itself; this makes a signal a clean end of the process
    serve(Settings.read(os.environ, Path.cwd()))


@app.command()
def health() -> None:
    """Serve /health and /metrics (Prometheus) on a loopback port, until SIGTERM."""
    from krypton.cli.connection import krypton
    from krypton.services import budget
    from krypton.services.health_page import serve
    from krypton.services.logins import HEALTH
    from krypton.services.supervisor import stop_on_signals

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("kafka").setLevel(logging.ERROR)
    stop_on_signals(Event())
    serve(budget.begin(krypton(HEALTH), "health"))


@app.command()
def hl7() -> None:
    """Take identity messages (HL7 v2, ADT over MLLP) from the systems of enrolled establishments, until SIGTERM."""
    from krypton.cli.connection import krypton
    from krypton.services.budget import begin
    from krypton.services.hl7 import serve
    from krypton.services.supervisor import stop_on_signals

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = Event()
    stop_on_signals(stop)
    serve(begin(krypton(None), "hl7"), stop)


@app.command()
def notary() -> None:
    """Sign the ledger's Merkle tree as it grows, until SIGTERM: checkpoints on Kafka, tiles in a folder."""
    from krypton.cli.connection import krypton
    from krypton.services.budget import begin
    from krypton.services.logins import NOTARY
    from krypton.services.notary import run
    from krypton.services.supervisor import stop_on_signals

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("kafka").setLevel(logging.WARNING)
    stop = Event()
    stop_on_signals(stop)
    run(begin(krypton(NOTARY), "notary"), stop)


@app.command()
def web() -> None:
    """Serve records over HTTP to those who sign in, and /health and /metrics, until SIGTERM."""
    from krypton.cli.connection import krypton
    from krypton.services.budget import begin
    from krypton.services.logins import WEB
    from krypton.services.supervisor import stop_on_signals
    from krypton.services.web import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("kafka").setLevel(logging.ERROR)
    stop_on_signals(Event())
    serve(begin(krypton(WEB), "web"))
