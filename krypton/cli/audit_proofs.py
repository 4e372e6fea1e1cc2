"""krypton audit verify: verifies the ledger against its signed checkpoints.

Parses and prints.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.log_given import Key, key_given, note_in, verifier_given
from krypton.cli.options import AsJson
from krypton.cli.output import document, err, facts

if TYPE_CHECKING:
    from krypton.bootstrap import Krypton
    from krypton.integrity.checkpoints import Head, Heads
    from krypton.integrity.verdict import Verdict
    from krypton.settings import Settings

DIFFERS = 1
SHOWN = 10


def verify(
    since: Annotated[str | None, typer.Option("--since", help="Start after this checkpoint: file or size.")] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", help="Checkpoints kept in a file or on a topic, or the prefix of copied topics."),
    ] = None,
    key: Key = None,
    patience: Annotated[float, typer.Option("--patience", help="Seconds to wait for the relay.")] = 5.0,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """Compare event store and Kafka byte for byte, both with every signed checkpoint, and the vault with the events."""
    from krypton.integrity.verify import Question, steps
    from krypton.integrity.verify import verify as answer
    from krypton.progress import progress

    ours = krypton()
    size, kept = _since(ours.settings, since, key)
    with kafka_answers(ours):
        heads, prefix = heads_to_hold(ours, against, key)
        question = Question(heads.also(kept), prefix, size, patience)
        with progress("events and keys", steps(ours)) as bar:
            verdict = answer(ours, question, bar.advance)
    shown = verdict.document()
    document(shown) if as_json else facts({name: shown[name] for name in shown if _is_fact(shown[name])}, "The ledger")
    _say_findings(verdict)


def add_to(app: typer.Typer) -> None:
    """Commands of ``krypton audit``."""
    app.command()(verify)


def heads_to_hold(ours: "Krypton", against: str | None, key: str | None) -> "tuple[Heads, str]":
    """The checkpoints to hold the ledger to, and the prefix of the topics to read."""
    from domain.errors import NotFound
    from krypton.integrity import checkpoints as heads
    from streams.broker import checkpoints
    from streams.broker.topics import CHECKPOINTS, LEDGER

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


def _is_fact(value: object) -> bool:
    return value is not None and not isinstance(value, list)


def _say_findings(verdict: "Verdict") -> None:
    """Findings on standard error, the first one first. Raises Exit where there is one."""
    if verdict.is_overdue and not verdict.found:
        err.print(
            f"warning: {verdict.unsigned} events are past the last checkpoint, for more than a minute: start the "
            "notary (krypton run), or sign now (krypton audit checkpoint)",
        )
    if verdict.foreign_keys:
        some = ", ".join(verdict.foreign_named[:SHOWN])
        err.print(
            f"warning: the vault holds {verdict.foreign_keys} keys of subjects that the ledger does not know ({some}): "
            "harmless where a process was ended at a registration; else the event store is older than the vault "
            "(krypton restore event-store)"
        )
    for one in verdict.findings[:SHOWN]:
        err.print(f"{one.kind}: {one.detail}")
    if (more := len(verdict.found) + verdict.more - SHOWN) > 0:
        err.print(f"and {more} more: --json lists {f'{len(verdict.found)} of them' if verdict.more else 'all'}")
    if verdict.found:
        raise typer.Exit(DIFFERS)


def _since(settings: "Settings", since: str | None, key: str | None) -> "tuple[int, list[Head]]":
    """The size of the tree to begin after, and its checkpoint where one was given. Raises LedgerAltered."""
    from domain.proofs.note import NUMBER
    from krypton.integrity.checkpoints import kept

    if since is None or NUMBER.fullmatch(since):
        return int(since or 0), []
    head = kept(note_in(Path(since)), f"the checkpoint in {since}", verifier_given(settings, key))
    return head.size, [head]


@contextmanager
def kafka_answers(ours: "Krypton") -> Iterator[None]:
    """A Kafka that is away, or lacks a topic, as a sentence."""
    import aiokafka.errors
    from kafka.errors import KafkaError

    from domain.errors import NotFound
    from streams.reading.record_source import NotThere

    try:
        yield
    except NotThere as missing:
        raise NotFound(f"{missing}: run krypton init") from None
    except (KafkaError, aiokafka.errors.KafkaError) as away:
        _unreachable(ours, away)


def _unreachable(ours: "Krypton", away: Exception) -> NoReturn:
    from krypton.errors import ServiceUnavailable

    raise ServiceUnavailable(
        f"kafka does not answer at {ours.addresses.kafka} ({type(away).__name__}): run krypton dev up, or check "
        "KRYPTON_KAFKA"
    ) from None
