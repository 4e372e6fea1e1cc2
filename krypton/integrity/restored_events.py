"""Decides which events that only Kafka has come back to the event store.

Those that give the tree its signed roots again, and on request those that nobody signed. The tree grows over existing
and restored events; what came back is kept at each signed root.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from domain.errors import LedgerAltered
from domain.ids import Ids
from domain.named import foreign
from domain.proofs.merkle import Tree
from krypton.integrity.checkpoints import Heads
from krypton.integrity.records_as_rows import Regained, StoredRow, regained
from schemas.bulk import BulkCodec
from schemas.registry import registry
from streams.reading.windows import Window
from streams.relay.outgoing import NoKeys

Advance = Callable[[int], None]
KEEP_ROWS: Final = 20_000
MOST_GAP: Final = 1_000_000
"""The largest plausible gap in positions, left by transactions that rolled back; larger gaps are refused."""
NAMED: Final = 10


class RepairLog(Protocol):
    """Writes restored rows to the event store: see ``Repair``."""

    def hold(self) -> None:
        """Block other writers until the next commit."""

    def reserve(self, position: int) -> None:
        """Make new events start after this position."""

    def add(self, rows: Sequence[StoredRow]) -> None:
        """Add events."""

    def add_commands(self) -> int:
        """Record the commands of events that no record names; returns how many."""

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
        advance(len(window.rows) + len(window.strange))
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
        self._codec = BulkCodec(registry(), NoKeys())
        self._left = [head for head in self.heads.signed if head.size]

    def take(self, window: Window) -> None:
        """Process one window of both logs."""
        if window.wrong:
            wrong = min(window.wrong, key=lambda one: one.position)
            raise LedgerAltered(
                f"position {wrong.position}: {wrong.what}; nothing is overwritten, krypton audit verify"
            )
        back = regained(window.strange, self._codec)
        leaves = dict(zip(window.positions, window.leaves, strict=True))
        leaves |= {position: one.leaf for position, one in back.items()}
        positions = sorted(leaves)
        while positions:
            upto = self._left[0].size - self._tree.size if self._left else len(positions)
            some, positions = positions[:upto], positions[upto:]
            self._bring_back(some, back)
            self._tree.append([leaves[position] for position in some])
            self._prove()

    def _bring_back(self, positions: Sequence[int], back: Mapping[int, Regained]) -> None:
        """Add those of these positions that only Kafka has."""
        for position in positions:
            if one := back.get(position):
                _, aggregate, _, event_type, _ = one.row
                if self.ids and foreign(self.ids, event_type, aggregate, one.data):
                    self._foreign = self._foreign or position
                if position - self._at > MOST_GAP:
                    self._far = self._far or position
                self._rows.append(one.row)
                self._unproven.append(position)
                if len(self._rows) >= KEEP_ROWS:
                    self._flush()
            self._at = position

    def _prove(self) -> None:
        """Keep what the tree holds where it has grown to a signed root."""
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
            self.done.commands = self.repair.add_commands()
            self.repair.commit()
            raise LedgerAltered(refused)
        self.done.unsigned = len(self._unproven)
        self._flush()
        self.done.commands = self.repair.add_commands()
        self._keep()
        self.done.root = self._tree.root()
        return self.done

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
