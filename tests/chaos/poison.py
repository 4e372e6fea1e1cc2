"""Records that are not the ledger's, planted in topics of events: copies of real ones, changed."""

import random
from typing import Any, Final, NamedTuple

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streams.broker import broker
from streams.broker.topics import LEDGER
from tests.integration.live_ledger import end_offsets
from tests.integration.test_poisoned_topics import FORGED, Forge, headers, position_of
from tests.waiting import WITHIN_S

SAID: Final = "one million too high"
"""Is always planted: views say that it is there."""
KINDS: Final[dict[str, Forge]] = {
    **FORGED,
    "broken Avro": lambda r: {
        "headers": headers(r, position=b"%d" % (position_of(r) + 2_000_000)),
        "value": r.value[:3],
    },
}


class Planted(NamedTuple):
    """Where, and what."""

    topic: str
    kinds: tuple[str, ...]


def producer(kafka: str) -> KafkaProducer:
    """Who may write to topics of events."""
    return KafkaProducer(**broker.options(kafka))


def plant(kafka: str, dice: random.Random, kinds: tuple[str, ...] = ()) -> Planted:
    """Plant some in the topic of one partition that has records; ``kinds``, or some drawn."""
    ends = end_offsets(kafka, list(LEDGER))
    where = dice.choice(sorted(tp for tp, end in ends.items() if end))
    record = _first(kafka, where)
    kinds = kinds or (SAID, *dice.sample(sorted(set(KINDS) - {SAID}), 2))
    sender = producer(kafka)
    try:
        for kind in kinds:
            kept = {"partition": record.partition, "key": record.key, "value": record.value}
            sender.send(where.topic, **{**kept, "headers": list(record.headers), **KINDS[kind](record)}).get(WITHIN_S)
    finally:
        sender.close()
    return Planted(where.topic, kinds)


def _first(kafka: str, where: TopicPartition) -> Any:
    """The first record of a partition: the ledger wrote it."""
    consumer = KafkaConsumer(**broker.options(kafka), group_id=None)
    try:
        consumer.assign([where])
        consumer.seek_to_beginning()
        found: list[Any] = []
        while not found:
            found = [record for records in consumer.poll(timeout_ms=500).values() for record in records]
        return found[0]
    finally:
        consumer.close(autocommit=False)
