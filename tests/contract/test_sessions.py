"""Sessions of PostgreSQL: named, bounded by process and by pool, given back however they end; a busy one says so."""

import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import pytest
from psycopg2 import InternalError, OperationalError, ProgrammingError
from sqlalchemy import text

from postgres import limits, session
from postgres.pool import Pool
from postgres.session import Busy, connect, engine, held, keep_within

pytestmark = pytest.mark.live


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that holds no session yet, and gives up soon."""
    monkeypatch.setattr(session, "_process", session._Process())
    monkeypatch.setattr(session, "WAIT_S", 0.2)


def test_a_session_is_named_after_its_process_and_its_purpose(alone: None, database_url: str) -> None:
    keep_within("dicom", 2)
    with closing(connect(database_url, "vault", autocommit=True)) as one, engine(database_url, "init").begin() as sql:
        sql.execute(text("SELECT 1"))
        assert limits.holders(one) == {"krypton dicom: vault": 1, "krypton dicom: init": 1}
    assert held() == 0


def test_a_process_opens_no_more_than_it_may_and_says_so(alone: None, database_url: str) -> None:
    keep_within("relay", 1)
    with closing(connect(database_url, "one")), pytest.raises(Busy, match="all 1 database connections of this process"):
        connect(database_url, "two")
    connect(database_url, "two").close()


def test_who_waits_goes_on_when_a_session_is_closed(
    alone: None, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "WAIT_S", 60.0)
    keep_within("relay", 1)
    first = connect(database_url, "one")
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(connect, database_url, "two")
        first.close()
        second.result().close()


def test_a_session_that_nobody_closed_or_that_broke_is_not_counted(alone: None, database_url: str) -> None:
    keep_within("relay", 2)
    connect(database_url, "forgotten")
    broken = connect(database_url, "broken", autocommit=True)
    with closing(connect(database_url, "other", autocommit=True)) as other:
        other.cursor().execute("SELECT pg_terminate_backend(%s, 5000)", (broken.info.backend_pid,))
    with pytest.raises(OperationalError):
        broken.cursor().execute("SELECT 1")
    gc.collect()
    assert held() == 0


def test_a_session_that_cannot_be_opened_is_not_counted(alone: None, database_url: str) -> None:
    keep_within("relay", 1)
    with pytest.raises(OperationalError):
        connect(database_url + "_not_there", "one")
    assert held() == 0


def test_a_pool_lends_each_session_to_one_thread_and_opens_no_more_than_it_may(alone: None, database_url: str) -> None:
    with closing(Pool(database_url, "vault", 3, wait_s=60)) as pool, ThreadPoolExecutor(12) as threads:
        pids = list(threads.map(lambda _: pool.read("SELECT pg_backend_pid(), pg_sleep(0.02)")[0][0], range(60)))
        assert 1 < len(set(pids)) <= 3
        assert held() <= 3
    assert held() == 0


def test_a_pool_that_is_all_in_use_is_busy_and_goes_on_afterwards(alone: None, database_url: str) -> None:
    with closing(Pool(database_url, "vault", 1, wait_s=0.1)) as pool:
        with pool.transaction() as cursor:
            cursor.execute("CREATE TABLE kept (id int)")
            with ThreadPoolExecutor(1) as threads, pytest.raises(Busy, match="all 1 connections for the vault"):
                threads.submit(pool.read, "SELECT 1").result()
        assert pool.read("SELECT count(*) FROM kept") == [(0,)]


def test_a_transaction_that_fails_leaves_nothing_and_its_session_reads_on(alone: None, database_url: str) -> None:
    with closing(Pool(database_url, "vault", 1)) as pool:
        with pytest.raises(ProgrammingError), pool.transaction() as cursor:
            cursor.execute("CREATE TABLE lost (id int); SELECT nothing FROM nowhere")
        assert pool.read("SELECT to_regclass('lost')") == [(None,)]
        assert held() == 1


def test_a_transaction_that_its_first_message_begins_is_stored_whole(alone: None, database_url: str) -> None:
    with closing(Pool(database_url, "vault", 1)) as pool:
        with pool.begun_by_first() as cursor:
            cursor.execute("BEGIN; CREATE TABLE whole (id int)")
            cursor.execute("INSERT INTO whole VALUES (1)")
        assert pool.read("SELECT count(*), pg_current_xact_id_if_assigned() IS NULL FROM whole") == [(1, True)]


def _failed(cursor: Any) -> None:
    cursor.execute("SELECT nothing FROM nowhere")


def _failed_unheard(cursor: Any) -> None:
    with suppress(ProgrammingError):
        _failed(cursor)


def _thought_better(_: Any) -> None:
    raise KeyError


def _ended(cursor: Any) -> None:
    cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize(
    ("goes_wrong", "error"),
    [
        (_failed, ProgrammingError),
        (_failed_unheard, InternalError),
        (_thought_better, KeyError),
        (_ended, OperationalError),
    ],
)
def test_such_a_transaction_that_fails_leaves_nothing_either(
    alone: None, database_url: str, goes_wrong: Callable[[Any], None], error: type[Exception]
) -> None:
    def half(pool: Pool) -> None:
        with pool.begun_by_first() as cursor:
            cursor.execute("BEGIN; CREATE TABLE half (id int)")
            goes_wrong(cursor)

    with closing(Pool(database_url, "vault", 1)) as pool:
        with pytest.raises(error):
            half(pool)
        assert pool.read("SELECT to_regclass('half')") == [(None,)]
        assert held() == 1


def test_threads_that_come_and_go_leave_no_session_behind(alone: None, database_url: str) -> None:
    """What took the ledger down: each association is a thread, and each had a connection of its own."""
    with closing(Pool(database_url, "event store", 2, wait_s=60)) as pool:
        for _ in range(40):
            thread = threading.Thread(target=pool.read, args=("SELECT 1",))
            thread.start()
            thread.join()
        assert held() == 1
