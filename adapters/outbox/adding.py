"""Adds entries to a policy's outbox that no event of its topics led to."""

from collections.abc import Iterable

from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json, execute_values

from adapters.outbox.outbox import WAITING, Entry

ADD = """INSERT INTO policies.outbox
(id, policy, version, kind, does, body, cause, correlation_id, place, due_at, try_at, state, attempts)
VALUES %s ON CONFLICT DO NOTHING"""
PAGE = 1_000


def add(connection: Connection, policy: str, version: int, entries: Iterable[Entry], now: int) -> None:
    """Due at once, in the caller's transaction; one that is there already stays as it is. ``version`` of the policy."""
    rows = (
        (str(e.id), policy, version, e.kind, e.does, Json(e.body), e.cause, str(e.correlation_id), 0, now, now)
        for e in entries
    )
    with connection.cursor() as cursor:
        values = f"(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '{WAITING}', 0)"
        execute_values(cursor, ADD, rows, values, page_size=PAGE)
