"""One pass over both logs for ``audit verify``: rebuilds the tree and compares it with every checkpoint."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.proofs import leaf
from domain.proofs.merkle import Tree
from krypton.integrity.checkpoints import Head, Heads
from krypton.integrity.findings import Difference, Kind, Log
from krypton.integrity.judge import Judge, StoreView
from krypton.integrity.signed_tree import SignedTree, entry_of
from krypton.integrity.verdict import Verdict
from streams.reading.windows import Window

SIGNED_S: Final = 60.0
"""The notary signs every few seconds: an unsigned event older than this is overdue."""


@dataclass
class Walk:
    """Grows the tree window by window; stops where the event store or a signed checkpoint contradicts it.

    What is wrong with Kafka alone is told, and leaves the event store as it is: the rest is compared all the same.
    """

    scan: StoreView
    judge: Judge
    tree: Tree
    heads: Heads
    position: int
    verdict: Verdict = field(default_factory=Verdict)

    def __post_init__(self) -> None:
        self._left = [head for head in self.heads.every if head.forged or head.size >= self.tree.size]
        self._good = (self.tree.size, self.position)
        self._first_unsigned = 0

    def through(self, windows: Iterator[Window], advance: Callable[[int], None]) -> None:
        """Process all windows; the verdict is then complete except for PostgreSQL's own checks."""
        if self._compare(windows, advance):
            self._all_reached()
        for one in self.judge.ended():  # those at the end of a partition come after all windows
            self.verdict.tell(one)
        self._sum_up()

    def _compare(self, windows: Iterator[Window], advance: Callable[[int], None]) -> bool:
        """Compare all windows; False if it stopped early."""
        if not self._heads_hold():
            return False
        for window in windows:
            self.verdict.repeats += window.repeats
            stop = self._tell(window)
            count = len(window.rows) if stop is None else bisect_left(window.positions, stop.position)
            if not self._grow(window.positions[:count], window.leaves[:count]) or stop:
                return False
            advance(count)
        return True

    def _tell(self, window: Window) -> Difference | None:
        """Tell the differences of a window, up to one that questions what a checkpoint covers: the tree ends there."""
        for one in self.judge.ended():
            self.verdict.tell(one)
        for found in self.judge.all(window):
            self.verdict.tell(found)
            if found.log is not Log.KAFKA and any(not head.forged for head in self._left):
                return found
        return None

    def _grow(self, positions: Sequence[int], hashes: Sequence[bytes]) -> bool:
        """Add leaves to the tree and check each checkpoint reached; False if one does not match."""
        at = 0
        while at < len(hashes):
            if self.tree.size == self._good[0]:
                self._first_unsigned = positions[at]
            room = self._left[0].size - self.tree.size if self._left else len(hashes)
            step = hashes[at : at + room]
            self.tree.append(step)
            at += len(step)
            self.position = positions[at - 1]
            self.verdict.events += len(step)
            if not self._heads_hold():
                return False
        return True

    def _heads_hold(self) -> bool:
        """Compare the tree with the signed checkpoints of its size; False if one does not match.

        A checkpoint without a valid signature is reported and skipped: anybody could have put it there to stop the
        verification.
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
        """Why the signed root differs although both logs agree: both were altered, or the checkpoint is forged."""
        signed = self.judge.signed
        if any(one.size == head.size and one.root == self.tree.root() for one in self.heads.signed):
            said = f"{head.where} is signed, and so is another of {head.size} events with the root that the ledger has"
            return Difference(self.position, Log.CHECKPOINTS, Kind.FORGED, said)
        if signed is None or signed.same_until(head.size) != head.root:
            if signed and signed.same_until(head.size) == self.tree.root():
                said = f"{head.where} is signed, but does not match the tree of the latest checkpoint"
                return Difference(self.position, Log.CHECKPOINTS, Kind.FORGED, said)
            said = (
                f"between here and position {self.position}: {head.where} has a different root; tiles do not show where"
            )
            return Difference(self._good[1] + 1, Log.BOTH, Kind.CHANGED, said)
        return self._first_unlike(signed, head.size)

    def _first_unlike(self, signed: SignedTree, size: int) -> Difference:
        """The first position where both logs differ from the signed tree."""
        if found := self._unlike(signed, size):
            return found
        return Difference(self.position, Log.BOTH, Kind.CHANGED, "the tiles are damaged and do not show where")

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
        """Report the remaining checkpoints: a larger signed tree means that events were deleted."""
        if left := [head for head in self._left if not head.forged]:
            said = f"{self.tree.size} events are left of {left[-1].size} that {left[-1].where} signed"
            cut = Difference(self.position + 1, Log.BOTH, Kind.TRUNCATED, said)
            signed = self.judge.signed
            self.verdict.found.append((signed and self._unlike(signed, self.tree.size)) or cut)
        elif self._is_overdue() and not self.heads.signed:
            said = (
                f"no checkpoint covers any of the {self.tree.size} events, so a change made in both logs would not "
                "be found: start the notary, or provide checkpoints (on Kafka, in the folder, or with --against FILE)"
            )
            self.verdict.found.append(Difference(self.position, Log.CHECKPOINTS, Kind.UNSIGNED, said))

    def _is_overdue(self) -> bool:
        """Whether the first event after the last valid checkpoint should have been signed by now."""
        if self.tree.size <= self._good[0]:
            return False
        row = self.scan.row(self._first_unsigned)
        return row is None or not self.judge.is_recent(row[1], SIGNED_S)

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


def _unlike(held: int, signed: int) -> Difference:
    """The first row since the last valid checkpoint that differs from the signed one."""
    if held == signed:
        return Difference(held, Log.BOTH, Kind.CHANGED, "both logs hold bytes that are not those signed")
    if held > signed:
        return Difference(signed, Log.BOTH, Kind.MISSING, "an event was signed here that neither log has any more")
    return Difference(held, Log.BOTH, Kind.EXTRA, "both logs hold an event here, where none was signed")
