"""A position is found beside a partition of which a fetch brings more records than kafka-python returns at once."""

import pytest
from kafka import KafkaProducer

from streams.broker import broker
from streams.broker.topics import PARTITIONS
from streams.relay.position_search import offsets_at
from tests.integration.filled_topics import kafka
from tests.waiting import WITHIN_S

__all__ = ["kafka"]  # a fixture
pytestmark = pytest.mark.live

TOPIC, LARGE = "krypton.identities", 3
MANY, FEW = 2_000, 4
BATCH_BYTES = 1 << 20


def filled(kafka: str) -> dict[tuple[str, int], int]:
    """``MANY`` records in one batch of one partition, ``FEW`` in each other, the ledger's positions from 1 on; how many
    lie in each.
    """
    found = {(TOPIC, p): MANY if p == LARGE else FEW for p in range(PARTITIONS[TOPIC])}
    producer = KafkaProducer(**broker.options(kafka), acks="all", linger_ms=2_000, batch_size=BATCH_BYTES)
    position = 0
    for (topic, partition), count in found.items():
        for _ in range(count):
            position += 1
            producer.send(topic, b"event", b"key", [("position", str(position).encode())], partition)
    producer.flush(WITHIN_S)
    producer.close()
    return found


def test_a_large_batch_in_one_partition_does_not_stop_the_search(kafka: str) -> None:
    """Where partitions that had answered were paused, it waited in the second round until it gave up."""
    ends = filled(kafka)
    before = LARGE * FEW
    assert offsets_at(kafka, [TOPIC], before + 1_235) == {
        key: FEW if key[1] < LARGE else 1_234 if key[1] == LARGE else 0 for key in ends
    }
    assert offsets_at(kafka, [TOPIC], sum(ends.values()) + 1) == ends
