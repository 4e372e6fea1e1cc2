"""Benchmark of the relay: events per second from the event store to Kafka, every record acknowledged."""

from bench import backlog
from bench.region import processes
from krypton.bootstrap import Krypton


def run(ours: Krypton, events: int = 60_000) -> dict[str, float]:
    """Events per second, in a ledger without a running relay."""
    stored = backlog.fill(ours, events)
    with backlog.published(ours) as counter, processes(ours, ("relay",)):
        return {"relay, events/s from event store to Kafka": backlog.rate(counter, stored)}
