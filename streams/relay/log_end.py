"""Reads the last ledger position of each Kafka partition, from which the relay resumes."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError

from streams.broker import broker
from streams.broker.topics import LEDGER, PARTITIONS

TIMEOUT_S = 20.0
POLL_MS = 250


class End(NamedTuple):
    """The last record of a partition: its ledger position and its ``ce_id``."""

    position: int
    event: str


Ends = Mapping[tuple[str, int], End]
"""(topic, partition) to its last record."""

EMPTY = End(0, "")


def resume(ends: Ends, hint: int) -> int:
    """The position after which to look for events that Kafka lacks.

    Within a partition positions only grow and nothing is skipped, so every partition has all its events up to the
    lowest end. All events up to the hint are known to be there, which helps if a partition is idle.
    """
    return max(hint, min(end.position for end in ends.values()))


def read(kafka: str) -> Ends:
    """The last record of each partition of the ledger. Raises KafkaError, also when it takes longer than 20 s."""
    consumer = KafkaConsumer(
        **broker.options(kafka), client_id="krypton-relay-end", group_id=None, enable_auto_commit=False
    )
    try:
        every = [TopicPartition(topic, p) for topic in LEDGER for p in range(PARTITIONS[topic])]
        offsets = consumer.end_offsets(every)
        ends = dict.fromkeys(every, EMPTY)
        ends.update(_last(consumer, {tp: offset - 1 for tp, offset in offsets.items() if offset}))
    finally:
        consumer.close(autocommit=False)
    return {(tp.topic, tp.partition): end for tp, end in ends.items()}


def _last(consumer: KafkaConsumer, offsets: dict[TopicPartition, int]) -> dict[TopicPartition, End]:
    """The record at each offset."""
    consumer.assign(list(offsets))
    for partition, offset in offsets.items():
        consumer.seek(partition, offset)
    found: dict[TopicPartition, End] = {}
    deadline = time.monotonic() + TIMEOUT_S
    while len(found) < len(offsets):
        if time.monotonic() > deadline:
            behind = sorted(f"{tp.topic}-{tp.partition}" for tp in offsets.keys() - found.keys())
            raise KafkaTimeoutError(f"the last record of {', '.join(behind)} could not be read in {TIMEOUT_S:.0f} s")
        for partition, records in consumer.poll(timeout_ms=POLL_MS).items():
            found[partition] = _end(records[-1].headers, partition)
    return found


def _end(headers: list[tuple[str, bytes]], partition: TopicPartition) -> End:
    held = dict(headers)
    try:
        return End(int(held["position"]), held["ce_id"].decode())
    except (KeyError, ValueError):
        raise KafkaError(
            f"the last record of {partition.topic}-{partition.partition} lacks the ledger's headers: it was not "
            "written by the relay; find out who else writes to the topic"
        ) from None
