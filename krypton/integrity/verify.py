"""``krypton audit verify``: is the ledger what it was? Reads both logs whole, and tells the first difference.

Event store and Kafka are walked through together (``streams.reading.side_by_side``), the Merkle tree is grown over the
store's rows and held against every checkpoint, and PostgreSQL is asked meanwhile for versions and command ids. No false
alarm while the ledger is written to: checkpoints are read first, then what the relay has acknowledged, then Kafka's
ends, then the event store as of one moment; so each holds all that the one before it speaks of. What Kafka lacks past
what the relay acknowledged is counted as not yet published, and is no difference.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from adapters.eventstore.checks import Fault, command_fault, version_fault
from adapters.eventstore.scan import Scan
from krypton.bootstrap import Krypton
from krypton.integrity.checkpoints import Heads
from krypton.integrity.findings import Difference, Kind, Log
from krypton.integrity.judge import Judge
from krypton.integrity.resume import Start, start_of
from krypton.integrity.signed_tree import SignedTree, entry_of
from krypton.integrity.verdict import Verdict
from krypton.integrity.walk import Walk
from schemas.registry import registry
from streams.reading import record_source
from streams.reading.replay import Replay
from streams.reading.side_by_side import Matching
from streams.relay.outgoing import first_long

RELAYED: Final = "SELECT coalesce(max(position), 0) FROM ledger.relay_hint"
LOOK_AGAIN_S: Final = 0.2


@dataclass(frozen=True)
class Question:
    """What to verify. ``prefix``: of the topics, for a copy.

    ``since``: size of the tree to begin after; each signed one of ``heads`` that has it is held to.
    """

    heads: Heads
    prefix: str = ""
    since: int = 0
    patience_s: float = 5.0


def verify(ours: Krypton, question: Question, advance: Callable[[int], None] = lambda _: None) -> Verdict:
    """Compare everything, up to the first difference. ``advance`` is told how many events more are done.

    Raises psycopg2.Error, KafkaError, NotThere, and LedgerAltered where no signed checkpoint is of size ``since``.
    """
    relayed = _relayed(ours, question.patience_s)
    start = start_of(ours.settings.log_folder, question.heads, question.since)
    with Replay(ours.addresses.kafka) as replay:
        since_ms = _recorded_ms(ours, start)
        parts = record_source.parts(ours.addresses.kafka, replay, prefix=question.prefix, since_ms=since_ms)
        with Scan(ours.addresses.database) as scan, _faults(ours, scan, start.position) as faults:
            matching = Matching(scan, parts, registry(), start.position, look_back=True)
            signed = SignedTree.of(ours.settings.log_folder, question.heads.signed)
            judge = Judge(scan, {(part.topic, part.partition): part for part in parts}, signed, relayed)
            walk = Walk(scan, judge, start.tree, question.heads, start.position)
            walk.through(matching.windows(), advance)
            return _verdict(walk, faults)


def _verdict(walk: Walk, faults: Sequence[Future[Fault | None]]) -> Verdict:
    """What the walk and PostgreSQL found."""
    faults_found = [fault for fault in (future.result() for future in faults) if fault]
    walk.verdict.found += [
        Difference(one.position, Log.EVENT_STORE, Kind(one.kind), one.detail) for one in faults_found
    ]
    return walk.verdict


def _relayed(ours: Krypton, patience_s: float) -> int:
    """What the relay says Kafka has acknowledged; gives it a moment to come to what is stored now."""
    deadline = time.monotonic() + patience_s
    while True:
        with Scan(ours.addresses.database) as scan:
            relayed, head = int(scan.ask(RELAYED)[0][0]), scan.head()
        if relayed >= head or time.monotonic() >= deadline:
            return relayed
        time.sleep(LOOK_AGAIN_S)


def _recorded_ms(ours: Krypton, start: Start) -> int | None:
    """When the event that a start ends with was recorded, in milliseconds since 1970, UTC.

    None where the event store does not hold it as it was signed: a time that somebody moved would hide records.
    """
    if not start.position:
        return None
    with Scan(ours.addresses.database) as scan:
        row = scan.row(start.position)
    return first_long(row[1]) // 1000 if row and entry_of(*row) == start.entry else None


@contextmanager
def _faults(ours: Krypton, scan: Scan, after: int) -> Iterator[list[Future[Fault | None]]]:
    """PostgreSQL's part, beside: in sessions that see the same moment as ``scan``."""
    snapshot = scan.snapshot()

    def asked(question: Callable[[Scan, int], Fault | None]) -> Fault | None:
        with Scan(ours.addresses.database, snapshot=snapshot) as beside:
            return question(beside, after)

    with ThreadPoolExecutor(2) as pool:
        yield [pool.submit(asked, question) for question in (version_fault, command_fault)]
