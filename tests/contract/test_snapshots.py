"""A snapshot shows what is there when it is taken, whoever had its session before; a broken session is replaced."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from postgres.session import Session
from postgres.snapshots import Snapshots

pytestmark = pytest.mark.live


@pytest.fixture
def writer(database_url: str) -> Iterator[Any]:
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS told (n int); TRUNCATE told")
            yield cursor
            cursor.execute("DROP TABLE told")


@pytest.fixture
def snapshots(database_url: str) -> Iterator[Snapshots]:
    made = Snapshots(database_url, 2)
    yield made
    made.close()


def told(session: Session) -> int:
    with session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM told")
        ((count,),) = cursor.fetchall()
        return int(count)


def pid(session: Session) -> int:
    return session.info.backend_pid


def test_a_kept_session_shows_what_was_written_since_and_nothing_that_comes_after(
    snapshots: Snapshots, writer: Any
) -> None:
    first = snapshots.take()
    assert told(first) == 0
    snapshots.give_back(first)
    writer.execute("INSERT INTO told VALUES (1)")
    again = snapshots.take()
    assert (again, told(again)) == (first, 1)
    writer.execute("INSERT INTO told VALUES (2)")
    assert told(again) == 1
    snapshots.give_back(again)


def test_no_session_is_two_readers_and_only_so_many_are_kept(snapshots: Snapshots, writer: Any) -> None:
    some = [snapshots.take() for _ in range(3)]
    assert len({pid(one) for one in some}) == 3
    for one in some:
        snapshots.give_back(one)
    assert [bool(one.closed) for one in some] == [False, False, True]
    snapshots.close()
    assert all(one.closed for one in some)


def test_nothing_is_written_and_an_error_of_one_reader_is_not_the_next_ones(snapshots: Snapshots, writer: Any) -> None:
    session = snapshots.take()
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction), session.cursor() as cursor:
        cursor.execute("INSERT INTO told VALUES (1)")
    snapshots.give_back(session)
    again = snapshots.take()
    assert (again, told(again)) == (session, 0)
    snapshots.give_back(again)


def test_a_session_that_the_server_ended_meanwhile_is_replaced(
    snapshots: Snapshots, writer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postgres.snapshots.TRIED_S", 0.0)
    session = snapshots.take()
    ended = pid(session)
    snapshots.give_back(session)
    writer.execute("SELECT pg_terminate_backend(%s)", [ended])
    again = snapshots.take()
    assert (pid(again) != ended, told(again)) == (True, 0)
    snapshots.give_back(again)
