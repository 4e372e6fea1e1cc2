"""The walk of ``audit verify``: grows the tree over the event store, and holds it to every checkpoint on the way."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from adapters.eventstore.scan import Row
from domain.proofs import leaf
from domain.proofs.merkle import Tree
from krypton.heads import Head, Heads
from krypton.judging import Judge, StoreView
from krypton.signed_tree import SignedTree, entry_of
from krypton.tampering import Difference, Kind, Log
from krypton.verdict import Verdict
from streams.matching import Window


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
