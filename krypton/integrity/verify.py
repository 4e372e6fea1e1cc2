"""``krypton audit verify``: compares the event store, Kafka, the signed tree and the vault; reports what differs.

Both logs are read in parallel (``streams.reading.side_by_side``). The Merkle tree is rebuilt from the store's rows and
compared with every checkpoint, while PostgreSQL checks versions and command ids. Writes in progress raise no false
alarm because of the order of reading: checkpoints first, then the relay's acknowledged position, then Kafka's ends,
then a snapshot of the event store; each covers all that the one before refers to. Events after the relay's acknowledged
position that Kafka lacks count as not yet published, which is no difference. The vault (``krypton.integrity.vault``) is
held to the same snapshot, and so are decision tables where all is verified.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple

from adapters.eventstore import decision_tables_again
from adapters.eventstore.checks import Fault, command_fault, version_fault
from adapters.eventstore.scan import Scan
from adapters.vault import survey
from domain.errors import LedgerAltered
from krypton.bootstrap import Krypton
from krypton.integrity.checkpoints import Heads
from krypton.integrity.findings import Difference, Kind, Log
from krypton.integrity.judge import Judge
from krypton.integrity.resume import Start, start_of
from krypton.integrity.signed_tree import SignedTree, entry_of
from krypton.integrity.vault import Compared, compare
from krypton.integrity.verdict import Verdict
from krypton.integrity.walk import Walk
from schemas.codec import Codec
from schemas.registry import registry
from streams.reading import record_source
from streams.reading.replay import Replay
from streams.reading.side_by_side import Comparison
from streams.relay.outgoing import NoKeys, first_long

RELAYED: Final = "SELECT coalesce(max(position), 0) FROM ledger.relay_hint"
LOOK_AGAIN_S: Final = 0.2
MOST_KEYS: Final = 1_000
"""Keys that are named where a decision table differs; making the tables again mends all."""


@dataclass(frozen=True)
class Question:
    """What to verify. ``prefix``: topic prefix, for a copy of the log.

    ``since``: tree size to start after; it must be the size of a signed checkpoint in ``heads``.
    """

    heads: Heads
    prefix: str = ""
    since: int = 0
    timeout_s: float = 5.0


def verify(ours: Krypton, question: Question, advance: Callable[[int], None] = lambda _: None) -> Verdict:
    """Compare everything, up to the first difference that questions what was signed. ``advance`` is called with the
    number of events and keys done since the last call.

    Raises psycopg2.Error, KafkaError, NotThere, WrongMasterKey, and LedgerAltered if no signed checkpoint has size
    ``since``.
    """
    relayed = _relayed(ours, question.timeout_s)
    start = start_of(ours.settings.log_folder, question.heads, question.since)
    with Replay(ours.addresses.kafka) as replay:
        since_ms = _recorded_ms(ours, start)
        parts = record_source.parts(ours.addresses.kafka, replay, prefix=question.prefix, since_ms=since_ms)
        told = _one_at_a_time(advance)
        with Scan(ours.addresses.database) as scan, _beside(ours, scan, start.position, told) as beside:
            signed = SignedTree.of(ours.settings.log_folder, question.heads.signed)
            judge = Judge(scan, {(part.topic, part.partition): part for part in parts}, signed, relayed)
            walk = Walk(scan, judge, start.tree, question.heads, start.position)
            comparison = Comparison(scan, parts, registry(), start.position, look_back=True)
            walk.through(comparison.windows(), told)
            walk.verdict.found += [found for future in beside.found for found in future.result()]
            walk.verdict.has_tables = not question.since
            _take(beside.keys.result(), walk.verdict)
            return walk.verdict


def steps(ours: Krypton) -> int:
    """How many events and keys there are to compare. Raises psycopg2.Error."""
    return (ours.ledger.recorder.max_notification_id() or 0) + survey.count(ours.vault_database)


def _take(compared: Compared, verdict: Verdict) -> None:
    """What the vault was found to hold: whole, for a key may be altered whenever its events were."""
    verdict.keys, verdict.foreign_keys, verdict.foreign_named = compared.keys, compared.foreign, compared.foreign_named
    verdict.found += compared.found


def _one_at_a_time(advance: Callable[[int], None]) -> Callable[[int], None]:
    """Events and keys are compared in threads of their own."""
    guard = Lock()

    def told(done: int) -> None:
        with guard:
            advance(done)

    return told


def _relayed(ours: Krypton, timeout_s: float) -> int:
    """The position up to which Kafka acknowledged events, according to the relay, which gets a moment to catch up."""
    deadline = time.monotonic() + timeout_s
    while True:
        with Scan(ours.addresses.database) as scan:
            relayed, head = int(scan.ask(RELAYED)[0][0]), scan.head()
        if relayed >= head or time.monotonic() >= deadline:
            return relayed
        time.sleep(LOOK_AGAIN_S)


def _recorded_ms(ours: Krypton, start: Start) -> int | None:
    """When the event at the start was recorded, milliseconds since 1970, UTC.

    None if the event store does not have it as signed: an altered time would hide records.
    """
    if not start.position:
        return None
    with Scan(ours.addresses.database) as scan:
        row = scan.row(start.position)
    return first_long(row[1]) // 1000 if row and entry_of(*row) == start.entry else None


class _Beside(NamedTuple):
    """What is under way while both logs are compared."""

    found: list[Future[list[Difference]]]
    keys: Future[Compared]


@contextmanager
def _beside(ours: Krypton, scan: Scan, after: int, advance: Callable[[int], None]) -> Iterator[_Beside]:
    """What is asked in parallel, in sessions that share the snapshot of ``scan``."""
    snapshot = scan.snapshot()

    def asked(question: Callable[[Scan, int], Fault | None]) -> list[Difference]:
        with Scan(ours.addresses.database, snapshot=snapshot) as beside:
            fault = question(beside, after)
        return [Difference(fault.position, Log.EVENT_STORE, Kind(fault.kind), fault.detail)] if fault else []

    def keys() -> Compared:
        with Scan(ours.addresses.database, snapshot=snapshot) as beside:
            return compare(ours, beside, advance)

    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(asked, question) for question in (version_fault, command_fault)]
        tables = [] if after else [pool.submit(_decision_tables, ours, snapshot)]
        yield _Beside([*found, *tables], pool.submit(keys))


def _decision_tables(ours: Krypton, snapshot: str) -> list[Difference]:
    """What decisions look up and the log does not say, or the other way round."""
    codec = Codec(registry(), NoKeys())
    try:
        found = decision_tables_again.differences(ours.addresses.database, codec, snapshot, MOST_KEYS)
    except LedgerAltered:
        return []  # the walk names an event that cannot be read
    return [Difference(one.position, Log.DECISION_TABLES, Kind.DECISION_TABLE, one.detail) for one in found]
