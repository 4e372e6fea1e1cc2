"""Defines a projection: a pure fold of ledger events into rows, run by the live engine and by rebuilds."""

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from schemas.event import LedgerEvent

if TYPE_CHECKING:  # who reads a view needs no tables: SQLAlchemy takes longer to import than a query to answer
    from sqlalchemy import MetaData


class RowKey(NamedTuple):
    """One row: the table's name and the values of its primary key, in the table's order. Ids are ``str``."""

    table: str
    key: tuple[Any, ...]


Seed = tuple[RowKey, Mapping[str, Any]]
"""A row derived from rules, not from events."""

NO_RULES: Final[Mapping[str, int]] = MappingProxyType({})
"""For a view that uses no rules."""


ALL_FIELDS: Final[Mapping[str, Collection[str]]] = MappingProxyType({})
"""For what reads whole events: a policy, which nothing rebuilds."""


class UnknownEvent(Exception):
    """The projection does not know the event type: the event is parked, never skipped."""


class Rows(Protocol):
    """A unit of work over a view's rows: a read-through cache that tracks changes. A row is column → value.

    JSON columns hold plain lists and dicts. Never change what ``get`` returns in place: use ``put`` or ``change``.
    """

    def get(self, key: RowKey) -> Mapping[str, Any] | None:
        """The row without its key columns, or None."""

    def put(self, key: RowKey, values: Mapping[str, Any]) -> None:
        """Insert the row, or replace all its columns."""

    def change(self, key: RowKey, **values: Any) -> None:
        """Set columns of the row; if it does not exist, insert it with the other columns null."""

    def delete(self, key: RowKey) -> None:
        """Delete the row if it exists."""


class Tables:
    """``tables`` of a projection, imported when they are asked for: a fold needs none."""

    def __init__(self, find: Callable[[], "MetaData"]) -> None:
        self._find = find

    def __get__(self, projection: object, owner: type | None = None) -> "MetaData":
        return self._find()


class Projection(Protocol):
    """Folds events into rows. No SQL, clock or I/O in ``keys`` and ``apply``; ``apply`` commutes across topics.

    ``rules``: the rule versions it uses, kind to version, 0 for none: the same rules and events give the same rows
    everywhere. ``reads``: event type to the fields of ``data`` that ``keys`` and ``apply`` use, whether or not an
    event has them. A rebuild skips decoding the others, and a change of their schemas asks for no rebuild. A view names
    all types of its topics; what names none of a type reads all of it.
    """

    name: str
    version: int
    topics: tuple[str, ...]
    rules: Mapping[str, int]
    reads: Mapping[str, Collection[str]]

    @property
    def tables(self) -> "MetaData":
        """The declarations of its tables."""

    def seeds(self) -> Iterable[Seed]:
        """Rows derived from its rules, inserted when a version's tables are created. No event changes them."""

    def keys(self, event: LedgerEvent) -> Iterable[RowKey]:
        """Rows that ``apply`` will certainly touch, so that a batch prefetches them (others are read on demand)."""

    def apply(self, event: LedgerEvent, rows: Rows) -> None:
        """Fold one event. Raises UnknownEvent."""


class Naming(Protocol):
    """A projection whose rows name others that ``apply`` touches as well."""

    def named(self, event: LedgerEvent, rows: Rows) -> Iterable[RowKey]:
        """Those others: a batch prefetches them once it has the rows of ``keys``."""


def schema_of(projection: Projection) -> str:
    """The PostgreSQL schema of the projection's version."""
    return f"{projection.name}_v{projection.version}"
