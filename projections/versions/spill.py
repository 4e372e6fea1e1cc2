"""Spill storage for a rebuild: rows beyond the memory limit go to temporary tables of the transaction.

Temporary tables are not logged and not visible to others; at the end PostgreSQL moves their rows into the version's
tables. A temporary table gets its primary key when a row is first read back: many never are.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future

from psycopg2.extensions import cursor as Cursor
from sqlalchemy import MetaData

from projections.engine.projection import RowKey
from projections.engine.rows import quoted
from projections.versions.bare_tables import add_indexes
from projections.versions.copy_out import CopyOut, Lines
from projections.versions.memory_rows import Held, Key, Row


class TemporaryTables:
    """The temporary tables of one partition, in the cursor's session and transaction."""

    def __init__(self, cursor: Cursor, tables: MetaData, copy: CopyOut) -> None:
        self._cursor = cursor
        self._copy = copy
        self._tables = {table.name: table for table in tables.sorted_tables}
        self._made: dict[str, str] = {}
        self._keyed: set[str] = set()

    def make_all(self) -> None:
        """Create every table in ``pg_temp`` under its own name, for ``LiveRows``.

        With all indexes, so that a row that does not fit an index is refused when written, as it is live.
        """
        for name, table in self._tables.items():
            self._table(name)
            self._key(name)
            add_indexes(self._cursor, table, "pg_temp")

    def empty_into_place(self, cursor: Cursor) -> None:
        """Move all rows into the version's tables. Same session; the commit drops the temporary tables."""
        for name, there in self._made.items():
            listed = ", ".join(quoted(column) for column in self._copy.tables[name].columns)
            into = self._copy.tables[name].name
            cursor.execute(f"INSERT INTO {into} ({listed}) SELECT {listed} FROM {there}")
        self._made.clear()

    def _table(self, name: str) -> str:
        if name not in self._made:
            made = quoted(name)
            self._cursor.execute(f"CREATE TEMP TABLE {made} (LIKE {self._copy.tables[name].name}) ON COMMIT DROP")
            self._made[name] = f"pg_temp.{made}"
        return self._made[name]

    def _key(self, name: str) -> None:
        if name not in self._keyed:
            key = ", ".join(quoted(column) for column in self._copy.tables[name].key)
            self._cursor.execute(f"ALTER TABLE {self._made[name]} ADD PRIMARY KEY ({key})")
            self._keyed.add(name)


class TemporarySpill(TemporaryTables):
    """``projections.versions.memory_rows.Spill``. For one thread and its ``writer``, which runs tasks one by one.

    The writer spills rows while the next events are folded; anything else that needs the session waits for it and
    receives its errors.
    """

    def __init__(self, cursor: Cursor, tables: MetaData, copy: CopyOut, writer: Executor) -> None:
        super().__init__(cursor, tables, copy)
        self._writer = writer
        self._under_way: Future[None] | None = None

    def store(self, rows: Held) -> None:
        """See ``Spill``. Raises RowRefused, also for rows spilled before."""
        lines = self._copy.lines(rows)
        self.settle()
        self._under_way = self._writer.submit(self._write, lines)

    def load(self, keys: Iterable[RowKey]) -> Held:
        """See ``Spill``. Raises RowRefused, for rows spilled before."""
        self.settle()
        by_table: dict[str, list[Key]] = {}
        for name, key in keys:
            by_table.setdefault(name, []).append(key)
        return {name: self._take(name, wanted) for name, wanted in by_table.items() if name in self._made}

    def settle(self) -> None:
        """Wait until all spilled rows are written. Raises RowRefused."""
        under_way, self._under_way = self._under_way, None
        if under_way:
            under_way.result()

    def _write(self, lines: Lines) -> None:
        for name, pieces in lines.items():
            self._copy.send(self._cursor, name, self._table(name), pieces)

    def _take(self, name: str, keys: Sequence[Key]) -> Mapping[Key, Row]:
        self._key(name)
        copy, there = self._copy.tables[name], self._made[name]
        given = json.dumps([dict(zip(copy.key, key, strict=True)) for key in keys])
        matched = " AND ".join(f"t.{quoted(column)} = k.{quoted(column)}" for column in copy.key)
        listed = ", ".join(f"t.{quoted(column)}" for column in copy.columns)
        self._cursor.execute(
            f"DELETE FROM {there} t USING json_populate_recordset(NULL::{copy.name}, %s) k"
            f" WHERE {matched} RETURNING {listed}",
            (given,),
        )
        width = len(copy.key)
        return {row[:width]: dict(zip(copy.columns[width:], row[width:], strict=True)) for row in self._cursor}
