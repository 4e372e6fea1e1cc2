"""Asks Kafka, with one client, what health and waiting need: its topics, where they begin and end, and first records.

Each record is read once, however many views and policies are to read on there.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from krypton.bootstrap import Krypton
from krypton.views.lag import kafka_away
from streams.broker import bounds as edges
from streams.broker import broker, topics
from streams.broker.topics import CHECKPOINTS, LEDGER, PARTITIONS
from streams.relay.log_end import records_between

Place = tuple[str, int]
"""Topic and partition."""
At = tuple[str, int, int]
"""Topic, partition and offset."""


class Problem(NamedTuple):
    """One cause. ``part``: the topic, view or process; ``what``: a sentence that says what to do."""

    part: str
    what: str

    def __str__(self) -> str:
        return f"{self.part} {self.what}"


class Bounds(NamedTuple):
    """The first offset of a partition, and the one after its last."""

    begin: int
    end: int


class Looked(NamedTuple):
    """What Kafka holds.

    ``ids``: of the declared topics that are there; ``bounds``: of their partitions. ``made``: when the record at an
    offset that was asked about was made, milliseconds since 1970, UTC, and of the last checkpoint; absent where a
    partition does not reach. ``holes``: offsets asked about at which no record lies, though the partition goes on.
    """

    ids: Mapping[str, str]
    bounds: Mapping[Place, Bounds]
    made: Mapping[At, int]
    holes: Collection[At]


def look(ours: Krypton, wanted: Collection[At]) -> Looked:
    """``wanted``: offsets at which somebody is to read on. Raises ServiceUnavailable."""
    try:
        ids = topics.ids(ours.addresses.kafka)
        consumer = KafkaConsumer(
            **broker.options(ours.addresses.kafka), group_id=None, bootstrap_timeout_ms=broker.ANSWERS_MS
        )
        try:
            bounds = _bounds(consumer, [topic for topic in (*LEDGER, CHECKPOINTS) if topic in ids])
            last = {(*place, held.end - 1) for place, held in bounds.items() if place[0] == CHECKPOINTS}
            reached = {at for at in {*wanted, *last} if _reaches(bounds.get(at[:2]), at[2])}
            made = first_records(consumer, reached)
        finally:
            consumer.close(autocommit=False)
    except KafkaError as away:
        raise kafka_away(ours, away) from None
    return Looked(ids, bounds, made, reached - made.keys())


def first_records(consumer: KafkaConsumer, wanted: Collection[At]) -> dict[At, int]:
    """When each record at these offsets was made; absent where there is none. Raises KafkaError."""
    left: dict[TopicPartition, list[int]] = {}
    for topic, partition, offset in sorted(wanted, reverse=True):
        left.setdefault(TopicPartition(topic, partition), []).append(offset)
    found: dict[At, int] = {}
    while starts := {tp: offsets.pop() for tp, offsets in left.items() if offsets}:
        for one in records_between(consumer, starts, {tp: at + 1 for tp, at in starts.items()}):
            found[one.topic, one.partition, one.offset] = one.timestamp
    return found


def _bounds(consumer: KafkaConsumer, names: Collection[str]) -> dict[Place, Bounds]:
    every = [TopicPartition(topic, p) for topic in names for p in range(PARTITIONS[topic])]
    begins, ends = edges.begins(consumer, every), edges.ends(consumer, every)
    return {(tp.topic, tp.partition): Bounds(begins[tp], ends[tp]) for tp in every}


def _reaches(bounds: Bounds | None, offset: int) -> bool:
    return bounds is not None and bounds.begin <= offset < bounds.end
