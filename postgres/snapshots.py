"""Sessions that each show one consistent snapshot of the database; some are kept for the next reader.

A process that answers many questions keeps a few: to open one costs more than most questions do. What a session shows
begins when it is taken.
"""

from collections import deque

import psycopg2

from postgres.session import Session, connect


class Snapshots:
    """Read only. ``most``: how many are kept while nobody reads. Safe to share between threads."""

    def __init__(self, database: str, most: int) -> None:
        self._database, self._most = database, most
        self._idle: deque[Session] = deque()

    def take(self) -> Session:
        """One that nobody else has. Raises Unreachable, Busy."""
        while self._idle:
            try:
                session = self._idle.pop()
            except IndexError:  # another thread was first
                break
            if _begun(session):
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
            self._idle.append(session)

    def close(self) -> None:
        """End those that nobody has."""
        while self._idle:
            self._idle.pop().close()


def _begun(session: Session) -> bool:
    """Whether a session that was kept works still: then its snapshot is of now."""
    try:
        with session.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error:
        session.close()
        return False
    return True
