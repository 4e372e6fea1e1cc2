"""krypton init, run, relay, worker, wait, health, topics: install and run the ledger's processes."""

from threading import Event
from typing import Annotated

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.logs import log_to_stderr
from krypton.cli.options import AsJson
from krypton.cli.output import document, err, table
from projections.declared import VIEWS, refuse_unknown

GIVEN_UP = 1


def init() -> None:
    """Create the event store, the vault, the views and the topics; safe to repeat."""
    from krypton.services.install import install

    for line in install(krypton()):
        err.print(line)


def run(
    dicom: Annotated[bool, typer.Option("--dicom/--no-dicom", help="Also the DICOM service.")] = True,
    hl7: Annotated[bool, typer.Option("--hl7/--no-hl7", help="Also the HL7 service.")] = True,
    web: Annotated[bool, typer.Option("--web/--no-web", help="Also the web service.")] = True,
    registry: Annotated[bool, typer.Option("--registry/--no-registry", help="Also the schema registry.")] = True,
    notary: Annotated[bool, typer.Option("--notary/--no-notary", help="Also the notary.")] = True,
    policies: Annotated[bool, typer.Option("--policies/--no-policies", help="Also the policies.")] = True,
    health: Annotated[bool, typer.Option("--health/--no-health", help="Also the page of health and metrics.")] = True,
) -> None:
    """Relay, processors, policies, notary, DICOM, HL7, web and registry under one supervisor, until SIGTERM."""
    from krypton.services import run as whole
    from krypton.services.supervisor import stop_on_signals

    log_to_stderr()
    stop = Event()
    stop_on_signals(stop)
    asked = {"dicom": dicom, "hl7": hl7, "web": web, "registry": registry} | {
        "notary": notary,
        "policies": policies,
        "health": health,
    }
    whole.run(["relay", *(name for name, wanted in asked.items() if wanted)], lambda line: err.print(line), stop)


def relay() -> None:
    """Copy the event store to Kafka, as the active relay or as a standby."""
    from krypton.services.budget import begin
    from krypton.services.logins import RELAY
    from krypton.services.supervisor import stop_on_signals
    from krypton.services.workers import run_relay

    log_to_stderr()
    stop = Event()
    stop_on_signals(stop)
    run_relay(begin(krypton(RELAY), "relay"), stop)


def worker(
    views: Annotated[list[str], typer.Argument(help=f"One or more of {', '.join(VIEWS)}.")],
    version: Annotated[
        int | None, typer.Option("--version", help="Of a single view; without it, the live one.")
    ] = None,
) -> None:
    """Keep views up to date from Kafka: one process per view when several are named."""
    from krypton.services import logins
    from krypton.services.budget import begin
    from krypton.services.workers import run_worker, run_workers

    if version is not None and len(views) > 1:
        raise typer.BadParameter("--version belongs to one view: name one, or leave --version out")
    log_to_stderr()
    refuse_unknown(*views)
    if len(views) > 1:
        run_workers(krypton(None), views)
    else:
        run_worker(begin(krypton(logins.worker(views[0])), "worker"), views[0], version)


def wait(
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds.")] = 180.0,
    policies: Annotated[
        bool, typer.Option("--policies/--no-policies", help="Also for what policies do, such as newcomers' matches.")
    ] = True,
) -> None:
    """Wait until the live views and the policies have processed everything in the ledger.

    Ends with 4 when it times out, naming who lags; with 1 when a policy gave something up, and an operator is needed.
    """
    from krypton.policies.settled import given_up, wait_for_all
    from krypton.progress import progress
    from krypton.views.lag import wait_for_views

    with progress("events", None) as bar:
        if not policies:
            wait_for_views(krypton(), timeout, bar.reach)
            return
        parked = wait_for_all(krypton(), timeout, bar.reach)
    if parked:
        err.print(given_up(parked))
        raise typer.Exit(GIVEN_UP)


def health(who: As = OWN, as_json: AsJson = False) -> None:
    """Whether every part does what it should; ends with 1, naming the part and the cause, where one does not."""
    from krypton.services.health import measure

    found = measure(krypton())
    if as_json:
        document(found.document())
    for problem in () if as_json else found.problems:
        err.print(str(problem))
    if not found.ok:
        raise typer.Exit(1)
    if not as_json:
        err.print("well: nothing stands still, and each view follows")


def topics(who: As = OWN, as_json: AsJson = False) -> None:
    """The Kafka topics, and how many records each holds."""
    from krypton.views.lag import topics_status

    found = topics_status(krypton())
    if as_json:
        document(found)
        return
    table(found, ("topic", "partitions", "records"), "Topics")


def add_to(app: typer.Typer) -> None:
    """Commands of the first level."""
    for command in (init, run, relay, worker, wait, health, topics):
        app.command()(command)
