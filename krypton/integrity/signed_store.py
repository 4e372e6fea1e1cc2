"""Checks the event store alone against every signed checkpoint, without Kafka.

Republish runs this first: when Kafka's log is lost, only the checkpoints can tell an altered store from a genuine one.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from adapters.eventstore.scan import Row, Scan
from domain.errors import LedgerAltered
from domain.proofs import leaf
from domain.proofs.merkle import Tree, leaf_hashes
from krypton.integrity.checkpoints import Head, Heads
from krypton.integrity.signed_tree import entry_of

WINDOW: Final = 10_000
LOWEST: Final = -(1 << 63)


def pages(scan: Scan) -> Iterator[list[Row]]:
    """All rows of the store, in order."""
    at = scan.next_at(LOWEST)
    while at is not None:
        yield scan.window(at, at + WINDOW)
        at = scan.next_at(at + WINDOW)


def hold(found: Iterable[Sequence[Row]], heads: Heads) -> int:
    """Check the store against every signed checkpoint; returns how many there are. Raises LedgerAltered."""
    left = deque(head for head in heads.signed if head.size)
    tree, good, count = Tree(), 0, len(left)
    pages_left = iter(found)
    while left and (rows := next(pages_left, None)) is not None:
        at = 0
        while left and at < len(rows):
            step = rows[at : at + left[0].size - tree.size]
            tree.append(leaf_hashes([entry_of(*row) for row in step]))
            at += len(step)
            position = leaf.position_of(step[-1][0])
            reached = [left.popleft() for _ in range(len(left)) if left[0].size == tree.size]
            for head in reached:
                _same(head, tree, good, position)
            good = position if reached else good
    if left:
        raise LedgerAltered(
            f"the event store holds {tree.size} events, and {left[-1].where} is of {left[-1].size}: its end is "
            "missing; nothing was sent; krypton restore event-store restores what Kafka still has"
        )
    return count


def _same(head: Head, tree: Tree, good: int, position: int) -> None:
    if head.root != tree.root():
        raise LedgerAltered(
            f"the event store was altered: from position {good + 1} to {position} it does not hold the events that "
            f"{head.where} signed; nothing was sent, restore the database from a backup"
        )
