"""Journal of dead-letter replays: who replayed which key, and how many events were applied.

Written in the replay's transaction under its command id (idempotency key): a repeated id returns the first answer.
"""

from typing import NamedTuple
from uuid import UUID

from psycopg2.extensions import cursor as Cursor

from domain.askers import TAKEN
from domain.errors import IdTaken

REPLAY = """CREATE TABLE IF NOT EXISTS views.replay (
    command_id uuid PRIMARY KEY,
    actor text NOT NULL,
    letter bigint, -- the dead letter that was named; null: its key was
    applied integer, -- how many events were applied, of all that waited under the key
    at timestamp with time zone NOT NULL DEFAULT now()
)"""
LOCK = "SELECT pg_advisory_xact_lock(hashtext('krypton replays'))"


class Asked(NamedTuple):
    """Who asks for a replay, and the command id."""

    actor: str
    command_id: UUID


def answered(cursor: Cursor, by: Asked) -> int | None:
    """The stored answer of a replay; None if it is new. Concurrent callers wait for the caller's transaction.

    Raises IdTaken (W5): it is another caller's.
    """
    cursor.execute(LOCK)
    cursor.execute(REPLAY)
    cursor.execute("SELECT applied, actor FROM views.replay WHERE command_id = %s::uuid", (str(by.command_id),))
    found = cursor.fetchone()
    if found and found[1] != by.actor:
        raise IdTaken(TAKEN)
    return int(found[0]) if found else None


def note(cursor: Cursor, by: Asked, letter: int | None, applied: int) -> None:
    """Record a replay."""
    cursor.execute(
        "INSERT INTO views.replay (command_id, actor, letter, applied) VALUES (%s::uuid, %s, %s, %s)",
        (str(by.command_id), by.actor, letter, applied),
    )
