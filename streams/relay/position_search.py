"""Finds the Kafka offset of a ledger position in each partition, by binary search.

Positions only grow within a partition. Each round reads one record of every partition: about 20 rounds for a million
records.
"""

import time
from collections.abc import Collection, Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError

from streams.broker import bounds, broker
from streams.broker.topics import PARTITIONS

TIMEOUT_S = 20.0
POLL_MS = 250


def offsets_at(kafka: str, topics: Collection[str], position: int) -> Mapping[tuple[str, int], int]:
    """(topic, partition) to the offset of its first record at ``position`` or later; its end if there is none.

    Raises KafkaError, also if a record lacks the ledger's headers or the broker does not answer for 20 s.
    """
    consumer = KafkaConsumer(
        **broker.options(kafka),
        client_id="krypton-position-search",
        group_id=None,
        enable_auto_commit=False,
        max_partition_fetch_bytes=1,  # the broker sends one record batch anyway: more would be discarded
    )
    try:
        every = [TopicPartition(topic, p) for topic in topics for p in range(PARTITIONS[topic])]
        low, high = bounds.begins(consumer, every), bounds.ends(consumer, every)
        while open_ones := [tp for tp in every if low[tp] < high[tp]]:
            middles = {tp: (low[tp] + high[tp]) // 2 for tp in open_ones}
            for tp, found in _positions(consumer, middles).items():
                if found < position:
                    low[tp] = middles[tp] + 1
                else:
                    high[tp] = middles[tp]
    finally:
        consumer.close(autocommit=False)
    return {(tp.topic, tp.partition): low[tp] for tp in every}


def _positions(consumer: KafkaConsumer, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """The ledger position of the record at each offset."""
    found: dict[TopicPartition, int] = {}
    deadline = time.monotonic() + TIMEOUT_S
    while left := [tp for tp in offsets if tp not in found]:
        if time.monotonic() > deadline:
            raise KafkaTimeoutError(f"{len(left)} partitions did not answer in {TIMEOUT_S:.0f} s")
        if set(left) != consumer.assignment():  # paused instead, some kept kafka-python 3.0.12 from fetching others
            consumer.assign(left)
            for tp in left:
                consumer.seek(tp, offsets[tp])
        for tp, records in consumer.poll(timeout_ms=POLL_MS).items():
            found[tp] = _position(records[0])
    consumer.unsubscribe()
    return found


def _position(record: Any) -> int:
    try:
        return int(dict(record.headers)["position"])
    except (KeyError, ValueError, TypeError):  # or it is null
        raise KafkaError(
            f"{record.topic}/{record.partition} offset {record.offset} lacks the ledger's headers: it was not written "
            "by the relay; find out who else writes to the topic"
        ) from None
