"""The interface between the stream processor and a view's store, which commits rows and positions together."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from schemas.event import Record


class DeadLetter(Protocol):
    """A record that could not be read or applied, or whose key is parked behind one."""

    id: int
    record: Record
    reason: str


class View(Protocol):
    """One version of one view (``projections.engine.store.ViewStore``)."""

    name: str
    version: int
    topics: tuple[str, ...]

    def positions(self) -> Mapping[tuple[str, int], int]:
        """(topic, partition) to the offset to read next; a partition never read is absent. Raises StoreAway."""

    def apply(self, batch: Sequence[Record]) -> int:
        """Fold records in order, with the positions, in one transaction; returns how many were new.

        Records below a position are repeats and are dropped. A record that cannot be read or applied becomes a dead
        letter in the same transaction, and its key is parked. Raises PartitionLost, OffsetGap, StoreAway, having
        applied nothing.
        """

    def unpublished(self, limit: int) -> Sequence[DeadLetter]:
        """Dead letters not yet on the dead-letter topic, oldest first."""

    def published(self, ids: Sequence[int]) -> None:
        """Mark these as published."""
