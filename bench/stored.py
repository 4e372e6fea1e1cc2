"""Writes a generated history into the event store with COPY; relay and workers then process it as usual.

Positions start at 1 and have no gaps. Sealed fields have their keys in the vault; command records are left out.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from io import BytesIO

import psycopg2
from psycopg2.extensions import connection as Connection

from adapters.eventstore import decision_tables_again
from adapters.eventstore.tables import CHANNEL, EVENTS
from bench.history import START_US, STEP_US, Happened, History
from krypton.bootstrap import Krypton
from schemas.event import Record
from schemas.registry import registry

STORE = f"COPY {EVENTS} (id, originator_id, originator_version, topic, state) FROM STDIN"
MOVE_ON = f"SELECT setval('{EVENTS}_id_seq', %s); NOTIFY {CHANNEL}"


class LedgerNotEmpty(Exception):
    """A generated history must be the whole ledger: its positions start at 1."""


def fill(ours: Krypton, events: int, *, seed: int = 1) -> int:
    """Write at least so many events; returns the last position. Raises LedgerNotEmpty."""
    with closing(psycopg2.connect(ours.addresses.database)) as connection:
        for position, records in cohorts(ours, connection, seed):
            store(connection, records)
            if position >= events:
                decision_tables_again.catch_up(ours.addresses.database, ours.codec)
                return position
    raise AssertionError("cohorts have no end")


def cohorts(ours: Krypton, connection: Connection, seed: int) -> Iterator[tuple[int, list[Record]]]:
    """Cohort by cohort: the last position, and its events as views get them. Raises LedgerNotEmpty."""
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {EVENTS})")
        if cursor.fetchone() != (False,):
            raise LedgerNotEmpty("the ledger holds events already: fill an empty one")
    history, position = History(seed), 0
    for cohort in history.cohorts():
        ours.vault.prepare((), cohort.subjects)
        records = [_record(ours, history, at, event) for at, event in history.lived(cohort, position)]
        position += len(records)
        yield position, records


def store(connection: Connection, records: Sequence[Record]) -> None:
    """One transaction."""
    lines = []
    for record in records:
        event_type, position, version = (value for _, value in record.headers)
        lines.append(line(int(position), record.key, int(version), event_type, record.value))
    copy(connection, lines, records[-1].offset)


def copy(connection: Connection, lines: Sequence[bytes], last: int) -> None:
    """Add lines for the table of events, up to that position, in one transaction."""
    with connection, connection.cursor() as cursor:
        cursor.copy_expert(STORE, BytesIO(b"".join(lines)))
        cursor.execute(MOVE_ON, (last,))


def line(position: int, aggregate: bytes, version: int, event_type: bytes, state: bytes) -> bytes:
    """An event as COPY takes it."""
    return b"%d\t%b\t%d\t%b\t\\\\x%b\n" % (position, aggregate, version, event_type, state.hex().encode())


def records_from(ours: Krypton, after: int) -> Iterator[Record]:
    """What was stored after a position, as records."""
    for stored in ours.ledger.recorder.select_notifications(after, 100_000, inclusive_of_start=False):
        headers = (("position", b"%d" % stored.id), ("version", b"%d" % stored.originator_version))
        topic = registry().latest[stored.topic].topic
        yield Record(topic, 0, stored.id, str(stored.originator_id).encode(), stored.state, headers)


def _record(ours: Krypton, history: History, position: int, event: Happened) -> Record:
    at = START_US + position * STEP_US
    body = {"recorded_at": at, "actor": "system:bench"} | history.ids() | event.body
    state = ours.codec.encode(event.type, body, aggregate_id=event.aggregate, version=event.version)
    topic = registry().latest[event.type].topic
    headers = (("type", event.type.encode()), ("position", b"%d" % position), ("version", b"%d" % event.version))
    return Record(topic, 0, position, event.aggregate.encode(), state, headers)
