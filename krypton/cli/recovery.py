"""krypton restore event-store, krypton republish: restores either log from the other by adding what is missing."""

from typing import Annotated

import typer

from krypton.cli.audit_proofs import heads_to_hold, kafka_answers
from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.groups import command_group
from krypton.cli.log_given import Key
from krypton.cli.options import AsJson
from krypton.cli.output import document, err, facts

app = command_group("Restore what one of the two logs lost.")


@app.callback()
def group() -> None:
    """Keeps ``event-store`` a command of its own."""


@app.command()
def event_store(
    from_kafka: Annotated[bool, typer.Option("--from-kafka", help="Where the events come from.")] = False,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Also events past the last checkpoint, which nobody signed.")
    ] = False,
    key: Key = None,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """Add the events that only Kafka holds, at their positions; refuses where both differ. Stop krypton run first.

    Events past the last signed checkpoint come back with --unsigned alone: a crash leaves up to 10 s or 1,000 events of
    them, and whoever may write to Kafka can leave some too.
    """
    from krypton.integrity.restore import restore
    from krypton.progress import progress

    if not from_kafka:
        raise typer.BadParameter("say where the events come from: --from-kafka is the only place")
    ours = krypton()
    with kafka_answers(ours):
        heads, _ = heads_to_hold(ours, None, key)
        with progress("events", None) as bar:
            done = restore(ours, heads, bar.advance, unsigned=unsigned)
    document(done.document()) if as_json else facts(done.document(), "Restored")


def republish(
    start: Annotated[int, typer.Option("--from", min=1, help="Position of the first event to look at.")],
    key: Key = None,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """Send to Kafka the events that it lacks at the end of its partitions; refuses where it holds something else, and
    where the event store is not the one that was signed."""
    from krypton.integrity.republish import republish as send
    from krypton.progress import progress

    ours = krypton()
    with kafka_answers(ours):
        heads, _ = heads_to_hold(ours, None, key)
        if not heads.signed:
            err.print("no checkpoint is in the log's folder or on Kafka: nothing tells whether the store was altered")
        with progress("events", None) as bar:
            sent = send(ours, start, heads, bar.advance)
    document(sent.document()) if as_json else facts(sent.document(), "Sent")


def add_to(app_: typer.Typer) -> None:
    """``restore`` and ``republish``."""
    app_.add_typer(app, name="restore")
    app_.command()(republish)
