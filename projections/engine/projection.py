"""What a projection is: a pure fold of ledger events into rows. One protocol, two engines (live and rebuild)."""

from collections.abc import Collection, Iterable, Mapping
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
"""A row that rules alone make."""

NO_RULES: Final[Mapping[str, int]] = MappingProxyType({})
"""Of a view that no rules make."""


ALL_FIELDS: Final[Mapping[str, Collection[str]]] = MappingProxyType({})
"""Of a view that has not said which fields it reads."""


class UnknownEvent(Exception):
    """The projection does not know the event type: the event is parked, never skipped."""


class Rows(Protocol):
    """A unit of work over a view's rows: reads through a cache, remembers what changed. Rows are column → value.

    JSON columns hold plain lists and dicts; what ``get`` returns is never changed in place: ``put`` or ``change`` it.
    """

    def get(self, key: RowKey) -> Mapping[str, Any] | None:
        """The row without its key columns, or None."""

    def put(self, key: RowKey, values: Mapping[str, Any]) -> None:
        """Insert the row, or replace it whole."""

    def change(self, key: RowKey, **values: Any) -> None:
        """Set columns of the row; a row that is not there yet is made of these columns alone, the others null."""

    def delete(self, key: RowKey) -> None:
        """Remove the row, if it is there."""


class Projection(Protocol):
    """Folds events into rows. No SQL, clock or I/O in ``keys`` and ``apply``; ``apply`` commutes across topics.

    ``rules``: the rule sets that it was made with, kind to version, 0 for none of the kind: with the same ones, the
    same events give the same rows everywhere. ``reads``: event type to the fields of ``data`` that ``keys`` and
    ``apply`` look at, so that a rebuild need not decode the others; types that are not named: all.
    """

    name: str
    version: int
    topics: tuple[str, ...]
    tables: "MetaData"
    rules: Mapping[str, int]
    reads: Mapping[str, Collection[str]]

    def seeds(self) -> Iterable[Seed]:
        """Rows that its rules alone make, written when a version's tables are made. No event ever changes them."""

    def keys(self, event: LedgerEvent) -> Iterable[RowKey]:
        """Rows that ``apply`` is sure to touch, so that a batch fetches them in one go (others are read through)."""

    def apply(self, event: LedgerEvent, rows: Rows) -> None:
        """Fold one event in. Raises UnknownEvent."""
