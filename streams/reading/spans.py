"""Names the records of a partition that are to be read, and finds where each partition of a topic ends now."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition

from streams.broker import bounds, broker
from streams.broker.topics import PARTITIONS


class Span(NamedTuple):
    """Records of one partition: offsets from ``start`` to below ``end``."""

    topic: str
    partition: int
    start: int
    end: int

    @property
    def size(self) -> int:
        """How many records."""
        return max(0, self.end - self.start)


def spans(kafka: str, topics: Collection[str], starts: Mapping[tuple[str, int], int] | None = None) -> list[Span]:
    """Each partition of these topics up to its current end, from ``starts`` (offset by topic and partition) or 0.

    Raises KafkaError (Kafka is unavailable).
    """
    consumer = KafkaConsumer(**broker.options(kafka), group_id=None, enable_auto_commit=False)
    try:
        ends = bounds.ends(consumer, [KafkaPartition(t, p) for t in topics for p in range(PARTITIONS[t])])
    finally:
        consumer.close(autocommit=False)
    begin = starts or {}
    return [Span(tp.topic, tp.partition, begin.get((tp.topic, tp.partition), 0), end) for tp, end in ends.items()]
