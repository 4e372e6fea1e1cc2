"""``krypton audit verify``: is the ledger what it was? Reads both logs whole, and tells the first difference.

Event store and Kafka are walked through together (``streams.matching``), the Merkle tree is grown over the store's rows
and held against every checkpoint, and PostgreSQL is asked meanwhile for versions and command ids. No false alarm while
the ledger is written to: checkpoints are read first, then what the relay has acknowledged, then Kafka's ends, then the
event store as of one moment; so each holds all that the one before it speaks of. What Kafka lacks past what the relay
acknowledged is counted as not yet published, and is no difference.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from adapters.eventstore.checks import Fault, command_fault, version_fault
from adapters.eventstore.scan import Row, Scan
from adapters.notary.folder import TileFolder
from domain.errors import LedgerAltered
from domain.proofs import leaf
from domain.proofs.merkle import Tree
from krypton.bootstrap import Krypton
from krypton.heads import Head, Heads
from krypton.judging import Judge, StoreView
from krypton.signed_tree import UNREADABLE, SignedTree, entry_of
from krypton.tampering import Difference, Kind, Log
from schemas.registry import registry
from streams import record_source
from streams.matching import Matching, Window
from streams.outgoing import first_long
from streams.replay import Replay

RELAYED: Final = "SELECT position FROM ledger.relay_hint"
LOOK_AGAIN_S: Final = 0.2


@dataclass(frozen=True)
class Question:
    """What to verify. ``prefix``: of the topics, for a copy; ``since``: size of the tree to begin after."""

    heads: Heads
    prefix: str = ""
    since: int = 0
    patience_s: float = 5.0


@dataclass
class Verdict:
    """What was found. ``events``: how many were compared; ``root``: of the tree over the event store so far."""

    events: int = 0
    root: bytes = b""
    checkpoints: int = 0
    repeats: int = 0
    waiting: int = 0
    difference: Difference | None = None

    def of_log(self, log: Log) -> str:
        """``ok``, or what is wrong with one of the logs."""
        found = self.difference
        if found is None or found.log not in (log, Log.BOTH):
            return "ok"
        return f"{found.kind} at position {found.position}"

    def document(self) -> dict[str, Any]:
        """The ``audit verify`` document."""
        found = self.difference
        return {
            "events": self.events,
            "root": self.root.hex(),
            "checkpoints": self.checkpoints,
            "event_store": self.of_log(Log.EVENT_STORE),
            "kafka": self.of_log(Log.KAFKA),
            "first_difference": found and found.position,
            "kind": found and found.kind.value,
            "log": found and found.log.value,
            "detail": found and found.detail,
            "repeats": self.repeats,
            "not_yet_published": self.waiting,
        }


def verify(ours: Krypton, question: Question, advance: Callable[[int], None] = lambda _: None) -> Verdict:
    """Compare everything, up to the first difference. ``advance`` is told how many events more are done.

    Raises psycopg2.Error, KafkaError, NotThere, and LedgerAltered where ``since`` cannot be begun from.
    """
    relayed = _relayed(ours, question.patience_s)
    start = _start(ours, question)
    with Replay(ours.addresses.kafka) as replay:
        since_ms = _recorded_ms(ours, start.position)
        parts = record_source.parts(ours.addresses.kafka, replay, prefix=question.prefix, since_ms=since_ms)
        with Scan(ours.addresses.database) as scan, _faults(ours, scan, start.position) as faults:
            matching = Matching(scan, parts, registry(), start.position)
            signed = SignedTree.of(ours.settings.log_folder, question.heads.signed)
            judge = Judge(scan, {(part.topic, part.partition): part for part in parts}, signed, relayed)
            walk = Walk(scan, judge, start.tree, question.heads, start.position)
            walk.through(matching.windows(), advance)
            return _verdict(walk, faults)


def _verdict(walk: "Walk", faults: Sequence[Future[Fault | None]]) -> Verdict:
    """The first of what the walk and PostgreSQL found."""
    verdict = walk.verdict
    for fault in [one for one in (future.result() for future in faults) if one]:
        found = Difference(fault.position, Log.EVENT_STORE, Kind(fault.kind), fault.detail)
        if verdict.difference is None or found.position < verdict.difference.position:
            verdict.difference = found
    verdict.root = walk.tree.root()
    verdict.waiting = walk.judge.waiting
    return verdict


@dataclass
class Walk:
    """Grows the tree over windows, and stops at the first difference."""

    scan: StoreView
    judge: Judge
    tree: Tree
    heads: Heads
    position: int
    verdict: Verdict = field(default_factory=Verdict)

    def __post_init__(self) -> None:
        self._left = [head for head in self.heads.every if head.size >= self.tree.size]
        self._good = (self.tree.size, self.position)

    def through(self, windows: Iterator[Window], advance: Callable[[int], None]) -> None:
        """All windows."""
        if self._heads_hold():
            for window in windows:
                self.verdict.repeats += window.repeats
                found = self.judge.first(window)
                rows = window.rows if found is None else _before(window.rows, found.position)
                if not self._grow(rows) or found:
                    self.verdict.difference = self.verdict.difference or found
                    return
                advance(len(rows))
            self._all_reached()

    def _grow(self, rows: Sequence[Row]) -> bool:
        """Add rows to the tree, and look at each checkpoint on the way. Whether all of them held."""
        hashes = [sha256(b"\0" + heading + sha256(state).hexdigest().encode()).digest() for heading, state in rows]
        at = 0
        while at < len(rows):
            room = self._left[0].size - self.tree.size if self._left else len(rows)
            step = hashes[at : at + room]
            self.tree.append(step)
            at += len(step)
            self.position = leaf.position_of(rows[at - 1][0])
            self.verdict.events += len(step)
            if not self._heads_hold():
                return False
        return True

    def _heads_hold(self) -> bool:
        """Whether the checkpoints of just this size hold; remembers a difference."""
        while self._left and self._left[0].size == self.tree.size:
            head = self._left.pop(0)
            if head.forged:
                said = f"{head.where}: {head.forged}"
                self.verdict.difference = Difference(self.position, Log.CHECKPOINTS, Kind.FORGED, said)
                return False
            if head.root != self.tree.root():
                self.verdict.difference = self._explain(head)
                return False
            self._good = (self.tree.size, self.position)
            self.verdict.checkpoints += 1
        return True

    def _explain(self, head: Head) -> Difference:
        """Why the root is not the signed one although both logs agree: altered alike, or the head is forged."""
        signed = self.judge.signed
        if any(one.size == head.size and one.root == self.tree.root() for one in self.heads.signed):
            said = f"{head.where} is signed, and so is another of {head.size} events with the root that the ledger has"
            return Difference(self.position, Log.CHECKPOINTS, Kind.FORGED, said)
        if signed is None or signed.same_until(head.size) != head.root:
            if signed and signed.same_until(head.size) == self.tree.root():
                said = f"{head.where} is signed, and is no head of the tree that the latest checkpoint ends"
                return Difference(self.position, Log.CHECKPOINTS, Kind.FORGED, said)
            said = f"from here to position {self.position}, for {head.where} has another root; the tiles tell no more"
            return Difference(self._good[1] + 1, Log.BOTH, Kind.CHANGED, said)
        return self._first_unlike(signed, head.size)

    def _first_unlike(self, signed: SignedTree, size: int) -> Difference:
        """Both logs were altered alike: where they first leave the signed tree."""
        if found := self._unlike(signed, size):
            return found
        return Difference(self.position, Log.BOTH, Kind.CHANGED, "the tiles are damaged: they do not say where")

    def _unlike(self, signed: SignedTree, size: int) -> Difference | None:
        """The first row since the last good checkpoint that is not the signed one."""
        index, after = self._good
        rows = self.scan.window(after + 1, self.position + 1)
        for row, at in zip(rows, range(index, size), strict=False):
            entry = signed.entry(at)
            if entry is not None and entry != entry_of(*row):
                return _unlike(leaf.position_of(row[0]), leaf.position_of(entry))
        return None

    def _all_reached(self) -> None:
        """Hold what is left of the checkpoints to be there: one of a larger tree means that events are gone."""
        for head in self._left:
            if head.forged:
                self.verdict.difference = Difference(
                    self.position, Log.CHECKPOINTS, Kind.FORGED, f"{head.where}: {head.forged}"
                )
                return
        if self._left:
            head = self._left[-1]
            said = f"{self.tree.size} events are left of {head.size} that {head.where} signed"
            cut = Difference(self.position + 1, Log.BOTH, Kind.TRUNCATED, said)
            signed = self.judge.signed
            self.verdict.difference = (signed and self._unlike(signed, self.tree.size)) or cut


def _before(rows: Sequence[Row], position: int) -> list[Row]:
    return [row for row in rows if leaf.position_of(row[0]) < position]


def _unlike(held: int, signed: int) -> Difference:
    if held == signed:
        return Difference(held, Log.BOTH, Kind.CHANGED, "both logs hold bytes that are not those signed")
    if held > signed:
        return Difference(signed, Log.BOTH, Kind.MISSING, "an event was signed here that neither log holds any more")
    return Difference(held, Log.BOTH, Kind.EXTRA, "both logs hold an event here, where none was signed")


@dataclass(frozen=True)
class _Start:
    tree: Tree
    position: int


def _start(ours: Krypton, question: Question) -> _Start:
    """Where to begin: nowhere, or after the checkpoint that is believed. Raises LedgerAltered."""
    if not question.since:
        return _Start(Tree(), 0)
    folder = TileFolder(ours.settings.log_folder, question.since)
    known = {head.root for head in question.heads.signed if head.size == question.since}
    try:
        tree = folder.tree()
        position = leaf.position_of(folder.entry(question.since - 1))
    except UNREADABLE:
        tree, position = Tree(), 0
    if tree.root() not in known:
        raise LedgerAltered(
            f"no tree of {question.since} leaves with a signed checkpoint is in {folder.root}: verify from the begin, "
            "without --since"
        )
    return _Start(tree, position)


def _relayed(ours: Krypton, patience_s: float) -> int:
    """What the relay says Kafka has acknowledged; gives it a moment to come to what is stored now."""
    deadline = time.monotonic() + patience_s
    while True:
        with Scan(ours.addresses.database) as scan:
            relayed, head = int(scan.ask(RELAYED)[0][0]), scan.head()
        if relayed >= head or time.monotonic() >= deadline:
            return relayed
        time.sleep(LOOK_AGAIN_S)


def _recorded_ms(ours: Krypton, position: int) -> int | None:
    """When the event at a position was recorded, in milliseconds since 1970, UTC."""
    if not position:
        return None
    with Scan(ours.addresses.database) as scan:
        row = scan.row(position)
    return first_long(row[1]) // 1000 if row else None


@contextmanager
def _faults(ours: Krypton, scan: Scan, after: int) -> Iterator[list[Future[Fault | None]]]:
    """PostgreSQL's part, beside: in sessions that see the same moment as ``scan``."""
    snapshot = scan.snapshot()

    def asked(question: Callable[[Scan, int], Fault | None]) -> Fault | None:
        with Scan(ours.addresses.database, snapshot=snapshot) as beside:
            return question(beside, after)

    with ThreadPoolExecutor(2) as pool:
        yield [pool.submit(asked, question) for question in (version_fault, command_fault)]
