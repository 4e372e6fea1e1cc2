"""Opens every PostgreSQL session of a process: named, bounded in number, and aware of a dead peer within seconds.

The name shows in pg_stat_activity, so that who holds how many is one query (``postgres.limits``). A process says once
how many sessions it may hold; who would open one more waits, and is told after a while that the process is busy.
Nothing else opens sessions: a test holds that.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Condition
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

CONNECT_S: Final = 5
WAIT_S: Final = 10.0  # for a session of this process's own; then it is busy
LOOK_S: Final = 0.05  # a session that nobody closed is noticed so much later
# Both sides probe an idle connection: a machine that lost power must not hold locks for ever, nor be waited for.
CLIENT_SIDE: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_S,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
SERVER_SIDE: Final = {
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "5000",
}


class Busy(psycopg2.OperationalError):
    """All sessions that this process or pool may hold are in use: nothing was asked; try again."""


class Unreachable(psycopg2.OperationalError):
    """The server did not take the connection: nothing was asked. ``session``: the name of the one that was wanted."""

    session = ""


class Lost(psycopg2.OperationalError):
    """The server ended the session while something was asked: it is closed."""


class _Cursor(Cursor):
    """A cursor by which a session that the server ended is named as such."""

    def execute(self, query: Any, vars: Any = None) -> None:
        with _named(self.connection):
            super().execute(query, vars)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        with _named(self.connection):
            super().copy_expert(sql, file, size)


class Session(Connection):
    """A connection that tells those who wait when it is closed."""

    def commit(self) -> None:
        """Commit what was written. Raises Lost, and the other errors of psycopg2."""
        with _named(self):
            super().commit()

    def close(self) -> None:
        """End the session."""
        super().close()
        _process.given_back()


@contextmanager
def _named(session: Connection) -> Iterator[None]:
    """Raises Lost in place of the error without a name that psycopg2 raises where libpq has read the server's last
    words and does not know yet that the connection is broken: whoever waits for a server that is away must know it.
    """
    try:
        yield
    except psycopg2.DatabaseError as error:
        if type(error) is psycopg2.DatabaseError and error.pgcode is None:
            session.close()
            raise Lost(*error.args) from None
        raise


class _Process:
    """The sessions that this process holds, and how many it may hold."""

    def __init__(self) -> None:
        self.name = ""
        self.most: int | None = None
        self._opening = 0
        self._open: WeakSet[Session] = WeakSet()
        self._changed = Condition()

    def held(self) -> int:
        """How many are open, or are being opened."""
        with self._changed:
            return self._held()

    def opened(self, database: str, **given: Any) -> Session:
        self._take()
        try:
            session: Session = psycopg2.connect(database, connection_factory=Session, cursor_factory=_Cursor, **given)
        except psycopg2.OperationalError as away:
            self._taken(None)
            raise Unreachable(*away.args) from away
        except BaseException:
            self._taken(None)
            raise
        self._taken(session)
        return session

    def given_back(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _held(self) -> int:
        return self._opening + sum(not session.closed for session in self._open)

    def _take(self) -> None:
        with self._changed:
            left_s = WAIT_S
            while self.most is not None and self._held() >= self.most:
                if left_s <= 0:
                    raise Busy(f"all {self.most} database connections of this process are in use: try again")
                self._changed.wait(LOOK_S)
                left_s -= LOOK_S
            self._opening += 1

    def _taken(self, session: Session | None) -> None:
        with self._changed:
            self._opening -= 1
            if session is not None:
                self._open.add(session)
            self._changed.notify_all()


_process = _Process()


def keep_within(process: str, most: int | None) -> None:
    """From now on this process holds at most so many sessions, None for any; ``process`` begins their names."""
    _process.name, _process.most = process, most


def held() -> int:
    """How many sessions this process holds now."""
    return _process.held()


def connect(
    database: str, name: str, *, autocommit: bool = False, settings: Mapping[str, str] | None = None
) -> Session:
    """A session. ``database``: a postgresql:// URL; ``settings``: of the server, for this session.

    Raises Unreachable; Busy.
    """
    options = " ".join(f"-c {key}={value}" for key, value in {**SERVER_SIDE, **(settings or {})}.items())
    named = f"krypton {_process.name}: {name}" if _process.name else f"krypton {name}"
    try:
        session = _process.opened(database, application_name=named, options=options, **CLIENT_SIDE)
    except Unreachable as away:
        away.session = name
        raise
    session.autocommit = autocommit
    return session


def engine(database: str, name: str) -> "Engine":
    """SQLAlchemy's engine over such sessions, for DDL: each is closed after use."""
    from sqlalchemy import NullPool, create_engine  # imported here: most commands create nothing

    return create_engine("postgresql+psycopg2://", creator=lambda: connect(database, name), poolclass=NullPool)
