"""Writes rows to PostgreSQL with COPY in text format, encoded column by column.

Text rather than binary: PostgreSQL reads both at about the same rate, and a text line is joined in C while a binary
tuple would be packed field by field. The null marker contains 64 random bits per process, so no value can equal it.
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

ROWS: Final = 200  # encoded at once: their columns stay in the processor's cache
INDEXED: Final = 256
"""Longest indexed text that certainly fits: btree index rows hold 2,704 bytes, or more if compressible."""
NULL: Final = f"\x1e{secrets.token_hex(8)}"
Values = list[Any] | tuple[Any, ...]
Column = Callable[[Values], Values]

_dumps = orjson.dumps
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def _texts(values: Values) -> Values:
    nulls = values.count(None)
    if not nulls:
        return values
    return [NULL] * nulls if nulls == len(values) else [NULL if v is None else v for v in values]


def _indexed_texts(values: Values) -> Values:
    """COPY loads tables without indexes: a text too long for its index would be found only when the index is built.

    It is refused here and folded carefully, with the indexes in place, so PostgreSQL decides as it does live.
    """
    texts = _texts(values)
    if max(map(len, texts), default=0) > INDEXED:
        raise ValueError
    return texts


def _scalars(values: Values) -> list[str]:
    """Numbers and booleans: serialized in one call, then split. PostgreSQL reads JSON's form of them."""
    if (nulls := values.count(None)) == len(values):
        return [NULL] * nulls
    written = orjson.dumps(values)[1:-1].decode().split(",")
    if (len(written), written.count("null")) != (len(values), nulls):
        raise ValueError  # a list; or infinity or NaN, which are written as null and refused live too
    return [NULL if v == "null" else v for v in written] if nulls else written


def _documents(values: Values) -> list[str]:
    try:
        texts = [NULL if v is None else _dumps(v).decode() for v in values]
    except orjson.JSONEncodeError:
        return [NULL if v is None else _json(v) for v in values]  # integers larger than 64 bits
    if not any("null" in text for text in texts):
        return texts
    # orjson writes NaN as null, which is refused
    return [_json(v) if "null" in text else text for v, text in zip(values, texts, strict=True)]


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
        """The COPY statement into a table with these columns."""
        listed = ", ".join(quoted(c) for c in self.columns)
        # The null marker is random hexadecimal: it needs no escaping.
        return f"COPY {into} ({listed}) FROM STDIN WITH (FORMAT text, NULL E'{NULL}', ENCODING 'UTF8')"

    def lines(self, keys: Sequence[Key], rows: Sequence[Row]) -> bytes:
        """Rows in COPY's format. Raises RowRefused if a value does not, or might not, fit its column."""
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
    """The lines of the rows. Most need no escaping, which counting shows cheaply."""
    text = "\n".join(map("\t".join, zip(*columns, strict=True)))
    plain = text.count("\t") == count * (len(columns) - 1) and text.count("\n") == count - 1
    if not plain or "\\" in text or "\r" in text:
        columns = [[value if value == NULL else _plain(value) for value in column] for column in columns]
        text = "\n".join(map("\t".join, zip(*columns, strict=True)))
    return text + "\n"


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


Lines = dict[str, list[bytes]]
"""Table name to its rows in COPY's format, in pieces."""


class CopyOut:
    """Writes rows of a view into one schema's tables with COPY, in the caller's transaction.

    Two steps for two threads: encoding in Python, and sending to PostgreSQL with the interpreter lock released.
    """

    def __init__(self, tables: MetaData, schema: str) -> None:
        self.tables = {table.name: TableCopy(table, schema) for table in tables.sorted_tables}

    def lines(self, rows: Held) -> Lines:
        """Encode all rows, in a fifth of their memory. Raises RowRefused."""
        return {name: list(_encoded(self.tables[name], held)) for name, held in rows.items() if held}

    def send(self, cursor: Cursor, name: str, into: str, pieces: Sequence[bytes]) -> None:
        """Write rows of one table into a table with the same columns. Raises RowRefused: then the transaction is
        aborted.
        """
        table = self.tables[name]
        try:
            cursor.copy_expert(table.statement(into), _Pieces(pieces))  # type: ignore[arg-type]  # it only reads
        except psycopg2.Error as refusal:
            if not is_refusal(refusal):
                raise
            # The message quotes the line, which may be personal data.
            raise RowRefused(f"{table.name}: {type(refusal).__name__}") from None

    def write(self, cursor: Cursor, lines: Lines) -> None:
        """Write all rows into the schema's own tables. Raises RowRefused: then the transaction is aborted."""
        for name, pieces in lines.items():
            self.send(cursor, name, self.tables[name].name, pieces)


def _encoded(table: TableCopy, held: Mapping[Key, Row]) -> Iterator[bytes]:
    keys, rows = list(held), list(held.values())
    for at in range(0, len(keys), ROWS):
        yield table.lines(keys[at : at + ROWS], rows[at : at + ROWS])


class _Pieces:
    """A file object for psycopg2 that returns one piece per read, whatever size is asked."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._left = iter(pieces)

    def read(self, _size: int = -1) -> bytes:
        return next(self._left, b"")
