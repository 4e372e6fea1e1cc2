"""Benchmark of rebuilds on millions of generated events, compared with plain Faust and the eventsourcing runner.

``bench.rebuilt`` measures a single rebuild.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2

from bench import plain_runner
from bench.rebuilt import Rebuilt, rebuilt, region_of
from bench.region import processes
from krypton.bootstrap import Krypton
from projections.versions import diff, versions

EVENTS = int(os.environ.get("KRYPTON_BENCH_EVENTS", "4000000"))
PEER_EVENTS = 8_000
ACTOR = "system:bench"
LIVE_S = 8.0
APPLIED = "SELECT coalesce(sum(next), 0) FROM views.position WHERE view = 'patient_record' AND version = 1"


def run(ours: Krypton, events: int = EVENTS) -> dict[str, float]:
    """Rates, ratios to the peers, memory, and the seconds of a diff. In an empty ledger without running workers."""
    filled = region_of(ours, events)
    faust, runner = _faust(ours), plain_runner.run(ours, "patient_record", PEER_EVENTS)
    record = rebuilt(ours, "patient_record")
    figures = {
        "events in the region": filled,
        "patient_record: events": record.events,
        "patient_record: events/s": record.rate,
        "patient_record: peak memory, MB": record.peak_mb,
        "plain Faust, a transaction per event: events/s": faust,
        "eventsourcing ProjectionRunner: events/s": runner,
        "times plain Faust": record.rate / faust,
        "times ProjectionRunner": record.rate / runner,
    }
    figures |= _linear(ours, record) | _diffed(ours, record)
    return figures | _beside(ours)


def _faust(ours: Krypton) -> float:
    env = {**os.environ, "KRYPTON_HOME": str(ours.settings.home)}
    command = [sys.executable, "-m", "bench.plain_faust", str(PEER_EVENTS)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=180, check=True)
    return float(done.stdout.split()[-1].rpartition("h")[2])  # behind what Faust says to a terminal


def _linear(ours: Krypton, whole: Rebuilt) -> dict[str, float]:
    """The first quarter of the ledger: what an event costs there, against what it costs in the whole."""
    quarter = rebuilt(ours, "patient_record", "--until", str(_last_position(ours) // 4))
    versions.drop(ours.addresses.database, "patient_record", quarter.version, ACTOR)
    return {
        "patient_record, a quarter: events": quarter.events,
        "patient_record, a quarter: events/s": quarter.rate,
        "cost per event, whole to quarter": quarter.rate / whole.rate,
    }


def _last_position(ours: Krypton) -> int:
    with ours.snapshot() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT max(ledger_position) FROM views.position")
        return int(cursor.fetchone()[0])


def _diffed(ours: Krypton, live: Rebuilt) -> dict[str, float]:
    """Two whole versions compared."""
    database = ours.addresses.database
    versions.promote(database, "patient_record", live.version, ACTOR)
    other = rebuilt(ours, "patient_record", "--processes", "2")
    begun = time.perf_counter()
    with ours.snapshot() as connection:
        summary = diff.summary(connection, diff.Pair("patient_record", live.version, other.version))
    seconds = time.perf_counter() - begun
    assert summary["equal"], summary
    with ours.snapshot() as connection, connection.cursor() as cursor:
        cursor.execute(
            f"SELECT sum(n_live_tup) FROM pg_stat_user_tables WHERE schemaname = 'patient_record_v{other.version}'"
        )
        rows = float(cursor.fetchone()[0])
    versions.rollback(database, "patient_record", ACTOR)
    for version in (live.version, other.version):
        versions.drop(database, "patient_record", version, ACTOR)
    return {
        "patient_record, two processes: events/s": other.rate,
        "diff of two versions: rows of each": rows,
        "diff of two versions: s": seconds,
    }


def _beside(ours: Krypton) -> dict[str, float]:
    """How fast the live version's worker goes while a rebuild runs beside it, against alone."""
    with _applied(ours) as applied, processes(ours, ("worker", "patient_record")):
        while applied() == 0:
            time.sleep(0.1)
        alone = _pace(applied)
        with processes(ours, ("views", "rebuild", "cumulative_dose")):
            time.sleep(2.0)  # past its start, into the fold
            beside = _pace(applied)
    return {"live worker, alone: events/s": alone, "live worker, beside a rebuild: of that": beside / alone}


@contextmanager
def _applied(ours: Krypton) -> Iterator[Any]:
    connection = psycopg2.connect(ours.addresses.database)
    connection.autocommit = True

    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute(APPLIED)
            return int(cursor.fetchone()[0])  # type: ignore[index]  # an aggregate always gives a row

    try:
        yield count
    finally:
        connection.close()


def _pace(applied: Any) -> float:
    first, begun = applied(), time.perf_counter()
    time.sleep(LIVE_S)
    return float(applied() - first) / (time.perf_counter() - begun)
