"""Our murmur2 against those of two Kafka clients."""

from uuid import UUID

import pytest
from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import given
from hypothesis.strategies import binary, integers, uuids
from kafka.partitioner import murmur2 as murmur2_of_kafka_python

from streams.broker.partition import murmur2, partition_of


@given(binary(max_size=70))
def test_the_hash_is_the_one_of_other_clients(data: bytes) -> None:
    """Any client that partitions by key finds a key where we put it."""
    assert murmur2(data) == murmur2_of_kafka_python(data) == murmur2_of_aiokafka(data)


@given(uuids(), integers(1, 12))
def test_a_key_lies_in_a_partition_that_exists(key: UUID, count: int) -> None:
    """Partitions are numbered from 0."""
    assert 0 <= partition_of(str(key).encode(), count) < count


@pytest.mark.parametrize(
    ("key", "partition"),
    [("00000000-0000-0000-0000-000000000000", 5), ("6c1f6b1e-3d5b-5c0e-9d5c-1f0f6f3f8a11", 7)],
)
def test_the_partition_of_a_key_is_stored_state(key: str, partition: int) -> None:
    """These never change: events are stored by them."""
    assert partition_of(key.encode(), 8) == partition
