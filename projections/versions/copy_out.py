"""Rows to PostgreSQL by COPY, in its text format: built column by column, escaped in one go, sent in pieces.

Text and not binary: PostgreSQL reads both at about the same rate, and a line of text is joined in C where a binary
tuple would be packed field by field. A null is a marker that no value can be: it holds 64 random bits of the process.
Source: PostgreSQL 18, COPY, "Text Format".
"""

import json
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import orjson
import psycopg2
from psycopg2.extensions import cursor as Cursor
from sqlalchemy import Boolean, Float, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from projections.engine.rows import RowRefused, is_refusal, quoted
from projections.versions.memory_rows import Held, Key, Row

ROWS: Final = 200  # encoded in one go: their columns stay in the processor's cache
INDEXED: Final = 256
"""Characters of an indexed text that surely fit: PostgreSQL takes index rows of 2,704 bytes (btree), if compressible of
more."""
NULL: Final = f"\x1e{secrets.token_hex(8)}"
Values = list[Any] | tuple[Any, ...]
Column = Callable[[Values], Values]

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def _texts(values: Values) -> Values:
    nulls = values.count(None)
    if not nulls:
        return values
    return [NULL] * nulls if nulls == len(values) else [NULL if v is None else v for v in values]


def _indexed_texts(values: Values) -> Values:
    """The rows are COPYed into tables without indexes: one that is too long would be found only when all are made.

    Refused here, it is folded carefully, with the indexes in place, and PostgreSQL decides as it does live.
    """
    texts = _texts(values)
    if max(map(len, texts), default=0) > INDEXED:
        raise ValueError
    return texts


def _scalars(values: Values) -> list[str]:
    """Numbers and booleans: written by one call, then cut apart. PostgreSQL reads them as JSON has them."""
    if (nulls := values.count(None)) == len(values):
        return [NULL] * nulls
    written = orjson.dumps(values)[1:-1].decode().split(",")
    if (len(written), written.count("null")) != (len(values), nulls):
        raise ValueError  # a list; or infinity or not-a-number, which are written as null, and refused live too
    return [NULL if v == "null" else v for v in written] if nulls else written


def _documents(values: Values) -> list[str]:
    return [NULL if v is None else _document(v) for v in values]


def _document(value: Any) -> str:
    if not value:
        return "[]" if value == [] else "{}" if value == {} else _json(value)
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return _json(value)  # integers past 64 bits
    return _json(value) if "null" in text else text  # orjson writes not-a-number so, which is refused


def _writer(column: Any, indexed: Collection[str]) -> Column:
    if isinstance(column.type, JSONB):
        return _documents
    if isinstance(column.type, Text) and column.name in indexed:
        return _indexed_texts
    return _scalars if isinstance(column.type, Boolean | Float | Integer) else _texts


class TableCopy:
    """Encodes one table's rows for COPY."""

    def __init__(self, table: Table, schema: str) -> None:
        self.key = tuple(c.name for c in table.primary_key.columns)
        others = [c for c in table.columns if not c.primary_key]
        indexed = {*self.key, *(c.name for index in table.indexes for c in index.columns)}
        self._keys = [_writer(c, indexed) for c in table.primary_key.columns]
        self._others = [_writer(c, indexed) for c in others]
        self._values = _getter([c.name for c in others])
        self.columns = (*self.key, *(c.name for c in others))
        self.name = quoted(schema, table.name)

    def statement(self, into: str) -> str:
        """The COPY statement into a table of these columns."""
        listed = ", ".join(quoted(c) for c in self.columns)
        # The null marker is random hexadecimal: it needs no escape.
        return f"COPY {into} ({listed}) FROM STDIN WITH (FORMAT text, NULL E'{NULL}', ENCODING 'UTF8')"

    def lines(self, keys: Sequence[Key], rows: Sequence[Row]) -> bytes:
        """Rows as COPY reads them. Raises RowRefused where a value does not, or may not, fit its column."""
        try:
            columns = [write(v) for write, v in zip(self._keys, zip(*keys, strict=True), strict=True)]
            if self._others:
                got = zip(*map(self._values, rows), strict=True)
                columns += [write(v) for write, v in zip(self._others, got, strict=True)]
            return _escaped(columns, len(keys)).encode()
        except (TypeError, ValueError, KeyError, RecursionError) as refusal:
            raise RowRefused(f"{self.name}: {type(refusal).__name__}") from None


def _getter(names: list[str]) -> Callable[[Row], tuple[Any, ...]]:
    if len(names) == 1:
        (one,) = names
        return lambda row: (row[one],)
    return itemgetter(*names) if names else lambda _: ()


def _escaped(columns: list[Values], count: int) -> str:
    """The lines of the rows. Most hold nothing that COPY takes as special: counting tells, at little cost."""
    text = "\n".join(map("\t".join, zip(*columns, strict=True)))
    plain = text.count("\t") == count * (len(columns) - 1) and text.count("\n") == count - 1
    if not plain or "\\" in text or "\r" in text:
        columns = [[value if value == NULL else _plain(value) for value in column] for column in columns]
        text = "\n".join(map("\t".join, zip(*columns, strict=True)))
    return text + "\n"


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


Lines = dict[str, list[bytes]]
"""Table name to its rows as COPY reads them, in pieces."""


class CopyOut:
    """COPYs rows of a view into one schema's tables, in the caller's transaction.

    Two steps, for two threads: what is Python's work, and what is PostgreSQL's, with the interpreter lock let go.
    """

    def __init__(self, tables: MetaData, schema: str) -> None:
        self.tables = {table.name: TableCopy(table, schema) for table in tables.sorted_tables}

    def lines(self, rows: Held) -> Lines:
        """All these rows, encoded: a fifth of their memory. Raises RowRefused."""
        return {name: list(_encoded(self.tables[name], held)) for name, held in rows.items() if held}

    def send(self, cursor: Cursor, name: str, into: str, pieces: Sequence[bytes]) -> None:
        """Rows of one table into a table of the same columns. Raises RowRefused: then the transaction is void."""
        table = self.tables[name]
        try:
            cursor.copy_expert(table.statement(into), _Pieces(pieces))  # type: ignore[arg-type]  # it only reads
        except psycopg2.Error as refusal:
            if not is_refusal(refusal):
                raise
            # Its message quotes the line, which may name a person.
            raise RowRefused(f"{table.name}: {type(refusal).__name__}") from None

    def write(self, cursor: Cursor, lines: Lines) -> None:
        """All these into the schema's own tables. Raises RowRefused: then the transaction is void."""
        for name, pieces in lines.items():
            self.send(cursor, name, self.tables[name].name, pieces)


def _encoded(table: TableCopy, held: Mapping[Key, Row]) -> Iterator[bytes]:
    keys, rows = list(held), list(held.values())
    for at in range(0, len(keys), ROWS):
        yield table.lines(keys[at : at + ROWS], rows[at : at + ROWS])


class _Pieces:
    """A file as psycopg2 reads it: a piece at a time, whatever size it asks for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._left = iter(pieces)

    def read(self, _size: int = -1) -> bytes:
        return next(self._left, b"")
