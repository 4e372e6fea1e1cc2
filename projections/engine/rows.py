"""Live rows of one version of a view: a unit of work over its PostgreSQL tables in the caller's transaction.

Rows travel as one JSON document per statement, which ``json_populate_recordset`` turns into the table's own row type: a
third of the time that parameters cost in Python, and one round trip per table. Reading rows that do not exist costs 2
µs each (``bench/view_store.py``), so projections need not guess which rows are new.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import psycopg2
from psycopg2.extensions import cursor as Cursor

from postgres import prepared
from projections.engine.projection import RowKey

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table

Row = Mapping[str, Any]
UNREAD: Final = object()


class RowRefused(Exception):
    """PostgreSQL rejects a key or row (a null, a NUL character, a text too long): the transaction is aborted.

    The message names the table and PostgreSQL's condition, never a value.
    """


def is_refusal(error: psycopg2.Error) -> bool:
    """Whether the row is at fault rather than the server: a retry would be rejected again.

    Includes SQLSTATE class 54 (index entry or document too large), which psycopg2 counts among connection errors.
    """
    return isinstance(error, psycopg2.DataError | psycopg2.IntegrityError) or (error.pgcode or "").startswith("54")


class UnknownColumn(Exception):
    """A projection writes a column that its table does not have, or a key column."""


@dataclass(frozen=True)
class TableSql:
    """One table's statements; each takes one JSON array of objects."""

    name: str
    key: tuple[str, ...]
    columns: frozenset[str]
    blank: dict[str, None]
    select: str
    upsert: str
    delete: str


def quoted(*names: str) -> str:
    """A dotted SQL name."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def table_sql(table: "Table", schema: str) -> TableSql:
    """The statements of one table in one schema. Rows are read as key columns, then the others, in table order."""
    key = tuple(c.name for c in table.primary_key.columns)
    others = tuple(c.name for c in table.columns if c.name not in key)
    target, given = quoted(schema, table.name), f"json_populate_recordset(NULL::{quoted(schema, table.name)}, %s)"
    listed = ", ".join(quoted(n) for n in (*key, *others))
    read = ", ".join(f"t.{quoted(n)}" for n in (*key, *others))
    matched = " AND ".join(f"t.{quoted(n)} = k.{quoted(n)}" for n in key)
    replaced = ", ".join(f"{quoted(n)} = EXCLUDED.{quoted(n)}" for n in others)
    on_conflict = f"DO UPDATE SET {replaced}" if others else "DO NOTHING"
    return TableSql(
        name=target,
        key=key,
        columns=frozenset(others),
        blank=dict.fromkeys(others),
        select=f"SELECT {read} FROM {given} k JOIN {target} t ON {matched}",
        upsert=f"INSERT INTO {target} ({listed}) SELECT {listed} FROM {given}"
        f" ON CONFLICT ({', '.join(quoted(n) for n in key)}) {on_conflict}",
        delete=f"DELETE FROM {target} t USING {given} k WHERE {matched}",
    )


def tables_sql(tables: "MetaData", schema: str) -> dict[str, TableSql]:
    """The statements of all tables of a view, by table name; a table that names a schema of its own stays there."""
    return {table.name: table_sql(table, table.schema or schema) for table in tables.sorted_tables}


class LiveRows:
    """``projections.engine.projection.Rows`` over a cursor. Nothing is written before ``flush``.

    These column types are read back as they were written: uuid and text (``str``), integers, double precision, boolean,
    jsonb, date, timestamptz.
    """

    def __init__(self, cursor: Cursor, tables: Mapping[str, TableSql]) -> None:
        self._cursor = cursor
        self._tables = tables
        self._rows: dict[RowKey, Row | None] = {}
        self._absent: set[RowKey] = set()
        self._dirty: set[RowKey] = set()
        self._undo: list[tuple[RowKey, Any, bool]] = []

    def prefetch(self, keys: Iterable[RowKey]) -> None:
        """Read the rows that are not cached yet, one query per table. Raises RowRefused."""
        wanted: dict[str, set[RowKey]] = {}
        for key in keys:
            if key not in self._rows:
                wanted.setdefault(key.table, set()).add(key)
        for name, unread in wanted.items():
            self._read(name, unread)

    def get(self, key: RowKey) -> Row | None:
        """See ``Rows``. All columns are present, null if never set. Raises RowRefused."""
        if (row := self._rows.get(key, UNREAD)) is UNREAD:
            self._read(key.table, {key})
            return self._rows[key]
        return row  # type: ignore[return-value]  # UNREAD was sorted out above

    def put(self, key: RowKey, values: Mapping[str, Any]) -> None:
        """See ``Rows``. Raises UnknownColumn."""
        self._set(key, values, self._tables[key.table].blank)

    def change(self, key: RowKey, **values: Any) -> None:
        """See ``Rows``. Raises UnknownColumn, RowRefused."""
        self._set(key, values, self.get(key) or self._tables[key.table].blank)

    def delete(self, key: RowKey) -> None:
        """See ``Rows``."""
        self._remember(key, None)

    def mark(self) -> None:
        """Set the point that ``rollback_to_mark`` returns to."""
        self._undo.clear()

    def rollback_to_mark(self) -> None:
        """Undo everything put, changed and deleted since the mark, so that a failed event has no effect."""
        for key, before, was_dirty in reversed(self._undo):
            if before is UNREAD:
                del self._rows[key]
            else:
                self._rows[key] = before
            if not was_dirty:
                self._dirty.discard(key)
        self._undo.clear()

    def flush(self) -> None:
        """Write all changes: one upsert and one delete per table. Raises RowRefused; the changes are then kept."""
        kept: dict[str, list[Row]] = {}
        gone: dict[str, list[Row]] = {}
        for key in self._dirty:
            row = self._rows[key]
            named = dict(zip(self._tables[key.table].key, key.key, strict=True))
            if row is not None:
                self._absent.discard(key)
                kept.setdefault(key.table, []).append({**row, **named})
            elif key not in self._absent:
                gone.setdefault(key.table, []).append(named)
        for name, rows in gone.items():
            self._run(name, self._tables[name].delete, rows)
        for name, rows in kept.items():
            self._run(name, self._tables[name].upsert, rows)
        self._dirty.clear()

    def _set(self, key: RowKey, values: Mapping[str, Any], base: Row) -> None:
        table = self._tables[key.table]
        if not values.keys() <= table.columns:
            raise UnknownColumn(f"{table.name} has no columns {sorted(values.keys() - table.columns)} beside its key")
        self._remember(key, {**base, **values})

    def _remember(self, key: RowKey, row: Row | None) -> None:
        self._undo.append((key, self._rows.get(key, UNREAD), key in self._dirty))
        self._rows[key] = row
        self._dirty.add(key)

    def _read(self, name: str, keys: set[RowKey]) -> None:
        table = self._tables[name]
        self._run(name, table.select, [dict(zip(table.key, key.key, strict=True)) for key in keys])
        self._rows.update(dict.fromkeys(keys))
        width, columns = len(table.key), tuple(table.blank)
        for found in self._cursor:
            key = RowKey(name, found[:width])
            if key not in keys:  # PostgreSQL writes this key differently: the row would seem absent and be overwritten
                raise RowRefused(f"{table.name}: a key is not in its canonical form")
            self._rows[key] = dict(zip(columns, found[width:], strict=True))
        self._absent.update(key for key in keys if self._rows[key] is None)

    def _run(self, name: str, statement: str, rows: list[Row]) -> None:
        with _refusals(self._tables[name].name):
            prepared.run(self._cursor, statement, _encode(rows))


@contextmanager
def _refusals(table: str) -> Iterator[None]:
    try:
        yield
    except (psycopg2.Error, TypeError, ValueError, RecursionError) as refusal:
        if isinstance(refusal, psycopg2.Error) and not is_refusal(refusal):
            raise
        # These messages quote values, which may be personal data: pass on only the error's kind.
        raise RowRefused(f"{table}: {type(refusal).__name__}") from None


def _plain(value: Any) -> str:
    if isinstance(value, date):  # includes datetime
        return value.isoformat()
    raise TypeError


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_plain).encode
