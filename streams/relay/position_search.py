"""Finds the Kafka offset of a ledger position in each partition, by binary search.

Positions only grow within a partition. Each round reads one record of every partition: about 20 rounds for a million
records. What somebody else wrote is passed over, as views do: from such a record on, the next of the ledger counts.
"""

import math
import time
from collections.abc import Collection, Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError

from streams.broker import bounds, broker
from streams.broker.topics import PARTITIONS

TIMEOUT_S = 20.0
POLL_MS = 250


def offsets_at(kafka: str, topics: Collection[str], position: int) -> Mapping[tuple[str, int], int]:
    """(topic, partition) to the offset of its first record at ``position`` or later; its end if there is none.

    Where somebody else wrote right before that, it may be the offset of such a record. Raises KafkaError, also if the
    broker does not answer for 20 s.
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
            for tp, found in _positions(consumer, middles, high).items():
                if found < position:
                    low[tp] = middles[tp] + 1
                else:
                    high[tp] = middles[tp]
    finally:
        consumer.close(autocommit=False)
    return {(tp.topic, tp.partition): low[tp] for tp in every}


def _positions(
    consumer: KafkaConsumer, offsets: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> dict[TopicPartition, float]:
    """The ledger position of the record at each offset, or of the next that states one; infinite if none does before
    its end.
    """
    found: dict[TopicPartition, float] = {}
    at = dict(offsets)
    deadline = time.monotonic() + TIMEOUT_S
    while left := [tp for tp in offsets if tp not in found]:
        if time.monotonic() > deadline:
            raise KafkaTimeoutError(f"{len(left)} partitions did not answer in {TIMEOUT_S:.0f} s")
        if set(left) != consumer.assignment():  # kafka-python 3.0.12 leaves some that are paused out for ever
            consumer.assign(left)
            for tp in left:
                consumer.seek(tp, at[tp])
        for tp, records in consumer.poll(timeout_ms=POLL_MS).items():
            at[tp] = records[-1].offset + 1
            told = [position for one in records if (position := _position(one)) is not None and one.offset < ends[tp]]
            if told or at[tp] >= ends[tp]:
                found[tp] = told[0] if told else math.inf
    consumer.unsubscribe()
    return found


def _position(record: Any) -> int | None:
    try:
        return int(dict(record.headers)["position"])
    except (KeyError, ValueError, TypeError):  # or it is null
        return None
