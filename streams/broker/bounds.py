"""Asks Kafka where partitions begin and end, and names a topic that is not there."""

from collections.abc import Callable, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import UnknownTopicOrPartitionError

Offsets = dict[TopicPartition, int]


def begins(consumer: KafkaConsumer, partitions: Sequence[TopicPartition]) -> Offsets:
    """The offset of each partition's first record. Raises KafkaError."""
    return _asked(consumer.beginning_offsets, partitions)


def ends(consumer: KafkaConsumer, partitions: Sequence[TopicPartition]) -> Offsets:
    """The offset after each partition's last record. Raises KafkaError."""
    return _asked(consumer.end_offsets, partitions)


def _asked(ask: Callable[[Sequence[TopicPartition]], Any], partitions: Sequence[TopicPartition]) -> Offsets:
    try:
        return dict(ask(partitions))
    except KeyError as missing:  # kafka-python 3.0.12 leaves out what the cluster does not have
        (partition,) = missing.args
        raise UnknownTopicOrPartitionError(f"{partition.topic} is not there") from None
