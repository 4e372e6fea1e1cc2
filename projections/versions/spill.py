"""Rows of a rebuild that memory is not meant for: in temporary tables of the transaction, gone with it.

Temporary tables are not logged, and nobody else sees them; at the end their rows move into the version's tables
inside the server. They get their primary keys when a row is first asked for again: many never are.
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
    """Of one partition, in the cursor's session, inside its transaction."""

    def __init__(self, cursor: Cursor, tables: MetaData, copy: CopyOut) -> None:
        self._cursor = cursor
        self._copy = copy
        self._tables = {table.name: table for table in tables.sorted_tables}
        self._made: dict[str, str] = {}
        self._keyed: set[str] = set()

    def make_all(self) -> None:
        """Make every table, in the schema ``pg_temp`` under its own name, to fold into with ``LiveRows``.

        With all indexes, so that a row which does not fit into one is refused when it is written, as it is live.
        """
        for name, table in self._tables.items():
            self._table(name)
            self._key(name)
            add_indexes(self._cursor, table, "pg_temp")

    def empty_into_place(self, cursor: Cursor) -> None:
        """Move all rows into the version's tables. The cursor is of the same session; its commit ends the tables."""
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


class TemporaryAttic(TemporaryTables):
    """``projections.versions.memory_rows.Attic``. For one thread and its ``writer``, which runs tasks one by one.

    The writer puts rows away while the next events are folded; whatever else needs the session waits for it, and is
    told what PostgreSQL refused meanwhile.
    """

    def __init__(self, cursor: Cursor, tables: MetaData, copy: CopyOut, writer: Executor) -> None:
        super().__init__(cursor, tables, copy)
        self._writer = writer
        self._under_way: Future[None] | None = None

    def put_away(self, rows: Held) -> None:
        """See ``Attic``. Raises RowRefused, also of rows put away before."""
        lines = self._copy.lines(rows)
        self.settle()
        self._under_way = self._writer.submit(self._write, lines)

    def bring_back(self, keys: Iterable[RowKey]) -> Held:
        """See ``Attic``. Raises RowRefused, of rows put away before."""
        self.settle()
        by_table: dict[str, list[Key]] = {}
        for name, key in keys:
            by_table.setdefault(name, []).append(key)
        return {name: self._take(name, wanted) for name, wanted in by_table.items() if name in self._made}

    def settle(self) -> None:
        """Wait until all that was put away is written. Raises RowRefused."""
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
