"""Prepared statements on PostgreSQL: planned once for a session, and the same answers as without."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg2
import pytest

from postgres import prepared
from projections.engine.query import fetch, fetch_by_index, fetch_planned

pytestmark = pytest.mark.live
ONE, OTHER = (str(UUID(int=number)) for number in (1, 2))
QUERY = """SELECT id::text AS id, n %% 2 AS odd FROM thing
WHERE id = ANY(%(ids)s::uuid[]) AND n > %(least)s AND id = ANY(%(ids)s::uuid[]) ORDER BY n"""


@pytest.fixture
def connection(database_url: str) -> Iterator[Any]:
    made = psycopg2.connect(database_url)
    with made.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE thing (id uuid, n bigint)")
        cursor.execute("INSERT INTO thing VALUES (%s, 1), (%s, 4)", (ONE, OTHER))
    made.commit()
    yield made
    made.close()


def planned(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("ids", [[], [ONE], [ONE, OTHER]])
def test_a_planned_query_answers_as_any_other_does(connection: Any, ids: list[str]) -> None:
    for least in (0, 2):
        asked = {"ids": ids, "least": least}
        assert fetch_planned(connection, QUERY, **asked) == fetch(connection, QUERY, **asked)
    assert planned(connection) == 1


def test_a_query_without_values_is_planned_too(connection: Any) -> None:
    assert fetch_planned(connection, "SELECT 5 %% 3 AS two") == [{"two": 2}]


def test_a_plan_outlives_a_transaction_that_fails(connection: Any) -> None:
    """And a statement that cannot be planned is said to be wrong each time."""
    with pytest.raises(psycopg2.errors.DivisionByZero):
        fetch_planned(connection, "SELECT 1 / %(by)s::int AS part", by=0)
    connection.rollback()
    assert fetch_planned(connection, "SELECT 1 / %(by)s::int AS part", by=1) == [{"part": 1}]
    for _ in range(2):
        with pytest.raises(psycopg2.errors.UndefinedTable):
            fetch_planned(connection, "SELECT %(n)s::int FROM nowhere", n=1)
        connection.rollback()
    assert planned(connection) == 1


def test_a_look_by_keys_is_planned_once_for_any_values_and_never_reads_a_table_whole(connection: Any) -> None:
    """Also where the table is small, and the values are fewer than PostgreSQL foresees of any."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX ON thing (id)")
    assert [fetch_by_index(connection, QUERY, ids=[ONE], least=0) for _ in range(8)] == [
        fetch(connection, QUERY, ids=[ONE], least=0)
    ] * 8
    with connection.cursor() as cursor:
        cursor.execute("SELECT generic_plans, custom_plans FROM pg_prepared_statements")
        assert cursor.fetchall() == [(8, 0)]
        cursor.execute("EXPLAIN EXECUTE krypton_0 (%s::uuid[], 0, %s::uuid[])", ([ONE], [ONE]))
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index" in plan
    assert "Seq Scan" not in plan
    connection.rollback()
    with connection.cursor() as cursor:
        cursor.execute("SHOW enable_seqscan")
        assert cursor.fetchone() == ("on",)


def test_each_session_has_plans_of_its_own(connection: Any, database_url: str) -> None:
    fetch_planned(connection, "SELECT %(n)s::int AS n", n=1)
    other = psycopg2.connect(database_url)
    try:
        assert fetch_planned(other, "SELECT %(n)s::int AS n", n=2) == [{"n": 2}]
    finally:
        other.close()


def test_a_table_that_is_made_again_is_read_anew(connection: Any) -> None:
    assert len(fetch_planned(connection, "SELECT n FROM thing")) == 2
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE thing")
        cursor.execute("CREATE TEMPORARY TABLE thing (n bigint, id uuid)")
        prepared.run(cursor, "INSERT INTO thing (n) VALUES (%s)", 7)
    assert fetch_planned(connection, "SELECT n FROM thing") == [{"n": 7}]
