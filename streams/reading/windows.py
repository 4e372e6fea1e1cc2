"""A window of the two logs: rows of the event store, what Kafka must hold of them, and what differs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

from domain.proofs import leaf
from domain.proofs.columns import Columns
from schemas.event import Record
from streams.reading.page import Page, Row


class Store(Protocol):
    """A snapshot of the event store."""

    def next_at(self, position: int) -> int | None:
        """The first position at or after this one that holds an event."""

    def columns(self, start: int, end: int) -> Columns:
        """The events from ``start`` to below ``end``, in order."""

    def window(self, start: int, end: int) -> Sequence[Row]:
        """The same, row by row."""

    def row(self, position: int) -> Row | None:
        """The event at a position."""

    def rows_at(self, positions: Sequence[int]) -> list[Row]:
        """The events at these positions, where there are any."""


class Wrong(NamedTuple):
    """A record that differs from the store's row at its position, and how. ``row`` is None if there is none."""

    position: int
    record: Record
    row: Row | None
    what: str


@dataclass
class Window:
    """Positions from ``start`` to below ``end``. ``rows``: the store's, in order, as a page where all are events; the
    rest: see ``streams.reading.side_by_side``.
    """

    start: int
    end: int
    rows: Sequence[Row]
    lacking: dict[int, Row] = field(default_factory=dict)
    strange: list[tuple[int, Record]] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)
    repeats: int = 0

    @cached_property
    def positions(self) -> Sequence[int]:
        """Of the rows."""
        return self.rows.positions if isinstance(self.rows, Page) else [position_in(row) for row in self.rows]

    @cached_property
    def leaves(self) -> Sequence[bytes]:
        """The rows' hashes in the tree."""
        return self.rows.leaves if isinstance(self.rows, Page) else leaf.hashes(self.rows)

    @cached_property
    def held(self) -> dict[int, Row]:
        """The rows by position."""
        return {position_in(row): row for row in self.rows}


def position_in(row: Row) -> int:
    """Where a row stands."""
    return int(row[0][: row[0].index(b"\n")])
