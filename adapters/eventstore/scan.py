"""The event store as an auditor reads it: one picture of it, in position order, as raw rows by the hundred thousand.

COPY sends what the table holds without making objects of it: the first four lines of the entry that the event is in the
ledger's tree (``domain.proofs.leaf``), and the stored bytes. Beside that, questions about single events.
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from threading import Lock
from typing import Any, Final

import psycopg2

from adapters.eventstore.tables import EVENTS

Row = tuple[bytes, bytes]
"""The first four lines of an event's entry, and its stored bytes."""

CONNECT_S: Final = 5
STRING_BYTES: Final = 8_000_000
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
HEADER_BYTES: Final = 19  # PostgreSQL's COPY, binary format: signature, flags, length of the extension
FIELD: Final = Struct(">I").unpack_from
ENDS: Final = Struct(">h").pack(-1)


class Scan:
    """One consistent picture, to use in a ``with`` block, by any thread. Raises psycopg2.Error when it is away."""

    def __init__(self, database: str, *, snapshot: str | None = None) -> None:
        """``snapshot``: of another Scan, to see the same."""
        self._guard = Lock()  # a COPY must be read to its end before anything else is asked
        self._connection = psycopg2.connect(database, application_name="krypton audit", connect_timeout=CONNECT_S)
        self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        if snapshot:
            self.ask("SET TRANSACTION SNAPSHOT %s", snapshot)
        self.ask("SET LOCAL work_mem = '64MB'")

    def __enter__(self) -> "Scan":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of an answer; ``values`` in order, or one mapping of names."""
        with self._guard, self._connection.cursor() as cursor:
            named = len(values) == 1 and isinstance(values[0], dict)
            cursor.execute(sql, values[0] if named else values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def snapshot(self) -> str:
        """A name for this picture, so that another session sees the same."""
        return str(self.ask("SELECT pg_export_snapshot()")[0][0])

    def head(self) -> int:
        """The last position; 0 in an empty store."""
        return self.ask(f"SELECT coalesce(max(id), 0) FROM {EVENTS}")[0][0]  # type: ignore[no-any-return]

    def next_at(self, position: int) -> int | None:
        """The first position from here on that holds an event."""
        return self.ask(f"SELECT min(id) FROM {EVENTS} WHERE id >= %s", position)[0][0]  # type: ignore[no-any-return]

    def window(self, start: int, end: int) -> list[Row]:
        """The events from a position to below another, in order."""
        with self._guard:
            return copy(self._connection, f"WHERE id >= {start:d} AND id < {end:d}")

    def row(self, position: int) -> Row | None:
        """One event."""
        found = self.window(position, position + 1)
        return found[0] if found else None

    def rows_at(self, positions: Sequence[int]) -> list[Row]:
        """Those of these positions that hold an event."""
        with self._guard:
            return copy(self._connection, f"WHERE id IN ({', '.join(f'{position:d}' for position in positions)})")

    def position_of(self, aggregate_id: str, version: int) -> int | None:
        """Where an aggregate's event of that version is."""
        sql = f"SELECT min(id) FROM {EVENTS} WHERE originator_id::text = %s AND originator_version = %s"
        return self.ask(sql, aggregate_id, version)[0][0]  # type: ignore[no-any-return]


class Follow:
    """A session that reads on behind the writers. Raises psycopg2.Error when the database is away."""

    def __init__(self, connection: Any) -> None:
        """``connection``: psycopg2's, in autocommit, so that each page sees what is committed by then."""
        self._connection = connection

    def page(self, after: int, most: int) -> list[Row]:
        """The next events after a position, in order. Writers lock the table: what is there is final."""
        return copy(self._connection, f"WHERE id > {after:d} ORDER BY id LIMIT {most:d}")

    def count(self, up_to: int) -> int:
        """How many events there are up to a position."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {EVENTS} WHERE id <= %s", (up_to,))
            return int(cursor.fetchone()[0])


def copy(connection: Any, condition: str) -> list[Row]:
    """The events that a condition of ours names, in order.

    PostgreSQL strings rows together, up to some megabytes a message: psycopg2 takes the interpreter's lock once for
    each message, so a session in a thread of its own does not get in the way of who works on the last rows.
    """
    into = _Chunks()
    with connection.cursor() as cursor:
        cursor.copy_expert(STRUNG.format(condition), into)
    return [row for content in _fields(b"".join(into.chunks)) for row in _rows(content)]


class _Chunks:
    """What psycopg2 writes COPY's answer to."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.write = self.chunks.append


def _fields(content: bytes) -> Iterator[bytes]:
    """Take PostgreSQL's binary COPY format apart: per row the number of fields, here one, then it, after its length."""
    at = HEADER_BYTES
    while content[at : at + 2] != ENDS:
        begin = at + 6
        at = begin + FIELD(content, at + 2)[0]
        yield content[begin:at]


def _rows(content: bytes) -> list[Row]:
    """Take rows apart that were strung together: heading and stored bytes, each after its length."""
    found: list[Row] = []
    at, end = 0, len(content)
    while at < end:
        begin = at + 4
        middle = begin + FIELD(content, at)[0]
        stored = middle + 4
        at = stored + FIELD(content, middle)[0]
        found.append((content[begin:middle], content[stored:at]))
    return found
