"""A ledger's two logs in memory, with its signed tree on disk: to plant alterations in, and see what is found.

The rows are as the event store's COPY gives them, the records as the relay makes them; both are changed at will.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from uuid import UUID

from adapters.eventstore.scan import Row
from adapters.notary.folder import TileWriter
from adapters.notary.keys import SigningKey
from domain.proofs.columns import Columns
from domain.proofs.leaf import heading
from domain.proofs.merkle import Tree, leaf_hash
from domain.proofs.note import Checkpoint, Note
from krypton.integrity.checkpoints import heads_of
from krypton.integrity.findings import Kind, Log
from krypton.integrity.judge import Judge
from krypton.integrity.resume import start_of
from krypton.integrity.signed_tree import SignedTree, entry_of
from krypton.integrity.tree import Notary
from krypton.integrity.verdict import Verdict
from krypton.integrity.walk import Walk
from schemas.codec import Codec
from schemas.event import Record
from schemas.registry import registry
from streams.broker.topics import LEDGER, PARTITIONS
from streams.reading.record_source import Part
from streams.reading.side_by_side import Comparison
from streams.reading.windows import Window
from streams.relay.outgoing import Addresser, Stored
from tests.fakes.avro import PRIMITIVES, sample_body
from tests.fakes.bundles import bundles
from tests.fakes.columns import columns_of
from tests.fakes.vault import EagerVault

TYPES = ("link.merged", "identity.registered", "study.arrived", "dose.reported", "identity.flagged")
RECORDED_S = PRIMITIVES["long"] / 1_000_000  # when all of them were recorded
EVERY = 3
"""Positions have gaps: transactions that were rolled back."""


@dataclass
class MemoryStore:
    """What ``Scan`` tells, of rows in memory."""

    rows: dict[int, Row] = field(default_factory=dict)

    def next_at(self, position: int) -> int | None:
        """See ``Scan``."""
        return min((at for at in self.rows if at >= position), default=None)

    def columns(self, start: int, end: int) -> Columns:
        """See ``Scan``."""
        return columns_of(self.window(start, end))

    def window(self, start: int, end: int) -> list[Row]:
        """See ``Scan``."""
        return [self.rows[at] for at in sorted(self.rows) if start <= at < end]

    def row(self, position: int) -> Row | None:
        """See ``Scan``."""
        return self.rows.get(position)

    def rows_at(self, positions: Sequence[int]) -> list[Row]:
        """See ``Scan``."""
        return [self.rows[at] for at in positions if at in self.rows]

    def position_of(self, aggregate_id: str, version: int) -> int | None:
        """See ``Scan``."""
        end = f"\n{aggregate_id}\n{version}\n".encode()
        return min((at for at, row in self.rows.items() if row[0].endswith(end)), default=None)


@dataclass
class TwoLogs:
    """``count`` events, all relayed. ``folder``: of the tiles; ``now_s``: when it is verified, seconds since 1970."""

    folder: Path
    count: int = 60
    store: MemoryStore = field(default_factory=MemoryStore)
    kafka: dict[tuple[str, int], list[Record]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    key: SigningKey = field(default_factory=lambda: SigningKey.new("log.example/ledger"))
    relayed: int = 0
    now_s: float = RECORDED_S + 1

    def __post_init__(self) -> None:
        for number in range(1, self.count + 1):
            self.add(number)
        self.relayed = self.positions[-1]
        self.sign()

    @property
    def positions(self) -> list[int]:
        """Of the rows."""
        return sorted(self.store.rows)

    def add(self, number: int) -> int:
        """One more event, in both logs; its position."""
        stored = event(number)
        position = number * EVERY
        self.store.rows[position] = row_of(position, number, stored)
        record = record_of(position, number, stored, 0)
        lane = self.kafka.setdefault((record.topic, record.partition), [])
        lane.append(record._replace(offset=len(lane)))
        return position

    def sign(self) -> None:
        """Let the notary see the store."""
        writer = TileWriter(self.folder)
        notary = Notary(writer, self.key, self.notes.extend)
        notary.resume(None)
        notary.add([self.store.rows[at] for at in self.positions if at > notary.after])
        notary.sign()
        writer.close()

    def head(self, size: int) -> Note:
        """A checkpoint that the log might have signed: of so many of the rows as they are."""
        tree = Tree()
        tree.append([leaf_hash(entry_of(*self.store.rows[at])) for at in self.positions[:size]])
        text = Checkpoint(self.key.name, size, tree.root()).text()
        return Note(text, (self.key.sign(text),))

    def lane_of(self, position: int) -> tuple[list[Record], int]:
        """The records of the partition that holds a position, and the record's place among them."""
        for lane in self.kafka.values():
            for at, record in enumerate(lane):
                if dict(record.headers)["position"] == b"%d" % position:
                    return lane, at
        raise LookupError(position)

    def record(self, position: int) -> Record:
        """The record of a position."""
        lane, at = self.lane_of(position)
        return lane[at]

    def change(self, position: int, how: Callable[[Record], Record]) -> None:
        """Alter a record."""
        lane, at = self.lane_of(position)
        lane[at] = how(lane[at])

    def header(self, position: int, name: str, content: bytes) -> None:
        """Alter a header."""
        self.change(position, lambda one: one._replace(headers=with_header(one, name, content)))

    def drop(self, position: int) -> None:
        """Take a record away."""
        lane, at = self.lane_of(position)
        del lane[at]

    def parts(self) -> list[Part]:
        """Every partition."""
        return [
            Part(topic, partition, bundles(self.kafka.get((topic, partition), [])))
            for topic in LEDGER
            for partition in range(PARTITIONS[topic])
        ]

    def windows(self, after: int = 0) -> list[Window]:
        """Both logs side by side, past a position."""
        return list(Comparison(self.store, self.parts(), registry(), after).windows())

    def rewrite(self, position: int) -> None:
        """Alter an event in both logs alike."""
        number = position // EVERY
        stored = event(number, "x")
        self.store.rows[position] = row_of(position, number, stored)
        self.change(position, lambda one: record_of(position, number, stored, one.offset))

    def verify(self, notes: Sequence[Note] | None = None, since: int = 0) -> Verdict:
        """As ``audit verify``, but for what PostgreSQL is asked. ``since``: size of the checkpoint to begin after."""
        return self.verify_text([note.format() for note in (self.notes if notes is None else notes)], since)

    def verify_text(self, notes: Sequence[str], since: int = 0) -> Verdict:
        """The same, with checkpoints as they were found."""
        heads = heads_of([("a checkpoint", note) for note in notes], self.key.verifier)
        parts = self.parts()
        signed = SignedTree.of(self.folder, heads.signed)
        judge = Judge(
            self.store, {(part.topic, part.partition): part for part in parts}, signed, self.relayed, self.now_s
        )
        start = start_of(self.folder, heads, since)
        walk = Walk(self.store, judge, start.tree, heads, start.position)
        matching = Comparison(self.store, parts, registry(), start.position, look_back=True)
        walk.through(matching.windows(), lambda _: None)
        return walk.verdict


def named(verdict: Verdict) -> tuple[int, Log, Kind]:
    """The first difference: where, in which log, and what."""
    assert verdict.difference, "nothing was found"
    return verdict.difference.position, verdict.difference.log, verdict.difference.kind


@cache  # sealed fields are never the same twice
def event(number: int, mark: str = "") -> bytes:
    """The stored bytes of one event; ``mark`` makes others of it."""
    schema = registry().of_type(TYPES[number % len(TYPES)])
    body = sample_body(schema) | {"actor": f"system:test{number}{mark}"}
    return Codec(registry(), EagerVault()).encode(schema.type, body, aggregate_id=aggregate(number), version=1)


def aggregate(number: int) -> str:
    """Of the event with that number."""
    return str(UUID(int=number, version=4))


def row_of(position: int, number: int, stored: bytes) -> Row:
    """As the event store has it."""
    return heading(position, TYPES[number % len(TYPES)], aggregate(number), 1), stored


def record_of(position: int, number: int, stored: bytes, offset: int) -> Record:
    """As the relay makes it."""
    made = Addresser.of(registry()).outgoing(Stored(position, aggregate(number), 1, stored))
    return Record(made.topic, made.partition, offset, made.key, made.value, tuple(made.headers))


def with_header(record: Record, name: str, content: bytes) -> tuple[tuple[str, bytes], ...]:
    """The headers with one of them changed."""
    return tuple((held, content if held == name else value) for held, value in record.headers)
