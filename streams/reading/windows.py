"""A window of the two logs: rows of the event store, what Kafka must hold of them, and what differs.

Rows may be prepared by somebody else: then what a comparison asks of them is known, and they are loaded only where one
of them is looked at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol, overload

from domain.proofs import leaf
from schemas.event import Record
from streams.reading.record_tails import Expected, Place, Row


class Store(Protocol):
    """A snapshot of the event store."""

    def next_at(self, position: int) -> int | None:
        """The first position at or after this one that holds an event."""

    def window(self, start: int, end: int) -> Sequence[Row]:
        """The events from ``start`` to below ``end``, in order; ``Prepared``, if somebody has worked on them before."""

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


class Prepared(Sequence[Row]):
    """Rows of which is known already what a comparison asks; they themselves are loaded where one is looked at."""

    def __init__(
        self,
        positions: Sequence[int],
        leaves: Sequence[bytes],
        expected: dict[Place, Expected] | None,
        load: Callable[[], Sequence[Row]],
    ) -> None:
        """``expected``: see ``RecordTails.of``."""
        self.positions = positions
        self.leaves = leaves
        self.expected = expected
        self._load = load

    @cached_property
    def _rows(self) -> Sequence[Row]:
        return self._load()

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | Sequence[Row]:
        return self._rows[at]


@dataclass
class Window:
    """Positions from ``start`` to below ``end``. ``rows``: the store's, in order; the rest: see the module."""

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
        return self.rows.positions if isinstance(self.rows, Prepared) else [position_in(row) for row in self.rows]

    @cached_property
    def leaves(self) -> Sequence[bytes]:
        """The rows' hashes in the tree."""
        return self.rows.leaves if isinstance(self.rows, Prepared) else leaf.hashes(self.rows)

    @cached_property
    def held(self) -> dict[int, Row]:
        """The rows by position."""
        return {position_in(row): row for row in self.rows}


def position_in(row: Row) -> int:
    """Where a row stands."""
    return int(row[0][: row[0].index(b"\n")])
