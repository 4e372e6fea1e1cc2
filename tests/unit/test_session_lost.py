"""A session that the server ended is named as such, whatever psycopg2 calls it: who waits for a server must know it."""

from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest

from postgres.session import Lost, _Cursor, _named


class Coded(psycopg2.DatabaseError):
    """An error of a statement, of which the server said what it is."""

    pgcode = "XX000"


def told(error: Exception) -> tuple[Exception, int]:
    """What is raised in place of an error, and how often the session was closed."""
    closed: list[Any] = []
    session: Any = SimpleNamespace(close=lambda: closed.append(None))
    with pytest.raises(psycopg2.Error) as raised, _named(session):
        raise error
    return raised.value, len(closed)


def test_the_servers_last_words_say_that_the_session_is_over() -> None:
    """``server closed the connection unexpectedly`` comes as an error without a code where libpq read it first."""
    error, closed = told(psycopg2.DatabaseError("server closed the connection unexpectedly"))
    assert (type(error), closed) == (Lost, 1)
    assert isinstance(error, psycopg2.OperationalError)
    assert "closed the connection" in str(error)


@pytest.mark.parametrize(
    "error", [psycopg2.ProgrammingError("no such column"), psycopg2.OperationalError("away"), Coded("internal")]
)
def test_an_error_of_a_statement_stays_what_it_is(error: Exception) -> None:
    assert told(error) == (error, 0)


def test_it_is_so_for_whatever_a_cursor_asks() -> None:
    assert {"execute", "copy_expert"} <= vars(_Cursor).keys()
