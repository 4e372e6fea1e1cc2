"""Sessions that each show one consistent snapshot of the database; some are kept for the next reader.

A process that answers many questions keeps a few: to open one costs more than most questions do. What a session shows
begins with the first question. One that nobody had for a while is tried before it is lent again.
"""

import time
from collections import deque
from typing import Final

import psycopg2

from postgres.session import Session, connect

TRIED_S: Final = 1.0
"""A session that was given back so long ago is tried: the server may have been started again meanwhile."""


class Snapshots:
    """Read only. ``most``: how many are kept while nobody reads. Safe to share between threads."""

    def __init__(self, database: str, most: int) -> None:
        self._database, self._most = database, most
        self._idle: deque[tuple[Session, float]] = deque()

    def take(self) -> Session:
        """One that nobody else has. Raises Unreachable, Busy."""
        while self._idle:
            try:
                session, since = self._idle.pop()
            except IndexError:  # another thread was first
                break
            if time.monotonic() - since < TRIED_S or _works(session):
                return session
        session = connect(self._database, "snapshot")
        session.set_session(isolation_level="REPEATABLE READ", readonly=True)
        return session

    def give_back(self, session: Session) -> None:
        """Keep it for the next one, or end it."""
        if session.closed or len(self._idle) >= self._most:
            session.close()
            return
        try:
            session.rollback()
        except psycopg2.Error:
            session.close()
        else:
            self._idle.append((session, time.monotonic()))

    def close(self) -> None:
        """End those that nobody has."""
        while self._idle:
            self._idle.pop()[0].close()


def _works(session: Session) -> bool:
    try:
        with session.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error:
        session.close()
        return False
    return True
