"""A session of a test's own with a database, kept from one question to the next: to open one costs more than most ask.

A server answers a login with a process of its own and 4,096 rounds of hashing on both sides; who awaits a condition
would pay that for each look.
"""

from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection


class Asker:
    """What another session sees, or does: each statement is a transaction. It is opened when first asked."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: Connection | None = None

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask; once more where the server ended the session since. Raises OperationalError where it does not answer."""
        kept = self._session is not None
        try:
            return self._ask(statement, values)
        except psycopg2.Error as error:
            if not kept or (error.pgcode and not self._ended()):
                raise
            self.close()
            return self._ask(statement, values)

    def close(self) -> None:
        """End the session; the next question opens another."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _ask(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        if self._session is None:
            self._session = psycopg2.connect(self._url)
            self._session.autocommit = True
        with self._session.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def _ended(self) -> bool:
        return self._session is None or bool(self._session.closed)
