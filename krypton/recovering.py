"""``krypton restore event-store --from-kafka``: adds to the event store what only Kafka holds.

Nothing is ever overwritten. Where the two logs hold different things at one position, or the restored ledger would not
have the root that was signed, nothing is added from there on and the difference is named.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.eventstore.mend import Command, Mend
from adapters.eventstore.scan import Row, Scan
from domain.errors import LedgerAltered
from domain.proofs import leaf
from domain.proofs.merkle import Tree, leaf_hash
from krypton.bootstrap import Krypton
from krypton.heads import Heads
from krypton.signed_tree import entry_of
from schemas.codec import Codec, NotAnEvent
from schemas.event import Record
from schemas.registry import UnknownSchema, registry
from streams import log_end, record_source
from streams.matching import Matching, Window
from streams.outgoing import NoKeys
from streams.replay import Replay

Advance = Callable[[int], None]
PAGE_ROWS: Final = 1_000
KEEP_ROWS: Final = 20_000
NAMES: Final = ("ce_subject", "version", "ce_type")


@dataclass
class Restored:
    """What a restore did. ``checkpoints``: signed roots that the ledger has again; ``unsigned``: events after them."""

    events: int = 0
    commands: int = 0
    checkpoints: int = 0
    unsigned: int = 0
    root: bytes = b""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        held = {"events": self.events, "commands": self.commands, "root": self.root.hex()}
        return held | {"checkpoints": self.checkpoints, "unsigned": self.unsigned}


def restore(ours: Krypton, heads: Heads, advance: Advance = lambda _: None) -> Restored:
    """Add to the event store the events that only Kafka holds, in position order, and the commands' records.

    A part is kept once the tree has a signed root again; what came after the last checkpoint, at the end. Raises
    LedgerAltered, psycopg2.Error, KafkaError.
    """
    ends = log_end.read(ours.addresses.kafka)
    with Replay(ours.addresses.kafka) as replay, Mend(ours.addresses.database) as mend:
        parts = record_source.parts(ours.addresses.kafka, replay)
        mend.hold()
        mend.reserve(max((end.position for end in ends.values()), default=0))
        with Scan(ours.addresses.database) as scan:
            work = _Restoring(mend, heads)
            for window in Matching(scan, parts, registry()).windows():
                work.take(window)
                advance(len(window.held) + len(window.strange))
        return work.finish()


@dataclass
class _Restoring:
    """Grows the tree over what is there and what comes back."""

    mend: Mend
    heads: Heads
    done: Restored = field(default_factory=Restored)
    _tree: Tree = field(default_factory=Tree)
    _rows: list[tuple[int, str, int, str, bytes]] = field(default_factory=list)
    _kept: int = 0

    def __post_init__(self) -> None:
        self._left = [head for head in self.heads.signed if head.size]

    def take(self, window: Window) -> None:
        """One window of both logs."""
        if window.wrong:
            wrong = min(window.wrong, key=lambda one: one.position)
            raise LedgerAltered(
                f"position {wrong.position}: {wrong.what}; nothing is overwritten, krypton audit verify"
            )
        back = {position: _row(position, record) for position, record in window.strange}
        rows: dict[int, Row] = {position: row[0] for position, row in back.items()}
        for position, held in sorted([*window.held.items(), *rows.items()]):
            if position in back:
                self._rows.append(back[position][1])
            self._grow(held)
            if len(self._rows) >= KEEP_ROWS:
                self._flush()

    def _grow(self, row: Row) -> None:
        self._tree.append([leaf_hash(entry_of(*row))])
        while self._left and self._left[0].size == self._tree.size:
            head = self._left.pop(0)
            if head.root != self._tree.root():
                self.mend.undo()
                raise LedgerAltered(
                    f"{head.where} has another root than the first {head.size} events would have: an event that Kafka "
                    "holds is not the one that was signed, or another one is missing; nothing past the checkpoint "
                    "before it was restored"
                )
            self.done.checkpoints += 1
            self._kept = self._tree.size
            self._keep()

    def _flush(self) -> None:
        if self._rows:
            self.mend.add(self._rows)
            self.done.events += len(self._rows)
            self._rows = []

    def _keep(self) -> None:
        """Everything so far has a signed root: keep it."""
        if self._rows:
            self._flush()
            self.mend.commit()
            self.mend.hold()

    def finish(self) -> Restored:
        """Keep the rest, and put the commands' records back."""
        self._flush()
        if self._left:
            head = self._left[-1]
            raise LedgerAltered(
                f"{self._tree.size} events are left in the two logs of {head.size} that {head.where} signed: what is "
                "gone from both cannot be restored; what was proven by earlier checkpoints is kept"
            )
        commands = commands_of(self.mend.orphans())
        if commands:
            self.mend.add_commands(commands)
        self.mend.commit()
        self.done.commands, self.done.root = len(commands), self._tree.root()
        self.done.unsigned = self._tree.size - self._kept
        return self.done


def _row(position: int, record: Record) -> tuple[Row, tuple[int, str, int, str, bytes]]:
    """A record as a row of the event store: as the tree has it, and as the table. Raises LedgerAltered."""
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
    return (heading, record.value), (position, aggregate, int(version), event_type, record.value)


def commands_of(orphans: Sequence[tuple[int, bytes]]) -> list[Command]:
    """The records of the commands whose events these are, as their envelopes name them.

    What a command answered is not in the log: the record names the aggregates it wrote to, and that it was restored.
    """
    codec = Codec(registry(), NoKeys())
    positions: dict[str, list[int]] = {}
    results: dict[str, dict[str, Any]] = {}
    for position, state in orphans:
        schema, data = codec.decode(state, 1, unseal=False)
        positions.setdefault(data["command_id"], []).append(position)
        answer: dict[str, Any] = results.setdefault(data["command_id"], {"restored": True})
        answer.setdefault(schema.type.partition(".")[0], data[schema.aggregate])
    return [Command(command_id, held, results[command_id]) for command_id, held in positions.items()]
