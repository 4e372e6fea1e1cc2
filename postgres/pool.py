"""A bounded pool of PostgreSQL sessions: each is lent to one thread at a time, and kept for the next one.

Sessions are in autocommit, so that a read is one round trip. One that broke is dropped: after a restart of the server,
reads go on by themselves, and the first transaction fails as a whole.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any

import psycopg2
from psycopg2.extensions import cursor as Cursor

from postgres import prepared
from postgres.session import WAIT_S, Busy, Session, connect


class Pool:
    """At most so many sessions at a time. Safe to share between threads. Raises psycopg2.Error; Busy."""

    def __init__(self, database: str, name: str, most: int, *, prepare: str = "", wait_s: float = WAIT_S) -> None:
        """``prepare``: statements that each new session runs first; ``wait_s``: for one that another thread has."""
        self._database, self._name, self._most = database, name, most
        self._prepare, self._wait_s = prepare, wait_s
        self._free = BoundedSemaphore(most)
        self._idle: deque[Session] = deque()

    def read(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement that may be repeated: asked again where an idle session turns out broken."""
        return self._rows(lambda _: sql, values)

    def planned(self, statement: str, *values: Any, first: str = "") -> list[tuple[Any, ...]]:
        """As ``read``, of a statement that each session plans once (``postgres.prepared``), after ``first``."""
        return self._rows(lambda cursor: first + prepared.execution(cursor, statement), values)

    def _rows(self, sql: Callable[[Cursor], str], values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        while True:
            with self._lent() as idle:
                session = idle or self._opened()
                try:
                    with session.cursor() as cursor:
                        cursor.execute(sql(cursor), values)
                        return list(cursor.fetchall()) if cursor.description else []
                except (psycopg2.OperationalError, psycopg2.InterfaceError):
                    if idle is None or not idle.closed:
                        raise
                finally:
                    self._keep(session)

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """A cursor whose statements are committed together at the end of the block, or none of them."""
        with self._lent() as idle:
            session = idle or self._opened()
            try:
                session.autocommit = False
                with session, session.cursor() as cursor:
                    yield cursor
            finally:
                self._keep(session)

    @contextmanager
    def begun_by_first(self) -> Iterator[Cursor]:
        """As ``transaction``; the first message of the block says BEGIN itself, which saves a round trip."""
        with self._lent() as idle:
            session = idle or self._opened()
            try:
                with session.cursor() as cursor:
                    yield cursor
                    cursor.execute("COMMIT")
                    if cursor.statusmessage != "COMMIT":  # what had failed was ended, and nothing else says so
                        raise psycopg2.InternalError("the transaction had failed: nothing was stored")
            except BaseException:
                _roll_back(session)
                raise
            finally:
                self._keep(session)

    def close(self) -> None:
        """Close those that nobody uses."""
        while (idle := self._last_used()) is not None:
            idle.close()

    @contextmanager
    def _lent(self) -> Iterator[Session | None]:
        """The right to use one session, and the one to use; None: open one."""
        if not self._free.acquire(timeout=self._wait_s):
            raise Busy(f"all {self._most} connections for the {self._name} are in use: try again")
        try:
            yield self._last_used()
        finally:
            self._free.release()

    def _last_used(self) -> Session | None:
        """It most likely still works; None where all are in use."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _keep(self, session: Session) -> None:
        if not session.closed:
            session.autocommit = True
            self._idle.append(session)

    def _opened(self) -> Session:
        session = connect(self._database, self._name, autocommit=True)
        if self._prepare:
            with session.cursor() as cursor:
                cursor.execute(self._prepare)
        return session


def _roll_back(session: Session) -> None:
    """Whatever was begun; where that cannot be, the session ends, and the transaction with it."""
    try:
        with session.cursor() as cursor:
            cursor.execute("ROLLBACK")
    except psycopg2.Error:
        session.close()
