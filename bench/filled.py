"""A made-up history straight into the event store and the live views, for questions asked of a large ledger.

Goes past relay, Kafka and workers: stored bytes by COPY, rows by each view's own projection and COPY, cohort by cohort
(no row of one is touched by another). Positions begin at 1 and have no gaps.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from io import BytesIO
from uuid import uuid4

import psycopg2
from psycopg2.extensions import connection as Connection

from adapters.eventstore.tables import EVENTS
from bench.history import START_US, STEP_US, Cohort, Happened, History
from krypton.bootstrap import VIEWS, Krypton
from projections.catalog import schema_of
from projections.copy_out import CopyOut
from projections.fold import fold, read
from projections.memory_rows import MemoryRows
from schemas.bulk import BulkCodec
from schemas.event import Record
from schemas.registry import registry
from tests.fakes.histories import NO_ATTIC

STORE = f"COPY {EVENTS} (id, originator_id, originator_version, topic, state) FROM STDIN"


def fill(ours: Krypton, events: int, *, seed: int = 1) -> int:
    """Write at least so many events into an empty ledger; returns the last position."""
    position = 0
    with closing(psycopg2.connect(ours.addresses.database)) as connection:
        for cohort in History(seed).cohorts():
            ours.vault.prepare(cohort.subjects)
            records = [_record(ours, at, e) for at, e in enumerate(_lived(cohort, position), position + 1)]
            position += len(records)
            with connection, connection.cursor() as cursor:
                cursor.copy_expert(STORE, BytesIO(b"".join(_line(record) for record in records)))
                cursor.execute("SELECT setval('ledger.ledger_events_id_seq', %s)", (position,))
            apply(ours, connection, records)
            if position >= events:
                return position
    raise AssertionError("cohorts have no end")


def apply(ours: Krypton, connection: Connection, records: Sequence[Record]) -> None:
    """Put the rows that the live views make of these records beside those that are there."""
    reads = read(BulkCodec(registry(), ours.vault), records)
    for make in VIEWS.values():
        view = make()
        rows = MemoryRows(view.tables, 10**9, NO_ATTIC)
        letters = fold(view, [one for one in reads if one.record.topic in view.topics], rows, ())
        assert not letters, letters[0].reason
        with connection, connection.cursor() as cursor:
            CopyOut(view.tables, schema_of(view)).write(cursor, rows.rows())


def _lived(cohort: Cohort, position: int) -> Iterator[Happened]:
    for at, (identity, event) in enumerate(cohort.first, position + 1):
        identity.registered = at
        yield event
    for happens in History().interleaved(cohort):
        yield happens()


def _record(ours: Krypton, position: int, event: Happened) -> Record:
    at = START_US + position * STEP_US
    ids = {"command_id": uuid4(), "correlation_id": uuid4()}
    body = {"recorded_at": at, "actor": "system:bench", **ids} | event.body
    state = ours.codec.encode(event.type, body, aggregate_id=event.aggregate, version=event.version)
    topic = registry().latest[event.type].topic
    headers = (("type", event.type.encode()), ("position", b"%d" % position), ("version", b"%d" % event.version))
    return Record(topic, 0, position, event.aggregate.encode(), state, headers)


def _line(record: Record) -> bytes:
    event_type, position, version = (value for _, value in record.headers)
    return b"%b\t%b\t%b\t%b\t\\\\x%b\n" % (position, record.key, version, event_type, record.value.hex().encode())


def records_from(ours: Krypton, after: int) -> Iterable[Record]:
    """What was stored after a position, as records."""
    for stored in ours.ledger.recorder.select_notifications(after, 100_000, inclusive_of_start=False):
        headers = (("position", b"%d" % stored.id), ("version", b"%d" % stored.originator_version))
        topic = registry().latest[stored.topic].topic
        yield Record(topic, 0, stored.id, str(stored.originator_id).encode(), stored.state, headers)
