"""Restores lost rows of the event store from Kafka: events at their old positions, and command records.

It only adds: a position or version that is taken is an error and is never overwritten. Writers are locked out
meanwhile.
"""

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Final, NamedTuple

import psycopg2
from psycopg2.extras import execute_values

from adapters.eventstore.tables import EVENTS, LOCK_TIMEOUT_MS
from domain.errors import LedgerAltered
from postgres.session import connect

ORPHANS: Final = f"""
SELECT id, state FROM {EVENTS} AS event WHERE id > %s AND NOT EXISTS (
    SELECT FROM (SELECT unnest(positions) AS position FROM ledger.command) AS named WHERE named.position = event.id
) ORDER BY id"""
RESERVE: Final = f"""
SELECT setval(sequence, greatest(%s, pg_sequence_last_value(sequence), (SELECT max(id) FROM {EVENTS}), 1))
FROM (SELECT pg_get_serial_sequence('{EVENTS}', 'id')::regclass AS sequence) AS own"""
KNOWN: Final = "SELECT command_id::text FROM ledger.command WHERE command_id = ANY(%s::uuid[])"


class Command(NamedTuple):
    """A command's record: its id, who asked, the positions it wrote, and its answer."""

    command_id: str
    actor: str
    positions: list[int]
    result: Mapping[str, Any]


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
                cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; LOCK TABLE {EVENTS} IN EXCLUSIVE MODE")
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

    def orphans(self, after: int = 0) -> list[tuple[int, bytes]]:
        """Events without a command record: position and stored bytes, in order."""
        with self._connection.cursor() as cursor:
            cursor.execute(ORPHANS, (after,))
            return [(position, bytes(state)) for position, state in cursor]

    def add_commands(self, commands: Sequence[Command]) -> None:
        """Add command records. Raises LedgerAltered if one exists with other positions."""
        with self._connection.cursor() as cursor:
            cursor.execute(KNOWN, ([command.command_id for command in commands],))
            if taken := [one for (one,) in cursor.fetchall()]:
                raise LedgerAltered(
                    f"command {taken[0]} is recorded without all the positions whose events name it: that record was "
                    "altered and is not overwritten"
                )
            values = [(one.command_id, one.actor, one.positions, json.dumps(dict(one.result))) for one in commands]
            execute_values(
                cursor,
                "INSERT INTO ledger.command (command_id, actor, positions, result) VALUES %s",
                values,
                "(%s, %s, %s::bigint[], %s)",
                page_size=1_000,
            )

    def commit(self) -> None:
        """Commit what was added."""
        self._connection.commit()

    def undo(self) -> None:
        """Roll back what was added since the last commit."""
        self._connection.rollback()
