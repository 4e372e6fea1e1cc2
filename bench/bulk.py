"""Writes a generated history to Kafka as full record batches and to the event store with COPY, without the relay.

It gives millions of events within minutes; sealed fields have their keys in the vault. ``fill`` writes into
empty topics; positions follow the last one of the event store, and grow, as the relay's do.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from typing import Any

import psycopg2
from aiokafka import AIOKafkaProducer
from psycopg2.extensions import connection as Connection

from adapters.eventstore import decision_tables_again
from adapters.eventstore.tables import EVENTS
from bench.history import START_US, STEP_US, Happened, History
from bench.stored import copy, line
from domain.ports import KeyVault
from krypton.bootstrap import Krypton
from streams.broker import broker
from streams.broker.partition import partition_of
from streams.broker.topics import LEDGER, PARTITIONS
from streams.reading.spans import spans
from streams.relay.outgoing import rfc3339

BATCH_BYTES = 512 << 10
IN_FLIGHT = 64
LINES = 20_000  # of the event store, written together


class TopicsNotEmpty(Exception):
    """A generated history must be the whole ledger: its positions start at 1."""


class Bulk:
    """Fills one open record batch per partition and sends full ones."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._open: dict[tuple[str, int], Any] = {}
        self._sent: list[Any] = []

    async def add(self, topic: str, partition: int, key: bytes, value: bytes, headers: Any, at_ms: int) -> None:
        """One more record."""
        if (batch := self._open.get((topic, partition))) is None:
            batch = self._open[topic, partition] = self._producer.create_batch()
        if batch.append(key=key, value=value, timestamp=at_ms, headers=headers) is None:
            await self._send(topic, partition)
            await self.add(topic, partition, key, value, headers, at_ms)

    async def close(self) -> None:
        """Send the rest and wait until the broker has everything."""
        for topic, partition in list(self._open):
            await self._send(topic, partition)
        await asyncio.gather(*self._sent)

    async def _send(self, topic: str, partition: int) -> None:
        batch = self._open.pop((topic, partition))
        self._sent.append(await self._producer.send_batch(batch, topic, partition=partition))
        if len(self._sent) > IN_FLIGHT:
            await asyncio.gather(*self._sent)
            self._sent.clear()


def fill(ours: Krypton, events: int, *, seed: int = 1, topics: Collection[str] = LEDGER) -> Counter[str]:
    """Write events of a new region until ``topics`` hold ``events``; returns how many of each type.

    Events of other topics happen too and are left out: positions have gaps, as in a real ledger. Raises TopicsNotEmpty.
    """
    if any(span.end for span in spans(ours.addresses.kafka, topics)):
        raise TopicsNotEmpty("the topics hold events already: fill empty ones")
    with closing(psycopg2.connect(ours.addresses.database)) as connection:
        found = asyncio.run(_fill(ours, connection, events, seed, topics))
    decision_tables_again.catch_up(ours.addresses.database, ours.codec)
    return found


async def _fill(ours: Krypton, store: Connection, events: int, seed: int, topics: Collection[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    lines: list[bytes] = []
    codec = ours.codec
    producer = AIOKafkaProducer(**broker.options(ours.addresses.kafka), acks="all", max_batch_size=BATCH_BYTES)
    await producer.start()
    try:
        bulk = Bulk(producer)
        for position, event, ids in _happened(History(seed), ours.vault, _last(store), lambda: found.total() >= events):
            schema = codec.registry.latest[event.type]
            if schema.topic not in topics:
                continue
            at = START_US + position * STEP_US
            body = {"recorded_at": at, "actor": "system:bench"} | ids() | event.body
            value = codec.encode(event.type, body, aggregate_id=event.aggregate, version=event.version)
            headers = _headers(position, event, at)
            key = event.key.encode()
            await bulk.add(schema.topic, partition_of(key, PARTITIONS[schema.topic]), key, value, headers, at // 1000)
            lines.append(line(position, event.aggregate.encode(), event.version, event.type.encode(), value))
            if len(lines) == LINES:
                copy(store, lines, position)
                lines.clear()
            found[event.type] += 1
        if lines:
            copy(store, lines, position)
        await bulk.close()
    finally:
        await producer.stop()
    return found


def _last(store: Connection) -> int:
    """The ledger's last position."""
    with store, store.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(id), 0) FROM {EVENTS}")
        ((last,),) = cursor.fetchall()
        return int(last)


def _happened(
    history: History, vault: KeyVault, position: int, enough: Callable[[], bool]
) -> Iterator[tuple[int, Happened, Callable[[], dict[str, str]]]]:
    """Whole cohorts, until there are enough: position, event, and the source of envelope ids."""
    for cohort in history.cohorts():
        vault.prepare((), cohort.subjects)
        for position, event in history.lived(cohort, position):  # noqa: B020  # it goes on
            yield position, event, history.ids
        if enough():
            return


def _headers(position: int, event: Happened, at: int) -> list[tuple[str, bytes]]:
    subject, version = event.aggregate.encode(), b"%d" % event.version
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", subject + b"/" + version),
        ("ce_type", event.type.encode()),
        ("ce_source", b"krypton"),
        ("ce_subject", subject),
        ("ce_time", rfc3339(at)),
        ("content-type", b"application/avro"),
        ("position", b"%d" % position),
        ("version", version),
    ]
