"""Connections to the event store's database: each is lent to one thread at a time, and kept for the next one.

They are in autocommit, so that a read is one round trip. A connection that broke is dropped: after a restart of the
server, reads go on by themselves, and the first transaction fails as a whole.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2

CONNECT_S = 5


class Connections:
    """As many as are in use at a time. Safe to share between threads. Raises psycopg2.Error."""

    def __init__(self, database: str, prepare: str) -> None:
        """``prepare``: statements that each new connection runs first."""
        self._database = database
        self._prepare = prepare
        self._idle: deque[Any] = deque()

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement that changes nothing: asked again where an idle connection turns out broken."""
        while True:
            idle = self._take()
            try:
                with self._lent(idle) as connection, connection.cursor() as cursor:
                    cursor.execute(sql, values)
                    return list(cursor.fetchall())
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                if idle is None or not idle.closed:
                    raise

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A cursor whose statements are committed together at the end of the block, or none of them."""
        with self._lent(self._take()) as connection:
            connection.autocommit = False
            with connection, connection.cursor() as cursor:
                yield cursor

    def close(self) -> None:
        """Close those that nobody uses."""
        while (idle := self._take()) is not None:
            idle.close()

    def _take(self) -> Any:
        """The one used last, which most likely still works; None where all are in use."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    @contextmanager
    def _lent(self, idle: Any) -> Iterator[Any]:
        connection = self._connected() if idle is None else idle
        try:
            yield connection
        finally:
            if not connection.closed:
                connection.autocommit = True
                self._idle.append(connection)

    def _connected(self) -> Any:
        connection = psycopg2.connect(self._database, connect_timeout=CONNECT_S)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(self._prepare)
        return connection
