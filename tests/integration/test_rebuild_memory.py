"""What a rebuild keeps in memory is bounded: rows beyond it are put away, and the view is the same."""

import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import closing
from uuid import UUID

import psycopg2
import pytest

from projections.patient_record.view import PatientRecord
from projections.versions import diff, rebuild
from projections.versions.bounds import USUAL
from projections.versions.build_log import Part
from projections.versions.rebuild import Builder
from schemas.event import Record
from tests.integration.view_world import STUDIES, World

pytestmark = pytest.mark.live

EVENTS = 20_000
BATCH = 50
FEW_ROWS = 1_000
FEW_BYTES = 1 << 16


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.close()


def arrivals(world: World) -> list[Record]:
    """One arrival, told of thousands of studies."""
    world.region.receive(study_uid="2.25.0", instances=5)
    (first,) = world.records()
    body = {name: value for name, value in world.codec.decode(first.value, 1)[1].items() if name != "study_id"}
    found = []
    for number in range(EVENTS):
        study = str(UUID(int=number + 1, version=4))
        told = body | {"study_uid": f"2.25.{number}"}
        value = world.codec.encode("study.arrived", told | {"study_id": study}, aggregate_id=study, version=1)
        headers = (("position", b"%d" % (number + 1)), ("version", b"1"))
        found.append(first._replace(offset=number, value=value, headers=headers))
    return found


def peak(
    world: World, version: int, records: Sequence[Record], rows: int = USUAL.rows, away: int = USUAL.away_bytes
) -> int:
    """Build a version; the most bytes that were allocated meanwhile, the records aside."""
    projection = PatientRecord()
    projection.version = version
    started = rebuild.begin(world.url, projection, {(STUDIES, 0): len(records)})

    def batches(_: Part) -> Iterator[Sequence[Record]]:
        return (records[at : at + BATCH] for at in range(0, len(records), BATCH))

    tracemalloc.start()
    try:
        builder = Builder(world.url, projection, world.codec, started, batches, most_rows=rows, away_bytes=away)
        builder.build(started.todo)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        rebuild.finish(world.url, projection, started)


def test_a_view_is_the_same_and_memory_stays_within_its_bound(world: World) -> None:
    records = arrivals(world)
    unbounded = peak(world, 2, records)
    bounded = peak(world, 3, records, FEW_ROWS, FEW_BYTES)
    assert bounded < unbounded / 4
    with closing(psycopg2.connect(world.url)) as connection:
        found = diff.summary(connection, diff.Pair("patient_record", 2, 3))
    assert found["equal"], found
    assert world.query("SELECT count(*) FROM patient_record_v3.study") == [(EVENTS,)]
