"""Reads the whole vault in the order of its subjects, and tries each key; what is held in memory is one page."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from adapters.vault.masters import Masters
from adapters.vault.ring import Ring
from domain.errors import KeyBroken
from postgres.session import connect

ROWS: Final = "SELECT subject::text, wrapped, master, made_at FROM vault.subject_key ORDER BY subject"
COUNT: Final = "SELECT count(*) FROM vault.subject_key"
PAGE: Final = 5_000


class State(StrEnum):
    """What a row of the vault is worth."""

    GOOD = "good"
    DESTROYED = "destroyed"
    BROKEN = "broken"


class Row(NamedTuple):
    """A row of the vault, tried."""

    subject: str
    state: State
    made_at: datetime


def count(database: str) -> int:
    """How many rows there are. Raises psycopg2.Error."""
    with closing(connect(database, "vault survey")) as connection, connection.cursor() as cursor:
        cursor.execute(COUNT)
        ((found,),) = cursor.fetchall()
        return int(found)


def rows(database: str, ring: Ring) -> Iterator[Row]:
    """Each row, from one snapshot. Raises WrongMasterKey, psycopg2.Error."""
    with closing(connect(database, "vault survey")) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)

        def ask(sql: str) -> list[tuple[Any, ...]]:
            with connection.cursor() as asked:
                asked.execute(sql)
                return list(asked.fetchall())

        masters = Masters(ask, ring)
        masters.look()
        with connection.cursor("survey") as cursor:  # the server's: it sends a page at a time
            cursor.itersize = PAGE
            cursor.execute(ROWS)
            for subject, wrapped, master, made_at in cursor:
                yield Row(subject, _state(masters, subject, wrapped, master), made_at)


def _state(masters: Masters, subject: str, wrapped: memoryview | None, master: int) -> State:
    if wrapped is None:
        return State.DESTROYED
    try:
        masters.unwrapped(subject, bytes(wrapped), master)
    except KeyBroken:
        return State.BROKEN
    return State.GOOD
