"""Creates a backlog of events and measures the rate at which a process works it off."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition

from bench.commands import new_site, study
from domain.work import Envelope
from krypton.bootstrap import Krypton
from streams.broker import broker
from streams.broker.topics import LEDGER, PARTITIONS

TOGETHER = 200
LOOK_S = 0.02
TIMEOUT_S = 120.0


def fill(ours: Krypton, events: int) -> int:
    """Store about ``events`` events: studies of a thousand persons. Returns the total number stored."""
    site = new_site(ours)
    for first in range(0, events, TOGETHER):
        ours.ledger.execute_many([(study(site, n), Envelope()) for n in range(first, first + TOGETHER)])
    with ours.snapshot() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger.ledger_events")
        return int(cursor.fetchone()[0])


@contextmanager
def published(ours: Krypton) -> Iterator[Callable[[], int]]:
    """A counter of the records on the ledger's topics."""
    consumer = KafkaConsumer(**broker.options(ours.addresses.kafka), group_id=None, enable_auto_commit=False)
    every = [TopicPartition(t, p) for t in LEDGER for p in range(PARTITIONS[t])]
    try:
        yield lambda: sum(consumer.end_offsets(every).values())
    finally:
        consumer.close(autocommit=False)


def rate(counter: Callable[[], int], end: int) -> float:
    """Units per second from the first sign of work to ``end``. Raises TimeoutError."""
    deadline = time.monotonic() + TIMEOUT_S
    begun: tuple[float, int] | None = None
    while time.monotonic() < deadline:
        now, done = time.perf_counter(), counter()
        if done >= end:
            break
        if done and begun is None:
            begun = now, done
        time.sleep(LOOK_S)
    if begun is None or done < end:
        raise TimeoutError(f"{done} of {end} after {TIMEOUT_S:.0f} s")
    return (done - begun[1]) / (now - begun[0])
