"""What the topic of dead letters is sent, at a producer that weighs records as Kafka's own does."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from kafka.errors import MessageSizeTooLargeError
from kafka.record.default_records import DefaultRecordBatchBuilder

from schemas.event import Record
from streams.broker.topics import MAX_RECORD_BYTES
from streams.processor import dead_letter_topic
from streams.processor.dead_letter_topic import DeadLetterTopic
from streams.processor.view import DeadLetter, View

Sent = tuple[bytes | None, bytes | None, dict[str, bytes]]


class Producer:
    def __init__(self, sent: list[Sent], most: int) -> None:
        self._sent, self._most = sent, most

    def send(self, _: str, value: bytes | None, key: bytes | None, headers: list[tuple[str, bytes]]) -> Any:
        if DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, headers) > self._most:
            raise MessageSizeTooLargeError
        self._sent.append((key, value, dict(headers)))
        return SimpleNamespace(get=lambda timeout: timeout)


class Letters:
    """A view with dead letters."""

    name, version = "record", 1

    def __init__(self, *letters: DeadLetter) -> None:
        self.waiting = list(letters)

    def unpublished(self, limit: int) -> list[DeadLetter]:
        return self.waiting[:limit]

    def published(self, ids: list[int]) -> None:
        self.waiting = [letter for letter in self.waiting if letter.id not in ids]


def letter(number: int, value: bytes) -> DeadLetter:
    record = Record("krypton.links", 0, number, b"k", value, (("ce_id", b"x"),))
    return cast(DeadLetter, SimpleNamespace(id=number, record=record, reason="it states no position of the ledger"))


def test_a_letter_that_is_too_long_goes_without_what_it_is_about_and_holds_no_other_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[Sent] = []
    monkeypatch.setattr(dead_letter_topic, "KafkaProducer", lambda **asked: Producer(sent, asked["max_request_size"]))
    view = Letters(letter(0, b"a"), letter(1, b"v" * (MAX_RECORD_BYTES - 100)), letter(2, b"c"))
    DeadLetterTopic(cast(View, view), "127.0.0.1:1").publish_new()
    assert view.waiting == []
    assert [(key, value, told["dead-letter-offset"]) for key, value, told in sent] == [
        (b"k", b"a", b"0"),
        (None, None, b"1"),
        (b"k", b"c", b"2"),
    ]
    assert ["dead-letter-left-out" in told for _, _, told in sent] == [False, True, False]
