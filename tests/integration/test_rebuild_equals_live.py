"""Whatever the history, however it is cut, repeated and shared out, a rebuild makes the rows that live work made."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from projections.engine.projection import Projection, schema_of
from projections.engine.store import ViewStore
from projections.versions import creation, rebuild, versions
from projections.versions.build_log import Part
from projections.versions.rebuild import Builder
from schemas.bulk import BulkCodec
from schemas.codec import Codec
from schemas.event import Record
from schemas.registry import registry
from tests.fakes import histories
from tests.fakes.ruled_views import TWICE
from tests.fakes.vault import EagerVault

pytestmark = pytest.mark.live
Cut = tuple[int, int, bool]
# A reason names the version's table, and that is the one thing that may differ.
TOLD = """topic, "partition", "offset", ledger_position, event_type, replace(reason, '_v2"', '_v1"')"""


class Bench:
    """One view on a database: version 1 kept up as a worker does, version 2 rebuilt."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.live, self.built = TWICE[name](), TWICE[name]()
        self.built.version = 2
        self.codec = Codec(registry(), EagerVault())
        creation.create(url, self.live)
        self.connection: Connection = psycopg2.connect(url)
        self.connection.autocommit = True

    def begin(self) -> None:
        """Empty both."""
        self.codec = Codec(registry(), EagerVault())
        seeded = {key.table for key, _ in self.live.seeds()}
        written = [table.name for table in self.live.tables.sorted_tables if table.name not in seeded]
        tables = [f"{schema_of(self.live)}.{name}" for name in written]
        log = ("views.position", "views.dead_letter", "views.parked_key")
        with self.connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join((*tables, *log))}")
            cursor.execute("SELECT count(*) FROM views.view_version WHERE version = 2")
            if cursor.fetchone() != (0,):
                versions.drop(self.url, self.live.name, 2, "system:test")

    def work(self, records: Sequence[Record], cuts: Sequence[Cut]) -> None:
        """As workers do: in batches, some read again, some by a worker that has just started."""
        at, store = 0, ViewStore(self.live, self.codec, self.url)
        for length, back, restarted in [*cuts, (len(records) + 12, 0, True)]:
            if restarted:
                store.close()
                store = ViewStore(self.live, self.codec, self.url)
            store.apply(records[max(0, at - back) : at + length])
            at = min(len(records), at + length)
        store.close()

    def rebuild(self, records: Sequence[Record], *, batch: int, most_rows: int) -> None:
        """All of it, ``batch`` records at a time, with so few rows in memory that most are put away.

        Of keys that are in memory alone, some look as if they were put away.
        """
        parts: dict[Part, list[Record]] = {}
        for record in records:
            parts.setdefault(Part(record.topic, record.partition, 0), []).append(record)
        whole = {Part(p.topic, p.partition, len(held)): held for p, held in parts.items()}
        started = rebuild.begin(self.url, self.built, {(p.topic, p.partition): p.end for p in whole})

        def batches(part: Part) -> Iterator[list[Record]]:
            held = whole[part]
            return (held[n : n + batch] for n in range(0, len(held), batch))

        codec = BulkCodec(registry(), self.codec.sealer, self.built.reads)
        builder = Builder(self.url, self.built, codec, started, batches, most_rows=most_rows, away_bytes=2)
        builder.build(started.todo)
        rebuild.finish(self.url, self.built, started)

    def state(self, view: Projection) -> dict[str, list[Any]]:
        """Rows of every table, positions, dead letters and parked keys."""
        found = {
            table.name: self._query(f'SELECT * FROM "{schema_of(view)}"."{table.name}"')
            for table in view.tables.sorted_tables
        }
        of_version = f"WHERE view = '{view.name}' AND version = {view.version}"
        found["positions"] = self._query(
            f'SELECT topic, "partition", next, ledger_position FROM views.position {of_version}'
        )
        found["letters"] = self._query(f"SELECT {TOLD} FROM views.dead_letter {of_version}")
        found["parked"] = self._query(f'SELECT topic, "partition", key::text FROM views.parked_key {of_version}')
        return found

    def _query(self, statement: str) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return sorted(cursor.fetchall(), key=str)


@pytest.fixture(params=TWICE)
def bench(request: pytest.FixtureRequest, database_url: str) -> Iterator[Bench]:
    made = Bench(database_url, request.param)
    with closing(made.connection):
        yield made


@settings(max_examples=20, phases=(Phase.generate,), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    repeats=st.lists(st.integers(0, 60), max_size=3),
    cuts=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 6), st.booleans()), min_size=1, max_size=10),
    batch=st.integers(1, 10),
    most_rows=st.sampled_from((2, 6, 10_000)),
)
def test_a_rebuild_makes_the_same_rows_positions_and_dead_letters(
    bench: Bench, data: st.DataObject, repeats: list[int], cuts: list[Cut], batch: int, most_rows: int
) -> None:
    """``cuts``: how long each live batch is, how far it goes back, and whether a new worker has it."""
    bench.begin()
    records = histories.published(bench.codec, data.draw(histories.events(bench.live)), repeats)
    bench.work(records, cuts)
    bench.rebuild(records, batch=batch, most_rows=most_rows)
    assert bench.state(bench.built) == bench.state(bench.live)
