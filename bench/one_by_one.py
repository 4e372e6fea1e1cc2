"""Folds events with one transaction each, as the baseline that rebuilds are compared with."""

import psycopg2

from krypton.bootstrap import Krypton
from projections.engine.projection import Projection, schema_of
from projections.engine.rows import LiveRows, tables_sql
from schemas.event import LedgerEvent

POSITION = "UPDATE bench_position SET at = %s"


class OneByOne:
    """Folds events into a version's tables, each in its own transaction, with its position."""

    def __init__(self, ours: Krypton, projection: Projection) -> None:
        self._projection = projection
        self._tables = tables_sql(projection.tables, schema_of(projection))
        self._connection = psycopg2.connect(ours.addresses.database)
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS bench_position (at bigint)")
            cursor.execute("TRUNCATE bench_position")
            cursor.execute("INSERT INTO bench_position VALUES (0)")

    def take(self, event: LedgerEvent) -> None:
        """One event: its rows read, changed and written, the position moved, and all committed."""
        with self._connection, self._connection.cursor() as cursor:
            rows = LiveRows(cursor, self._tables)
            rows.prefetch(self._projection.keys(event))
            self._projection.apply(event, rows)
            rows.flush()
            cursor.execute(POSITION, (event.position,))

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
