"""Reads the event store in bulk from one snapshot, in position order, as raw rows for audits.

COPY returns the table's content without building objects: the first four lines of the event's tree entry
(``domain.proofs.leaf``) and the stored bytes. Single events can be queried too.
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from threading import Lock
from typing import Any, Final

from adapters.eventstore.tables import EVENTS
from domain.proofs.columns import Columns
from postgres.session import connect

Row = tuple[bytes, bytes]
"""The first four lines of an event's entry, and its stored bytes."""

STRING_BYTES: Final = 8_000_000
PAGE: Final = 5_000
HEADING: Final = (
    "convert_to(concat(id, E'\\n', topic, E'\\n', originator_id, E'\\n', originator_version, E'\\n'), 'UTF8')"
)
STRUNG: Final = f"""
COPY (SELECT string_agg(
        int4send(octet_length(heading)) || heading || int4send(octet_length(state)) || state, ''::bytea ORDER BY id
    ) FROM (
        SELECT id, {HEADING} AS heading, state, sum(octet_length(state)) OVER (ORDER BY id) / {STRING_BYTES} AS string
        FROM (SELECT * FROM {EVENTS} {{}}) AS chosen
    ) AS event GROUP BY string ORDER BY string) TO STDOUT (FORMAT binary)"""
COLUMNS: Final = f"""
COPY (SELECT string_agg(int8send(id), '' ORDER BY id), string_agg(uuid_send(originator_id), '' ORDER BY id),
    string_agg(int8send(originator_version), '' ORDER BY id), string_agg(left(topic, 64), E'\n' ORDER BY id),
    string_agg(int4send(octet_length(state)), '' ORDER BY id),
    string_agg(state, '' ORDER BY id) FILTER (WHERE octet_length(state) <= {{most}})
FROM {EVENTS} WHERE id >= {{start:d}} AND id < {{end:d}}) TO STDOUT (FORMAT binary)"""
"""One row, and no sort: the index has the order already."""
MOST_STRUNG: Final = 1_000_000_000  # bytes: PostgreSQL has values of up to 1 GiB
HEADER_BYTES: Final = 19  # PostgreSQL's COPY, binary format: signature, flags, length of the extension
FIELD_COUNT_BYTES: Final = 2
FIELD: Final = Struct(">I").unpack_from
LENGTH: Final = Struct(">i").unpack_from  # -1: NULL
ENDS: Final = Struct(">h").pack(-1)


class Scan:
    """One consistent snapshot, used in a ``with`` block, by any thread. Raises psycopg2.Error if unavailable."""

    def __init__(self, database: str, *, snapshot: str | None = None) -> None:
        """``snapshot``: the name of another Scan's snapshot, to share it."""
        self._guard = Lock()  # a COPY must be read to its end before any other query
        self._connection = connect(database, "scan")
        self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        if snapshot:
            self.ask("SET TRANSACTION SNAPSHOT %s", snapshot)
        self.ask("SET LOCAL work_mem = '64MB'")

    def __enter__(self) -> "Scan":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query; ``values`` in order, or one mapping of names."""
        with self._guard, self._connection.cursor() as cursor:
            named = len(values) == 1 and isinstance(values[0], dict)
            cursor.execute(sql, values[0] if named else values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, page by page; nothing else is asked of this scan until they are read."""
        with self._guard, self._connection.cursor("each") as cursor:
            cursor.itersize = PAGE
            cursor.execute(sql)
            yield from cursor

    def snapshot(self) -> str:
        """The name of this snapshot, for another session."""
        return str(self.ask("SELECT pg_export_snapshot()")[0][0])

    def head(self) -> int:
        """The last position; 0 in an empty store."""
        return self.ask(f"SELECT coalesce(max(id), 0) FROM {EVENTS}")[0][0]  # type: ignore[no-any-return]

    def next_at(self, position: int) -> int | None:
        """The first position at or after this one that holds an event."""
        return self.ask(f"SELECT min(id) FROM {EVENTS} WHERE id >= %s", position)[0][0]  # type: ignore[no-any-return]

    def window(self, start: int, end: int) -> list[Row]:
        """The events from ``start`` to below ``end``, in order."""
        with self._guard:
            return copy(self._connection, f"WHERE id >= {start:d} AND id < {end:d}")

    def columns(self, start: int, end: int) -> Columns:
        """The same in columns, at a third of the cost. Bytes are left out where they might become too many."""
        into = _Chunks()
        sql = COLUMNS.format(start=start, end=end, most=MOST_STRUNG // (end - start))
        with self._guard, self._connection.cursor() as cursor:
            cursor.copy_expert(sql, into)
        return Columns(*_values(b"".join(into.chunks)))

    def row(self, position: int) -> Row | None:
        """The event at a position."""
        found = self.window(position, position + 1)
        return found[0] if found else None

    def rows_at(self, positions: Sequence[int]) -> list[Row]:
        """The events at these positions, where there are any."""
        with self._guard:
            return copy(self._connection, f"WHERE id IN ({', '.join(f'{position:d}' for position in positions)})")

    def position_of(self, aggregate_id: str, version: int) -> int | None:
        """The position of an aggregate's event with that version."""
        sql = f"SELECT min(id) FROM {EVENTS} WHERE originator_id::text = %s AND originator_version = %s"
        return self.ask(sql, aggregate_id, version)[0][0]  # type: ignore[no-any-return]


class Follow:
    """A session that follows the writers page by page. Raises psycopg2.Error if the database is unavailable."""

    def __init__(self, connection: Any) -> None:
        """``connection``: psycopg2's, in autocommit, so that each page sees the latest commits."""
        self._connection = connection

    def page(self, after: int, most: int) -> list[Row]:
        """The next events after a position, in order. Writers lock the table, so no earlier event appears later."""
        return copy(self._connection, f"WHERE id > {after:d} ORDER BY id LIMIT {most:d}")

    def count(self, up_to: int) -> int:
        """The number of events up to a position."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {EVENTS} WHERE id <= %s", (up_to,))
            return int(cursor.fetchone()[0])


def copy(connection: Any, condition: str) -> list[Row]:
    """The events that match a condition (trusted SQL), in order.

    PostgreSQL concatenates rows into messages of some megabytes: psycopg2 takes the interpreter's lock once per
    message, so a session in its own thread does not slow the thread that processes the rows.
    """
    into = _Chunks()
    with connection.cursor() as cursor:
        cursor.copy_expert(STRUNG.format(condition), into)
    return [row for content in _fields(b"".join(into.chunks)) for row in _rows(content)]


class _Chunks:
    """A file object that receives COPY's output from psycopg2."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.write = self.chunks.append


def _fields(content: bytes) -> Iterator[bytes]:
    """Split PostgreSQL's binary COPY format: per row the number of fields (here one), then length and value."""
    at = HEADER_BYTES
    while content[at : at + 2] != ENDS:
        begin = at + 6
        at = begin + FIELD(content, at + 2)[0]
        yield content[begin:at]


def _rows(content: bytes) -> list[Row]:
    """Split concatenated rows: heading and stored bytes, each preceded by its length."""
    found: list[Row] = []
    at, end = 0, len(content)
    while at < end:
        begin = at + 4
        middle = begin + FIELD(content, at)[0]
        stored = middle + 4
        at = stored + FIELD(content, middle)[0]
        found.append((content[begin:middle], content[stored:at]))
    return found


def _values(content: bytes) -> Iterator[bytes]:
    """The values of one row in the same format, as bytes; NULL is as an empty one."""
    at, end = HEADER_BYTES + FIELD_COUNT_BYTES, len(content) - len(ENDS)
    while at < end:
        begin = at + 4
        at = begin + max(0, LENGTH(content, at)[0])
        yield content[begin:at]
