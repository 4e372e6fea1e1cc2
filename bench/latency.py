"""Benchmark of latency from a command to its visible row, at 100 commands a second.

In between are relay, Kafka, Faust and the view. The row's time is PostgreSQL's commit time of the transaction that
wrote it; the command's time is taken before it is sent. Both clocks are this machine's.
"""

import statistics
import time

import psycopg2

from bench.commands import new_site, study
from domain.work import Envelope
from krypton.bootstrap import Krypton

READY_S = 60.0
ROWS = """SELECT study_id::text, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float
FROM patient_record_v1.study WHERE study_id = ANY(%s::uuid[])"""


def run(ours: Krypton, seconds: float = 20.0, per_second: int = 100) -> dict[str, float]:
    """Milliseconds; needs a running relay and worker, and ``track_commit_timestamp = on``."""
    site, asked = new_site(ours), {}
    first = ours.execute(study(site, 0), Envelope())
    _visible(ours, [str(first.result["study"])], READY_S)  # the worker has its partitions by now
    begin = time.perf_counter()
    for number in range(int(seconds * per_second)):
        time.sleep(max(0.0, begin + number / per_second - time.perf_counter()))  # a steady rate, not a wait
        at = time.time()
        answer = ours.execute(study(site, number), Envelope())
        asked[str(answer.result["study"])] = at
    seen = _visible(ours, list(asked))
    waits = sorted((seen[study_id] - at) * 1000 for study_id, at in asked.items())
    return {
        "p50 ms": statistics.median(waits),
        "p95 ms": waits[int(len(waits) * 0.95)],
        "p99 ms": waits[int(len(waits) * 0.99)],
        "max ms": waits[-1],
    }


def _visible(ours: Krypton, study_ids: list[str], timeout_s: float = 30.0) -> dict[str, float]:
    deadline = time.monotonic() + timeout_s
    connection = psycopg2.connect(ours.addresses.database)
    connection.autocommit = True
    try:
        while time.monotonic() < deadline:
            with connection.cursor() as cursor:
                cursor.execute(ROWS, (study_ids,))
                if len(found := dict(cursor.fetchall())) == len(study_ids):
                    return found
            time.sleep(0.2)
    finally:
        connection.close()
    raise TimeoutError(f"not all of {len(study_ids)} studies were visible after {timeout_s} s")
