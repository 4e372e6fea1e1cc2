"""A PostgreSQL session for a view: connects on demand, reconnects after errors, one transaction at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import RLock
from typing import Final

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from domain.errors import StoreAway
from postgres.session import connect
from projections.engine.fold import AWAY
from projections.engine.rows import is_refusal

SETTINGS: Final = {
    "lock_timeout": "15s",
    "idle_in_transaction_session_timeout": "10s",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
"""A stopped process (SIGSTOP) must not lock its partitions' rows for ever, and no one waits for it for ever. Rows are
found by key: a plan that was made while a table was small must not read it whole when it is large.
"""


class Session:
    """One connection shared by threads: transactions take turns; hold ``lock`` to run several in a row."""

    def __init__(self, url: str, name: str, on_drop: Callable[[], None]) -> None:
        """``name`` shows in pg_stat_activity; ``on_drop`` is called when a transaction's outcome is unknown."""
        self._url = url
        self._name = name
        self._on_drop = on_drop
        self._connection: Connection | None = None
        self.lock = RLock()

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Commits at the end; rolls back on any error. Raises StoreAway if the server is gone or too busy."""
        with self.lock:
            try:
                connection = self._connected()
                with connection.cursor() as cursor:
                    yield cursor
                connection.commit()
            except psycopg2.Error as error:
                gone = self._connection is None or self._connection.closed
                if not gone and (is_refusal(error) or not isinstance(error, AWAY)):
                    self._rollback()
                    raise
                self._drop()
                raise StoreAway(f"{self._name}: the database is away ({type(error).__name__}): try again") from None
            except BaseException:
                self._rollback()
                raise

    def close(self) -> None:
        """Close the connection; the next transaction opens another."""
        with self.lock:
            self._drop()

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self._url, self._name, settings=SETTINGS)
        return self._connection

    def _rollback(self) -> None:
        try:
            if self._connection is not None:
                self._connection.rollback()
        except AWAY:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(psycopg2.Error):
                self._connection.close()
        self._connection = None
        self._on_drop()
