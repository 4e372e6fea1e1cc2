"""Publishes signed checkpoints on ``krypton.checkpoints`` (for the notary) and reads them back (for verifiers).

Key: the log's origin. Value: the whole signed note as text (C2SP tlog-checkpoint). Header ``content-type``. Delivery:
at least once, in the order of tree sizes; a duplicate is harmless. Anybody may publish a cosigned copy elsewhere:
``read`` accepts any topic with one partition.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Final

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError

from streams.broker import broker
from streams.broker.topics import CHECKPOINTS

TIMEOUT_S: Final = 10.0
POLL_MS: Final = 250
MOST_POLLED: Final = 5_000
QUIET_S: Final = 20.0
TYPE: Final = [("content-type", b"text/plain; charset=utf-8")]


class Publisher:
    """A producer for checkpoints, used in a ``with`` block. Raises KafkaError if Kafka is unavailable."""

    def __init__(self, kafka: str) -> None:
        """``kafka``: bootstrap servers."""
        self._producer = KafkaProducer(
            **broker.options(kafka),
            client_id="krypton-notary",
            acks="all",
            enable_idempotence=True,
            max_block_ms=int(TIMEOUT_S * 1000),
            bootstrap_timeout_ms=int(TIMEOUT_S * 1000),
            metrics_enabled=False,
        )

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._producer.close(timeout=5)

    def publish(self, origin: str, notes: Sequence[str]) -> None:
        """Publish notes in order; returns when all in-sync replicas have them. Raises KafkaError."""
        sent = [self._producer.send(CHECKPOINTS, note.encode(), origin.encode(), TYPE) for note in notes]
        for future in sent:
            future.get(TIMEOUT_S)


def read(kafka: str, topic: str = CHECKPOINTS, *, last: int | None = None) -> list[bytes]:
    """All notes of a topic with one partition, oldest first, or only the ``last`` few; unverified.

    Raises KafkaError, also if the broker does not answer for 20 s.
    """
    consumer = KafkaConsumer(
        **broker.options(kafka),
        client_id="krypton-checkpoints",
        group_id=None,
        enable_auto_commit=False,
        max_poll_records=MOST_POLLED,
    )
    try:
        return _read(consumer, TopicPartition(topic, 0), last)
    finally:
        consumer.close(autocommit=False)


def _read(consumer: KafkaConsumer, partition: TopicPartition, last: int | None) -> list[bytes]:
    end = consumer.end_offsets([partition])[partition]
    begin = consumer.beginning_offsets([partition])[partition]
    start = begin if last is None else max(begin, end - last)
    consumer.assign([partition])
    consumer.seek(partition, start)
    found: list[bytes] = []
    silent_s = 0.0
    while consumer.position(partition) < end:
        polled = consumer.poll(timeout_ms=POLL_MS).get(partition, [])
        found += [record.value or b"" for record in polled if record.offset < end]
        silent_s = 0.0 if polled else silent_s + POLL_MS / 1000
        if silent_s > QUIET_S:
            raise KafkaTimeoutError(f"{partition.topic} could not be read to its end in {QUIET_S:.0f} s")
    return found


def topics(kafka: str) -> set[str]:
    """The names of all Kafka topics. Raises KafkaError."""
    consumer = KafkaConsumer(**broker.options(kafka), group_id=None, enable_auto_commit=False)
    try:
        return set(consumer.topics())
    finally:
        consumer.close(autocommit=False)


__all__ = ["CHECKPOINTS", "KafkaError", "Publisher", "read", "topics"]
