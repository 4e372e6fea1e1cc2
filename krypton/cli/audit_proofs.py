"""krypton audit verify, and what it holds the ledger to. Parses and prints."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from krypton.cli.connection import krypton
from krypton.cli.log_given import Key, key_given, note_in
from krypton.cli.options import AsJson
from krypton.cli.output import document, err, facts

if TYPE_CHECKING:
    from krypton.bootstrap import Krypton
    from krypton.heads import Heads

DIFFERS = 1


def verify(
    since: Annotated[str | None, typer.Option("--since", help="Begin after this checkpoint: file or size.")] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", help="Checkpoints kept in a file or on a topic, or the prefix of copied topics."),
    ] = None,
    key: Key = None,
    patience: Annotated[float, typer.Option("--patience", help="Seconds to wait for the relay.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Compare event store and Kafka byte for byte, and both with every signed checkpoint."""
    from krypton.progress import progress
    from krypton.verifying import Question
    from krypton.verifying import verify as answer

    ours = krypton()
    with kafka_answers(ours):
        heads, prefix = heads_to_hold(ours, against, key)
        question = Question(heads, prefix, _size(since), patience)
        with progress("events", ours.ledger.recorder.max_notification_id()) as bar:
            verdict = answer(ours, question, bar.advance)
    if as_json:
        document(verdict.document())
    else:
        facts({name: value for name, value in verdict.document().items() if value is not None}, "The ledger")
    if verdict.difference:
        err.print(f"{verdict.difference.kind}: {verdict.difference.detail}", markup=False)
        raise typer.Exit(DIFFERS)


def add_to(app: typer.Typer) -> None:
    """Commands of ``krypton audit``."""
    app.command()(verify)


def heads_to_hold(ours: "Krypton", against: str | None, key: str | None) -> "tuple[Heads, str]":
    """The checkpoints to hold the ledger to, and the prefix of the topics to read."""
    from domain.errors import NotFound
    from krypton import heads
    from streams import checkpoints
    from streams.topics import CHECKPOINTS, LEDGER

    found, prefix = heads.published(ours, CHECKPOINTS) + heads.in_folder(ours.settings.log_folder), ""
    if against and Path(against).is_file():
        found += heads.in_file(Path(against))
    elif against:
        there = checkpoints.topics(ours.addresses.kafka)
        if against in there:
            found += heads.published(ours, against)
        elif {f"{against}.{topic}" for topic in LEDGER} <= there:
            prefix = f"{against}."
        else:
            raise NotFound(f"{against} as a file, as a topic, or as the prefix of copies ({against}.krypton.…)")
    return heads.heads_of(found, key_given(ours.settings, key)), prefix


def _size(since: str | None) -> int:
    """The size of the tree that a checkpoint ends."""
    from domain.proofs.note import NotANote, checkpoint_of

    if since is None:
        return 0
    if since.isascii() and since.isdigit():
        return int(since)
    try:
        return checkpoint_of(note_in(Path(since)).text).size
    except NotANote as wrong:
        raise typer.BadParameter(str(wrong)) from None


@contextmanager
def kafka_answers(ours: "Krypton") -> Iterator[None]:
    """A Kafka that is away, or lacks a topic, as a sentence."""
    import aiokafka.errors
    from kafka.errors import KafkaError

    from domain.errors import NotFound
    from streams.record_source import NotThere

    try:
        yield
    except NotThere as missing:
        raise NotFound(f"{missing}: run krypton init") from None
    except (KafkaError, aiokafka.errors.KafkaError) as away:
        _unreachable(ours, away)


def _unreachable(ours: "Krypton", away: Exception) -> NoReturn:
    from krypton.settings import ServiceUnavailable

    raise ServiceUnavailable(
        f"kafka does not answer at {ours.addresses.kafka} ({type(away).__name__}): run krypton dev up, or check "
        "KRYPTON_KAFKA"
    ) from None
