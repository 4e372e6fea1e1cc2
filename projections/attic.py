"""Rows of a rebuild that memory is not meant for: in temporary tables of the transaction, gone with it.

Temporary tables are not logged, and nobody else sees them; at the end their rows move into the version's tables
inside the server. They have the primary keys that the version's tables get last.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg2.extensions import cursor as Cursor
from sqlalchemy import MetaData

from projections.bare_tables import add_indexes
from projections.copy_out import CopyOut
from projections.projection import RowKey
from projections.rows import quoted

Row = Mapping[str, Any]


class TemporaryAttic:
    """``projections.memory_rows.Attic`` in the cursor's session, inside its transaction."""

    def __init__(self, cursor: Cursor, tables: MetaData, copy: CopyOut) -> None:
        self._cursor = cursor
        self._copy = copy
        self._tables = {table.name: table for table in tables.sorted_tables}
        self._made: dict[str, str] = {}

    def make_all(self) -> None:
        """Make every table, in the schema ``pg_temp`` under its own name, to fold into with ``LiveRows``.

        With all indexes, so that a row which does not fit into one is refused when it is written, as it is live.
        """
        for name, table in self._tables.items():
            self._table(name)
            add_indexes(self._cursor, table, "pg_temp")

    def put_away(self, rows: Mapping[RowKey, Row]) -> None:
        """See ``Attic``. Raises RowRefused."""
        by_table: dict[str, list[tuple[RowKey, Row]]] = {}
        for pair in rows.items():
            by_table.setdefault(pair[0].table, []).append(pair)
        for name, pairs in by_table.items():
            self._copy.copy(self._cursor, name, self._table(name), pairs)

    def bring_back(self, keys: Iterable[RowKey]) -> dict[RowKey, Row]:
        """See ``Attic``."""
        by_table: dict[str, list[Sequence[Any]]] = {}
        for key in keys:
            by_table.setdefault(key.table, []).append(key.key)
        found: dict[RowKey, Row] = {}
        for name, wanted in by_table.items():
            if name in self._made:
                found.update(self._take(name, wanted))
        return found

    def empty_into_place(self, cursor: Cursor) -> None:
        """Move all rows into the version's tables. The cursor is of the same session; its commit ends the attic."""
        for name, there in self._made.items():
            listed = ", ".join(quoted(column) for column in self._copy.tables[name].columns)
            into = self._copy.tables[name].name
            cursor.execute(f"INSERT INTO {into} ({listed}) SELECT {listed} FROM {there}")
        self._made.clear()

    def _table(self, name: str) -> str:
        if name not in self._made:
            copy, made = self._copy.tables[name], quoted(name)
            key = ", ".join(quoted(column) for column in copy.key)
            self._cursor.execute(f"CREATE TEMP TABLE {made} (LIKE {copy.name}, PRIMARY KEY ({key})) ON COMMIT DROP")
            self._made[name] = f"pg_temp.{made}"
        return self._made[name]

    def _take(self, name: str, keys: Sequence[Sequence[Any]]) -> dict[RowKey, Row]:
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
        return {
            RowKey(name, row[:width]): dict(zip(copy.columns[width:], row[width:], strict=True)) for row in self._cursor
        }
