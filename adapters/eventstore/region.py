"""Keeps the fingerprint of the region's secret with the events: which secret their ids were made with."""

from contextlib import closing

from postgres.session import connect

NOTED = "SELECT fingerprint FROM ledger.region"
NOTE = """
INSERT INTO ledger.region (fingerprint) SELECT %s WHERE NOT EXISTS (SELECT FROM ledger.ledger_events)
ON CONFLICT DO NOTHING
"""
EMPTY = "SELECT NOT EXISTS (SELECT FROM ledger.ledger_events)"


def fingerprint(database: str) -> bytes | None:
    """The fingerprint; None: no secret was ever made for this event store."""
    with closing(connect(database, "region", autocommit=True)) as connection, connection.cursor() as cursor:
        cursor.execute(NOTED)
        found = cursor.fetchone()
    return bytes(found[0]) if found else None


def is_empty(database: str) -> bool:
    """Whether it has no event yet."""
    with closing(connect(database, "region", autocommit=True)) as connection, connection.cursor() as cursor:
        cursor.execute(EMPTY)
        (empty,) = cursor.fetchone() or (False,)
        return bool(empty)


def note(database: str, fingerprint: bytes) -> None:
    """Keep it, where there is none and no event; safe to run concurrently."""
    with closing(connect(database, "region", autocommit=True)) as connection, connection.cursor() as cursor:
        cursor.execute(NOTE, (fingerprint,))
