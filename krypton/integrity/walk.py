"""The walk of ``audit verify``: grows the tree over the event store, and holds it to every checkpoint on the way."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from adapters.eventstore.scan import Row
from domain.proofs import leaf
from domain.proofs.merkle import Tree
from krypton.integrity.checkpoints import Head, Heads
from krypton.integrity.findings import Difference, Kind, Log
from krypton.integrity.judge import Judge, StoreView
from krypton.integrity.signed_tree import SignedTree, entry_of
from krypton.integrity.verdict import Verdict
from streams.reading.side_by_side import Window

SIGNED_S: Final = 60.0
"""The notary signs every few seconds: what is older than this and unsigned, nobody signs."""


@dataclass
class Walk:
    """Grows the tree over windows, and stops where the two logs or a signed checkpoint contradict it."""

    scan: StoreView
    judge: Judge
    tree: Tree
    heads: Heads
    position: int
    verdict: Verdict = field(default_factory=Verdict)

    def __post_init__(self) -> None:
        self._left = [head for head in self.heads.every if head.forged or head.size >= self.tree.size]
        self._good = (self.tree.size, self.position)
        self._first_unsigned = b""

    def through(self, windows: Iterator[Window], advance: Callable[[int], None]) -> None:
        """All windows; then the verdict is whole, but for what PostgreSQL is asked."""
        if self._compare(windows, advance):
            self._all_reached()
        self._sum_up()

    def _compare(self, windows: Iterator[Window], advance: Callable[[int], None]) -> bool:
        """Whether all windows were gone through."""
        if not self._heads_hold():
            return False
        for window in windows:
            self.verdict.repeats += window.repeats
            found = self.judge.first(window)
            rows = window.rows if found is None else _before(window.rows, found.position)
            if not self._grow(rows):
                return False
            if found:
                self.verdict.found.append(found)
                return False
            advance(len(rows))
        return True

    def _grow(self, rows: Sequence[Row]) -> bool:
        """Add rows to the tree, and look at each checkpoint on the way. Whether all of them held."""
        hashes = [sha256(b"\0" + heading + sha256(state).hexdigest().encode()).digest() for heading, state in rows]
        at = 0
        while at < len(rows):
            if self.tree.size == self._good[0]:
                self._first_unsigned = rows[at][1]
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
        """Whether the signed checkpoints of just this size hold; remembers what does not.

        One that is not signed as it should be is named and passed over: anybody could have put it there, to hide what
        comes behind it.
        """
        while self._left and self._left[0].size <= self.tree.size:
            head = self._left.pop(0)
            if head.forged:
                self.verdict.found.append(_forged(head, self.position))
            elif head.root != self.tree.root():
                self.verdict.found.append(self._explain(head))
                return False
            else:
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
        if left := [head for head in self._left if not head.forged]:
            said = f"{self.tree.size} events are left of {left[-1].size} that {left[-1].where} signed"
            cut = Difference(self.position + 1, Log.BOTH, Kind.TRUNCATED, said)
            signed = self.judge.signed
            self.verdict.found.append((signed and self._unlike(signed, self.tree.size)) or cut)
        elif self._is_overdue() and not self.heads.signed:
            said = (
                f"nothing signed covers any of {self.tree.size} events, so what was altered in both logs does not "
                "show: start the notary, or bring back the checkpoints (to Kafka, the folder, or with --against FILE)"
            )
            self.verdict.found.append(Difference(self.position, Log.CHECKPOINTS, Kind.UNSIGNED, said))

    def _is_overdue(self) -> bool:
        """Whether the first event past the last good checkpoint should have been signed long ago."""
        is_unsigned = self.tree.size > self._good[0]
        return is_unsigned and not self.judge.is_recent(self._first_unsigned, SIGNED_S)

    def _sum_up(self) -> None:
        verdict = self.verdict
        at = max([self.position, *(one.position for one in verdict.found)])
        verdict.found += [_forged(head, at) for head in self._left if head.forged]
        if self.judge.unpublished:
            verdict.found.append(self.judge.unpublished)
        verdict.root = self.tree.root()
        verdict.unsigned = self.tree.size - self._good[0]
        verdict.is_overdue = self._is_overdue()
        verdict.waiting = self.judge.waiting


def _forged(head: Head, position: int) -> Difference:
    return Difference(position, Log.CHECKPOINTS, Kind.FORGED, f"{head.where}: {head.forged}")


def _before(rows: Sequence[Row], position: int) -> list[Row]:
    return [row for row in rows if leaf.position_of(row[0]) < position]


def _unlike(held: int, signed: int) -> Difference:
    if held == signed:
        return Difference(held, Log.BOTH, Kind.CHANGED, "both logs hold bytes that are not those signed")
    if held > signed:
        return Difference(signed, Log.BOTH, Kind.MISSING, "an event was signed here that neither log holds any more")
    return Difference(held, Log.BOTH, Kind.EXTRA, "both logs hold an event here, where none was signed")
