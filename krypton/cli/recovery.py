"""krypton restore, republish, recover: restores either log from the other, and what is made from the logs."""

from typing import Annotated

import typer

from krypton.cli.audit_proofs import heads_to_hold, kafka_answers
from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.groups import command_group
from krypton.cli.log_given import Key
from krypton.cli.options import AsJson
from krypton.cli.output import document, err, facts

app = command_group("Restore what one of the two logs lost, or what is made from them.")


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
    from krypton.erasing.again import Again
    from krypton.erasing.answers import forgotten_again
    from krypton.integrity.restore import restore
    from krypton.progress import progress

    if not from_kafka:
        raise typer.BadParameter("say where the events come from: --from-kafka is the only place")
    ours = krypton()
    with kafka_answers(ours):
        heads, _ = heads_to_hold(ours, None, key)
        with progress("events", None) as bar:
            done = restore(ours, heads, bar.advance, unsigned=unsigned)
    told = {
        **done.document(),
        "instances_deleted_of": Again(ours).follow(),
        "answers_forgotten_of": forgotten_again(ours),
    }
    document(told) if as_json else facts(told, "Restored")


@app.command()
def decision_tables(who: As = OWN, as_json: AsJson = False) -> None:
    """Make again from the event store what decisions look up: which pairs are merged or barred, whose an AE title is,
    which rules decide.

    krypton audit verify names what differs. Writers wait meanwhile, or are told to ask again.
    """
    from krypton.integrity.restore import look_up_again

    done = {"rows": look_up_again(krypton(None))}
    document(done) if as_json else facts(done, "Removed and added")


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


def recover(
    topics: Annotated[list[str] | None, typer.Argument(metavar="TOPIC...", help="As krypton.identities.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every topic with events.")] = False,
    forged: Annotated[
        bool, typer.Option("--forged", help="Events that only Kafka holds are forged: they may be deleted.")
    ] = False,
    key: Key = None,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """Make topics again from the event store, build and promote the views that read them, and verify both logs.

    For topics that others wrote to, or that were deleted, cut or damaged. Stop krypton run first. Ends with 1 where
    the logs still differ.
    """
    from krypton.services.recover import recover as bring_back
    from streams.broker.topics import LEDGER

    if every == bool(topics):
        raise typer.BadParameter("name topics, or say --all")
    ours = krypton()
    with kafka_answers(ours):
        heads, _ = heads_to_hold(ours, None, key)
        done = bring_back(
            ours, LEDGER if every else topics or (), heads, who.actor(), lambda line: err.print(line), forged=forged
        )
    difference = done.verdict.difference
    if as_json:
        document(done.document())
    elif difference:
        err.print(f"the logs still differ at position {difference.position}: {difference.detail}")
    else:
        err.print(f"verified: both logs are equal, {done.verdict.events} events")
    if difference:
        raise typer.Exit(1)


def add_to(app_: typer.Typer) -> None:
    """``restore``, ``republish`` and ``recover``."""
    app_.add_typer(app, name="restore")
    for command in (republish, recover):
        app_.command()(command)
