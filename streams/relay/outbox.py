"""The event store as the relay reads it: pages in ledger order, notifications, and the resume hint.

Writers lock the events' table, so positions become visible in order: reading from a position on misses nothing.
"""

import json
import select
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from postgres import prepared
from postgres.session import connect
from streams.relay import alarms
from streams.relay.log_end import NO_HINT, Hint
from streams.relay.outgoing import Stored
from streams.relay.own_records import Foreign, Place

CHANNEL = "ledger"
PAGE_BYTES = 8 << 20  # target size of a page: long dose reports must not fill the memory
PAGE_ROWS_MIN = 16

HINT_DDL = """
SELECT pg_advisory_xact_lock(hashtext('krypton init ledger'));
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.relay_hint (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    position bigint NOT NULL DEFAULT 0,
    held boolean NOT NULL DEFAULT false,
    ends jsonb NOT NULL DEFAULT '{}',
    waits text
);
INSERT INTO ledger.relay_hint DEFAULT VALUES ON CONFLICT DO NOTHING;
DO $$ BEGIN -- looked for first: to alter a table, even in vain, waits for all who read it
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'ledger.relay_hint'::regclass AND attname = 'ends') THEN
        ALTER TABLE ledger.relay_hint ADD COLUMN ends jsonb NOT NULL DEFAULT '{}';
        ALTER TABLE ledger.relay_hint ADD COLUMN IF NOT EXISTS waits text;
    END IF;
END $$;
CREATE TABLE IF NOT EXISTS ledger.topic_id (topic text PRIMARY KEY, id text NOT NULL);
"""
COLUMNS = "id, originator_id::text, originator_version, state FROM ledger.ledger_events"
PAGE = f"SELECT {COLUMNS} WHERE id > %s ORDER BY id LIMIT %s"


NAMES = """SELECT id, originator_id::text || '/' || originator_version
FROM ledger.ledger_events WHERE id = ANY(%s)"""
CLAIM = "UPDATE ledger.relay_hint new SET held = true, waits = NULL FROM ledger.relay_hint old RETURNING old.held"
NOTE = """UPDATE ledger.relay_hint
SET position = greatest(position, %s), held = %s, waits = NULL, ends = ends || %s::jsonb"""
COUNT = "SELECT count(*) FROM ledger.ledger_events WHERE id > %s AND id <= %s"


def create(database: str) -> None:
    """Create the relay's tables; for ``krypton init``, safe to repeat. Raises psycopg2.Error."""
    connection = connect(database, "init")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(HINT_DDL + alarms.DDL)
    finally:
        connection.close()


def forget(database: str) -> None:
    """Let the log alone tell the next relay what Kafka has: the event store was changed. Raises psycopg2.Error."""
    with closing(connect(database, "hint")) as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE ledger.relay_hint SET ends = '{}'")


KNOWN = """SELECT originator_id::text || '/' || originator_version FROM ledger.ledger_events
WHERE (originator_id, originator_version) IN (SELECT * FROM unnest(%s::uuid[], %s::bigint[]))"""


def _place(name: str) -> Place:
    topic, _, partition = name.rpartition("/")
    return topic, int(partition)


class Rows:
    """Looks up single events over a session. Every method raises psycopg2.Error."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows_at(self, positions: Sequence[int]) -> dict[int, Stored]:
        """The events at these positions; absent where the store has none."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT {COLUMNS} WHERE id = ANY(%s)", (list(positions),))
            return {row[0]: Stored(row[0], row[1], row[2], bytes(row[3])) for row in cursor}

    def hint(self) -> Hint:
        """What a relay recorded last; nothing where it noted no ends, as relays of earlier releases did."""
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT position, ends FROM ledger.relay_hint")
            ((position, ends),) = cursor.fetchall()
        return Hint(position, {_place(name): end for name, end in ends.items()}) if ends else NO_HINT

    def count(self, after: int, upto: int) -> int:
        """How many events lie between two positions, the second one included."""
        with self._connection.cursor() as cursor:
            cursor.execute(COUNT, (after, upto))
            ((events,),) = cursor.fetchall()
        return int(events)

    def known(self, names: Sequence[str]) -> set[str]:
        """Which of these events, each by its ``ce_id``, the store has at any position."""
        parts = [name.partition("/") for name in names]
        with self._connection.cursor() as cursor:
            cursor.execute(KNOWN, ([one[0] for one in parts], [int(one[2]) for one in parts]))
            return {name for (name,) in cursor}


class Outbox(Rows):
    """A session on the event store. Every method raises psycopg2.Error if the database is unavailable."""

    def __init__(self, database: str, page_rows: int) -> None:
        """``page_rows``: the most events a page holds."""
        self._most = self._rows = page_rows
        self.at_end = False
        """Whether the last page had all that there was."""
        super().__init__(connect(database, "relay", autocommit=True, settings={"enable_seqscan": "off"}))
        with self._connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def claim(self) -> bool:
        """Mark the hint as held; returns whether it was: the last relay did not stop cleanly then."""
        with self._connection.cursor() as cursor:
            cursor.execute(CLAIM)
            return bool(cursor.fetchone()[0])

    def note(self, position: int, ends: Mapping[Place, int] | None = None, *, held: bool = True) -> None:
        """Record that Kafka acknowledged all events up to ``position``; ``held=False`` hands over cleanly.

        ``ends``: the last position acknowledged in each partition that got any.
        """
        told = json.dumps({f"{topic}/{partition}": end for (topic, partition), end in (ends or {}).items()})
        with self._connection.cursor() as cursor:
            cursor.execute(NOTE, (position, held, told))

    def waits(self, why: str) -> None:
        """Record why nothing is sent now: until something is, or a relay starts."""
        with self._connection.cursor() as cursor:
            cursor.execute("UPDATE ledger.relay_hint SET waits = %s", (why,))

    def note_foreign(self, records: Sequence[Foreign]) -> None:
        """Remember records of others that are passed over: health tells of them."""
        alarms.note(self._connection, records)

    def page(self, after: int) -> list[Stored]:
        """The next events after a position, in order; empty at the end."""
        with self._connection.cursor() as cursor:
            prepared.run(cursor, PAGE, after, self._rows)
            page = [Stored(i, aggregate, version, bytes(state)) for i, aggregate, version, state in cursor]
        self.at_end = len(page) < self._rows
        if page:
            per_row = sum(len(event.state) for event in page) // len(page) + 1
            self._rows = max(PAGE_ROWS_MIN, min(self._most, PAGE_BYTES // per_row))
        return page

    def names_at(self, positions: Sequence[int]) -> dict[int, str]:
        """The ``ce_id`` of the events at these positions; absent where the store has none."""
        with self._connection.cursor() as cursor:
            cursor.execute(NAMES, (list(positions),))
            return dict(cursor.fetchall())

    def wait(self, timeout_s: float) -> None:
        """Wait for a commit, at most ``timeout_s``: a lost notification costs no more than that."""
        if not self._connection.notifies:
            select.select([self._connection], [], [], timeout_s)
            self._connection.poll()
        self._connection.notifies.clear()
