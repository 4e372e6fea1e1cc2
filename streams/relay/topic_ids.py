"""Remembers under which id Kafka has each topic: one that was deleted and made again has another.

What views have read is stated in offsets. They mean nothing in a topic made again: its records may lie elsewhere.
"""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from postgres.session import connect

NOTE = "INSERT INTO ledger.topic_id (topic, id) VALUES (%s, %s) ON CONFLICT (topic) DO "
KNOWN = "SELECT topic, id FROM ledger.topic_id"


def note(database: str, ids: Mapping[str, str], *, again: bool = False) -> None:
    """Remember ids; one that is known stays, unless the topic was made ``again`` on purpose. Raises psycopg2.Error."""
    with closing(connect(database, "topics")) as connection, connection, connection.cursor() as cursor:
        cursor.executemany(NOTE + ("UPDATE SET id = EXCLUDED.id" if again else "NOTHING"), sorted(ids.items()))


def known(connection: Any) -> dict[str, str]:
    """Topic to the id under which views read it. Raises psycopg2.Error."""
    with connection.cursor() as cursor:
        cursor.execute(KNOWN)
        return dict(cursor.fetchall())
