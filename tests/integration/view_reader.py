"""A view on a real database, kept up with a ledger in memory by the view's own store."""

from contextlib import closing
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection

from projections.engine.projection import Projection, schema_of
from projections.engine.store import ViewStore
from projections.versions import creation
from schemas.codec import Codec
from schemas.registry import registry
from tests.fakes.ledger import MemoryLedger
from tests.fakes.topic import records
from tests.fakes.views import folded, of_topics

Tables = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


class ViewReader:
    """Reads one view of one or several ledgers, each new ledger in new tables."""

    def __init__(self, url: str, view: Projection) -> None:
        self._url = url
        self._view = view
        self._ledger: MemoryLedger | None = None
        self._store: ViewStore | None = None
        self.connection: Connection = psycopg2.connect(url)
        self.connection.autocommit = True  # each query sees what the store wrote before it, and holds no lock

    def read(self, ledger: MemoryLedger, batch: int = 1_000) -> Any:
        """A connection to the view as it is after all that the ledger holds, applied ``batch`` events at a time."""
        if ledger is not self._ledger:
            self._begin(ledger)
        assert self._store is not None
        for topic in self._view.topics:
            waiting = records(ledger, [topic])
            for start in range(0, len(waiting), batch):
                self._store.apply(waiting[start : start + batch])
        return self.connection

    def tables(self) -> Tables:
        """All rows by table and key; tables without rows are left out."""
        found: Tables = {}
        for table in self._view.tables.sorted_tables:
            keys = [column.name for column in table.primary_key.columns]
            others = [column.name for column in table.columns if column.name not in keys]
            with self.connection.cursor() as cursor:
                cursor.execute(f"SELECT {', '.join(keys + others)} FROM {self._view.name}.{table.name}")
                for row in cursor:
                    found.setdefault(table.name, {})[row[: len(keys)]] = dict(
                        zip(others, row[len(keys) :], strict=True)
                    )
        return found

    def expected(self, ledger: MemoryLedger) -> Tables:
        """The rows that a fold in memory makes, every column named."""
        rows = folded(self._view, of_topics(self._view, ledger.history()))
        blank = {
            name: dict.fromkeys(c.name for c in table.columns if not c.primary_key)
            for name, table in self._view.tables.tables.items()
        }
        return {
            name: {key: {**blank[name], **row} for key, row in held.items()} for name, held in rows.tables().items()
        }

    def close(self) -> None:
        """Give all connections back."""
        if self._store is not None:
            self._store.close()
        self.connection.close()

    def _begin(self, ledger: MemoryLedger) -> None:
        if self._store is not None:
            self._store.close()
        with closing(self.connection.cursor()) as cursor:
            for schema in (self._view.name, schema_of(self._view), "views"):
                cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        creation.create(self._url, self._view)
        codec = Codec(registry(), ledger.memory_vault)
        self._ledger, self._store = ledger, ViewStore(self._view, codec, self._url)
