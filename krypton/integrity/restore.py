"""``krypton restore event-store --from-kafka``: adds events to the event store that only Kafka still has.

Nothing is overwritten. If the two logs differ at a position, or the restored tree would not have a signed root, nothing
is added from there on and the difference is reported. Events after the last checkpoint are not proven by a signature: a
crash can leave some, but so can anybody who may write to Kafka. They are restored only on request (``--unsigned``).
At the end the keys of erased people are destroyed again: a backup of the vault can be older than an erasure. What
decisions look up is made again from the log.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from adapters.eventstore import decision_tables_again
from adapters.eventstore.repair import Command, Repair
from adapters.eventstore.scan import Row, Scan
from domain.errors import LedgerAltered
from domain.ids import Ids
from domain.named import foreign
from domain.proofs import leaf
from domain.proofs.merkle import Tree, leaf_hash
from krypton.bootstrap import Krypton
from krypton.integrity.checkpoints import Heads
from krypton.integrity.signed_tree import entry_of
from krypton.vaults import destroy_again
from schemas.codec import Codec, NotAnEvent
from schemas.event import Record
from schemas.registry import UnknownSchema, registry
from streams.reading import record_source
from streams.reading.replay import Replay
from streams.reading.side_by_side import Comparison, Window
from streams.relay import outbox
from streams.relay.outgoing import NoKeys

Advance = Callable[[int], None]
PAGE_ROWS: Final = 1_000
KEEP_ROWS: Final = 20_000
NAMES: Final = ("ce_subject", "version", "ce_type")


MOST_GAP: Final = 1_000_000
"""The largest plausible gap in positions, left by transactions that rolled back; larger gaps are refused."""
NAMED: Final = 10
StoredRow = tuple[int, str, int, str, bytes]
"""Position, aggregate id, version, type, stored bytes."""


class RepairLog(Protocol):
    """Writes restored rows to the event store: see ``Repair``."""

    def hold(self) -> None:
        """Block other writers until the next commit."""

    def reserve(self, position: int) -> None:
        """Make new events start after this position."""

    def add(self, rows: Sequence[StoredRow]) -> None:
        """Add events."""

    def orphans(self, after: int = 0) -> list[tuple[int, bytes]]:
        """Events whose command has no record in the command log."""

    def add_commands(self, commands: Sequence[Command]) -> None:
        """Add records to the command log."""

    def commit(self) -> None:
        """Commit what was added."""

    def undo(self) -> None:
        """Roll back what was added since the last commit."""


@dataclass
class Restored:
    """The result. ``checkpoints``: signed roots that the ledger has again; ``unsigned``: restored events that no
    checkpoint covers; ``keys``: keys of erased people, from a backup of the vault, that were destroyed again.
    """

    events: int = 0
    commands: int = 0
    checkpoints: int = 0
    unsigned: int = 0
    keys: int = 0
    root: bytes = b""

    def document(self) -> dict[str, Any]:
        """The result as JSON."""
        held = {"events": self.events, "commands": self.commands, "root": self.root.hex()}
        return held | {"checkpoints": self.checkpoints, "unsigned": self.unsigned, "keys_destroyed": self.keys}


def restore(ours: Krypton, heads: Heads, advance: Advance = lambda _: None, *, unsigned: bool = False) -> Restored:
    """Add to the event store the events that only Kafka has, in position order, and the commands' records.

    A part is kept once the tree has a signed root again; what came after the last checkpoint, at the end, and only
    where it is asked for (``unsigned``). Raises LedgerAltered, psycopg2.Error, KafkaError.
    """
    try:
        with Replay(ours.addresses.kafka) as replay, Repair(ours.addresses.database) as repair:
            parts = record_source.parts(ours.addresses.kafka, replay)
            repair.hold()
            with Scan(ours.addresses.database) as scan:
                done = restored(
                    Comparison(scan, parts, registry()).windows(),
                    repair,
                    heads,
                    advance,
                    unsigned=unsigned,
                    ids=ours.ids,
                )
    finally:  # whatever was refused: what was kept may tell of erasures
        keys = destroy_again(ours)
        look_up_again(ours)
        outbox.forget(ours.addresses.database)  # it may be as old as the backup: the log goes far beyond it
    return replace(done, keys=keys)


def look_up_again(ours: Krypton) -> int:
    """Make what decisions look up again from the event store; returns how many rows were removed and added.

    Raises LedgerAltered.
    """
    return decision_tables_again.rebuild(ours.addresses.database, Codec(registry(), NoKeys()))


def restored(
    windows: Iterable[Window],
    repair: RepairLog,
    heads: Heads,
    advance: Advance = lambda _: None,
    *,
    unsigned: bool = False,
    ids: Ids | None = None,
) -> Restored:
    """Restore from the compared windows of both logs. ``ids``: that the restored ones must be made with, where they
    tell; None: whatever they are. Raises LedgerAltered.
    """
    work = _Restoring(repair, heads, ids)
    for window in windows:
        work.take(window)
        advance(len(window.held) + len(window.strange))
    return work.finish(unsigned)


@dataclass
class _Restoring:
    """Grows the tree over existing and restored events, and commits at each signed root."""

    repair: RepairLog
    heads: Heads
    ids: Ids | None = None
    done: Restored = field(default_factory=Restored)
    _tree: Tree = field(default_factory=Tree)
    _rows: list[StoredRow] = field(default_factory=list)
    _unproven: list[int] = field(default_factory=list)  # positions that came back since the last signed root
    _at: int = 0
    _far: int = 0  # the first of them that lies further on than any honest one
    _foreign: int = 0  # the first of them whose id was made with another secret

    def __post_init__(self) -> None:
        self._left = [head for head in self.heads.signed if head.size]

    def take(self, window: Window) -> None:
        """Process one window of both logs."""
        if window.wrong:
            wrong = min(window.wrong, key=lambda one: one.position)
            raise LedgerAltered(
                f"position {wrong.position}: {wrong.what}; nothing is overwritten, krypton audit verify"
            )
        back = {position: _row(position, record) for position, record in window.strange}
        rows: dict[int, Row] = {position: row[0] for position, row in back.items()}
        for position, held in sorted([*window.held.items(), *rows.items()]):
            if position in back:
                _, row, data = back[position]
                self._bring_back(position, row, data)
            self._at = position
            self._grow(held)

    def _bring_back(self, position: int, row: StoredRow, data: dict[str, Any]) -> None:
        _, aggregate, _, event_type, _ = row
        if self.ids and foreign(self.ids, event_type, aggregate, data):
            self._foreign = self._foreign or position
        if position - self._at > MOST_GAP:
            self._far = self._far or position
        self._rows.append(row)
        self._unproven.append(position)
        if len(self._rows) >= KEEP_ROWS:
            self._flush()

    def _grow(self, row: Row) -> None:
        self._tree.append([leaf_hash(entry_of(*row))])
        while self._left and self._left[0].size == self._tree.size:
            head = self._left.pop(0)
            if head.root != self._tree.root():
                self.repair.undo()
                raise LedgerAltered(
                    f"{head.where} has another root than the first {head.size} events would have: an event that Kafka "
                    "holds is not the one that was signed, or another one is missing; nothing past the checkpoint "
                    "before it was restored"
                )
            self.done.checkpoints += 1
            self._keep()
            self.repair.hold()

    def _flush(self) -> None:
        if self._rows:
            self.repair.add(self._rows)
            self._rows = []

    def _keep(self) -> None:
        """Commit what was restored, then reserve positions past it. Not earlier: a refused record may claim any
        position.
        """
        if self._foreign:
            self.repair.undo()
            raise LedgerAltered(
                f"position {self._foreign}: the id of this event was not made with this vault's region secret: it is "
                "another ledger's vault, or a new one; restore the vault's backup into an empty database, then begin "
                "again"
            )
        if self._unproven:
            self._flush()
            self.repair.reserve(self._unproven[-1])
            self.done.events += len(self._unproven)
            self._unproven, self._far = [], 0
        self.repair.commit()

    def finish(self, unsigned: bool) -> Restored:
        """Commit the unsigned rest, if asked for, and restore the command log."""
        if self._left:
            head = self._left[-1]
            raise LedgerAltered(
                f"{self._tree.size} events are left in the two logs of {head.size} that {head.where} signed: what is "
                "gone from both cannot be restored; what was proven by earlier checkpoints is kept"
            )
        if self._unproven and (self._far or not unsigned):
            refused = self._refusal()
            self.repair.undo()
            self.repair.hold()
            self._put_commands_back()
            self.repair.commit()
            raise LedgerAltered(refused)
        self.done.unsigned = len(self._unproven)
        self._flush()
        self._put_commands_back()
        self._keep()
        self.done.root = self._tree.root()
        return self.done

    def _put_commands_back(self) -> None:
        commands = commands_of(self.repair.orphans())
        if commands:
            self.repair.add_commands(commands)
        self.done.commands = len(commands)

    def _refusal(self) -> str:
        """The error for events that no checkpoint covers."""
        if self._far:
            return (
                f"position {self._far}: nobody signed this event, and it lies more than {MOST_GAP} positions past the "
                "one before it, where no command can have stored it; what was signed is restored, and nothing else"
            )
        tail = self._unproven
        named = ", ".join(map(str, tail[:NAMED])) + (f", … {tail[-1]}" if len(tail) > NAMED else "")
        return (
            f"{len(tail)} event(s) past the last checkpoint are on Kafka alone, and nobody signed them: position(s) "
            f"{named}. A checkpoint is made each 10 s and each 1,000 events, so a crash leaves such a tail; whoever "
            f"may write to Kafka can leave one too. Look at them (krypton events --from {tail[0]}), then restore with "
            "--unsigned. What was signed is restored"
        )


def _row(position: int, record: Record) -> tuple[Row, StoredRow, dict[str, Any]]:
    """A Kafka record as a row, in the tree's form and in the table's, and its fields. Raises LedgerAltered."""
    held = dict(record.headers)
    try:
        aggregate, version, event_type = (held[name].decode() for name in NAMES)
        entry = leaf.entry(position, event_type, aggregate, int(version), record.value)
        schema, data = Codec(registry(), NoKeys()).decode(record.value, int(version), unseal=False)
    except (KeyError, ValueError, NotAnEvent, UnknownSchema):
        raise LedgerAltered(
            f"the record of position {position} ({record.topic}/{record.partition} offset {record.offset}) is no event "
            "of the ledger: it is not restored"
        ) from None
    if (schema.type, data[schema.aggregate]) != (event_type, aggregate):
        raise LedgerAltered(
            f"the record of position {position} ({record.topic}/{record.partition} offset {record.offset}) has headers "
            "that are not its event's: it is not restored"
        )
    heading = entry[: entry.rindex(b"\n") + 1]
    return (heading, record.value), (position, aggregate, int(version), event_type, record.value), data


def commands_of(orphans: Sequence[tuple[int, bytes]]) -> list[Command]:
    """The command records for these events, taken from their envelopes.

    The original answer is not in the log: the record names the aggregates written to, and that it was restored.
    """
    codec = Codec(registry(), NoKeys())
    positions: dict[str, list[int]] = {}
    results: dict[str, dict[str, Any]] = {}
    actors: dict[str, str] = {}
    for position, state in orphans:
        schema, data = codec.decode(state, 1, unseal=False)
        positions.setdefault(data["command_id"], []).append(position)
        actors.setdefault(data["command_id"], data["actor"])
        answer: dict[str, Any] = results.setdefault(data["command_id"], {"restored": True})
        answer.setdefault(schema.type.partition(".")[0], data[schema.aggregate])
    return [Command(one, actors[one], held, results[one]) for one, held in positions.items()]
