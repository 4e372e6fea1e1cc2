"""Writes a generated history directly into the event store and the live views, to query a large ledger.

It bypasses relay, Kafka and workers: rows come from each view's own projection and are written with COPY, cohort by
cohort (cohorts share no rows).
"""

from collections.abc import Sequence
from contextlib import closing

import psycopg2
from psycopg2.extensions import connection as Connection

from adapters.eventstore import decision_tables_again
from bench.stored import cohorts, store
from krypton.bootstrap import Krypton
from projections.declared import VIEWS
from projections.engine.fold import fold, read
from projections.engine.projection import schema_of
from projections.versions.copy_out import CopyOut
from projections.versions.memory_rows import MemoryRows
from schemas.bulk import BulkCodec
from schemas.event import Record
from schemas.registry import registry
from tests.fakes.histories import NO_SPILL


def fill(ours: Krypton, events: int, *, seed: int = 1) -> int:
    """Write at least so many events into an empty ledger; returns the last position. Raises LedgerNotEmpty."""
    with closing(psycopg2.connect(ours.addresses.database)) as connection:
        for position, records in cohorts(ours, connection, seed):
            store(connection, records)
            apply(ours, connection, records)
            if position >= events:
                decision_tables_again.catch_up(ours.addresses.database, ours.codec)
                return position
    raise AssertionError("cohorts have no end")


def apply(ours: Krypton, connection: Connection, records: Sequence[Record]) -> None:
    """Put the rows that the live views make of these records beside those that are there."""
    reads = read(BulkCodec(registry(), ours.vault), records)
    for declared in VIEWS.values():
        view = declared.make()
        rows = MemoryRows(declared.shapes(), 10**9, NO_SPILL)
        letters = fold(view, [one for one in reads if one.record.topic in view.topics], rows, ())
        assert not letters, letters[0].reason
        with connection, connection.cursor() as cursor:
            copy = CopyOut(view.tables, schema_of(view))
            copy.write(cursor, copy.lines(rows.rows()))
