"""Restores lost rows of the event store from Kafka: events at their old positions, and command records.

It only adds: a position or version that is taken is an error and is never overwritten. Writers are locked out
meanwhile.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

import psycopg2

from adapters.eventstore.checks import SAYS
from adapters.eventstore.tables import ACTOR, EVENTS, LOCK_TIMEOUT_MS, ONE_WRITER
from domain.errors import LedgerAltered
from postgres.session import connect

COMMANDS: Final = f"""
INSERT INTO ledger.command (command_id, actor, positions, result)
SELECT convert_from(says, 'UTF8')::uuid, convert_from((array_agg(actor ORDER BY id))[1], 'UTF8'),
    array_agg(id ORDER BY id),
    '{{"restored": true}}' || jsonb_object_agg(split_part(topic, '.', 1), originator_id ORDER BY id DESC)
FROM (
    SELECT id, topic, originator_id, {SAYS} AS says, {ACTOR} AS actor FROM {EVENTS} AS event WHERE NOT EXISTS (
        SELECT FROM (SELECT unnest(positions) AS position FROM ledger.command) AS named WHERE named.position = event.id
    )
) AS orphan GROUP BY says"""
"""The command of each event that no record names, by what the events say: inside PostgreSQL, whatever their number.

The original answer is not in the log: the record names the aggregates written to (of each kind the first; the last of
equal names stays in jsonb), and that it was restored.
"""
RESERVE: Final = f"""
SELECT setval(sequence, greatest(%s, pg_sequence_last_value(sequence), (SELECT max(id) FROM {EVENTS}), 1))
FROM (SELECT pg_get_serial_sequence('{EVENTS}', 'id')::regclass AS sequence) AS own"""


class Repair:
    """A restore session, used in a ``with`` block. Raises psycopg2.Error if the database is unavailable."""

    def __init__(self, database: str) -> None:
        self._connection = connect(database, "restore")

    def __enter__(self) -> "Repair":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def hold(self) -> None:
        """Lock out writers until the next commit. Raises LedgerAltered if they keep the lock."""
        with self._connection.cursor() as cursor:
            try:
                cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; {ONE_WRITER}")
            except psycopg2.errors.LockNotAvailable:
                raise LedgerAltered("the event store is being written to: stop krypton run, then restore") from None

    def reserve(self, position: int) -> None:
        """Make new events start after this position. A rollback does not undo that: call it only when sure."""
        with self._connection.cursor() as cursor:
            cursor.execute(RESERVE, (position,))

    def add(self, rows: Sequence[tuple[int, str, int, str, bytes]]) -> None:
        """Add events: position, aggregate id, version, type, stored bytes. Raises LedgerAltered if one is taken."""
        content = BytesIO(
            b"".join(
                f"{position}\t{aggregate}\t{version}\t{event_type}\t\\\\x{state.hex()}\n".encode()
                for position, aggregate, version, event_type, state in rows
            )
        )
        columns = "id, originator_id, originator_version, topic, state"
        with self._connection.cursor() as cursor:
            try:
                cursor.copy_expert(f"COPY {EVENTS} ({columns}) FROM STDIN", content)
            except (psycopg2.errors.UniqueViolation, psycopg2.DataError) as taken:
                raise LedgerAltered(
                    f"an event between positions {rows[0][0]} and {rows[-1][0]} cannot be restored "
                    f"({type(taken).__name__}): the event store holds that version of its aggregate at another "
                    "position, or Kafka's headers are not an event's; krypton audit verify names the first difference"
                ) from None

    def add_commands(self) -> int:
        """Record the commands of events that no record names; returns how many. Raises LedgerAltered if one of them is
        recorded, without these events; or an event's bytes name none.
        """
        with self._connection.cursor() as cursor:
            try:
                cursor.execute(COMMANDS)
            except psycopg2.errors.UniqueViolation as taken:
                raise LedgerAltered(
                    "a command is recorded without all the positions whose events name it: that record was altered "
                    f"and is not overwritten ({taken.diag.message_detail})"
                ) from None
            except psycopg2.DataError:
                raise LedgerAltered(
                    "an event that no command's record names does not say which command it is of: krypton audit verify "
                    "names it"
                ) from None
            return cursor.rowcount

    def commit(self) -> None:
        """Commit what was added."""
        self._connection.commit()

    def undo(self) -> None:
        """Roll back what was added since the last commit."""
        self._connection.rollback()
