"""Benchmark of one worker process that builds ``patient_record`` from a backlog, Faust included."""

from bench import backlog
from bench.region import processes
from krypton.bootstrap import Krypton

APPLIED = "SELECT coalesce(sum(next), 0) FROM views.position WHERE view = 'patient_record'"
OF_THE_VIEW = "SELECT count(*) FROM ledger.ledger_events WHERE topic LIKE 'study.%' OR topic LIKE 'order.%'"


def run(ours: Krypton, events: int = 40_000) -> dict[str, float]:
    """Events per second, in a ledger without a running worker of the view."""
    stored = backlog.fill(ours, events)
    with backlog.published(ours) as counter, processes(ours, ("relay",)):
        backlog.rate(counter, stored)
    with ours.snapshot() as connection, processes(ours, ("worker", "patient_record")):
        connection.rollback()
        connection.set_session(autocommit=True, isolation_level="READ COMMITTED")

        def count(sql: str = APPLIED) -> int:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return int(cursor.fetchone()[0])

        return {"patient_record worker, events/s on a backlog": backlog.rate(count, count(OF_THE_VIEW))}
