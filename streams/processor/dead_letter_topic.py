"""Publishes a view's dead letters on a Kafka topic for monitoring; the table remains the source of truth.

At least once. A record keeps its key, value and headers; ``dead-letter-*`` headers say where it was read, by which
view, and why it could not be applied. The reason never names a person. Of a record that is too long for that, these
headers go alone, with ``dead-letter-left-out``; the table has the whole of it.
"""

import logging
from collections.abc import Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError

from streams.broker import broker
from streams.broker.topics import DEAD_LETTERS, MAX_RECORD_BYTES
from streams.processor.view import DeadLetter, View

log = logging.getLogger(__name__)

AT_A_TIME = 100
TIMEOUT_S = 10.0
Headers = list[tuple[str, bytes]]


class DeadLetterTopic:
    """Publishes the dead letters of one view; called only from its thread."""

    def __init__(self, view: View, kafka: str) -> None:
        self._view = view
        self._kafka = kafka
        self._producer: KafkaProducer | None = None

    def publish_new(self) -> None:
        """Publish the letters not yet on the topic; if Kafka does not take them they are retried later. Raises
        StoreAway.
        """
        while letters := self._view.unpublished(AT_A_TIME):
            try:
                self._send(letters)
            except KafkaError as away:
                log.warning("%s: dead letters wait for Kafka (%s)", self._view.name, type(away).__name__)
                return
            self._view.published([letter.id for letter in letters])

    def close(self) -> None:
        """Close the producer."""
        if self._producer:
            self._producer.close(timeout=1)

    def _send(self, letters: Sequence[DeadLetter]) -> None:
        if self._producer is None:
            self._producer = KafkaProducer(
                **broker.options(self._kafka),
                client_id="krypton-dead-letters",
                max_request_size=MAX_RECORD_BYTES,
                max_block_ms=int(TIMEOUT_S * 1000),
                bootstrap_timeout_ms=int(TIMEOUT_S * 1000),
            )
        sent = [self._sent(self._producer, letter) for letter in letters]
        for future in sent:
            future.get(TIMEOUT_S)

    def _sent(self, producer: KafkaProducer, letter: DeadLetter) -> Any:
        record, why = letter.record, self._headers(letter)
        try:
            return producer.send(DEAD_LETTERS, record.value, record.key, [*record.headers, *why])
        except MessageSizeTooLargeError:  # else it, and all that go with it, would be sent again for ever
            return producer.send(DEAD_LETTERS, None, None, [*why, ("dead-letter-left-out", b"key, value and headers")])

    def _headers(self, letter: DeadLetter) -> Headers:
        record = letter.record
        return [
            ("dead-letter-view", f"{self._view.name} v{self._view.version}".encode()),
            ("dead-letter-topic", record.topic.encode()),
            ("dead-letter-partition", b"%d" % record.partition),
            ("dead-letter-offset", b"%d" % record.offset),
            ("dead-letter-reason", letter.reason.encode()),
        ]
