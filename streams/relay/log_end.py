"""Finds the last record of each Kafka partition that the relay itself wrote, from which it resumes.

A record counts only if it is, header for header, what the relay makes of the stored event at its position: another
program may have written after it, and a forged position must not become the relay's own end.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError

from schemas.codec import NotAnEvent
from schemas.registry import UnknownSchema
from streams.broker import bounds, broker
from streams.broker.topics import LEDGER, PARTITIONS
from streams.relay.outgoing import Addresser, Stored

TIMEOUT_S: Final = 20.0
POLL_MS: Final = 250
FURTHER: Final = 64
"""Records read from a partition at first, if its last one is foreign; then eight times as many, and so on."""
HIGHEST: Final = 2**63 - 1
MOST_DIGITS: Final = len(str(HIGHEST))


class End(NamedTuple):
    """The last own record of a partition: its ledger position and its ``ce_id``."""

    position: int
    event: str


class Foreign(NamedTuple):
    """A record after the relay's own end. ``event``: its ``ce_id``, if in all else it is what a relay writes."""

    topic: str
    partition: int
    offset: int
    event: str

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition} offset {self.offset}"


Ends = Mapping[tuple[str, int], End]
"""(topic, partition) to its last own record."""

EMPTY = End(0, "")


class Tail(NamedTuple):
    """Where each partition ends, and what others wrote after that."""

    ends: Ends
    foreign: Sequence[Foreign]


class Store(Protocol):
    """The event store."""

    def rows_at(self, positions: Sequence[int]) -> dict[int, Stored]:
        """The events at these positions; absent where the store has none."""


def resume(ends: Ends, hint: int) -> int:
    """The position after which to look for events that Kafka lacks.

    Within a partition positions only grow and nothing is skipped, so every partition has all its events up to the
    lowest end. All events up to the hint are known to be there, which helps if a partition is idle.
    """
    return max(hint, min(end.position for end in ends.values()))


def read(kafka: str, store: Store, addresser: Addresser) -> Tail:
    """Each partition's end. Raises KafkaError, also when it takes longer than 20 s, and the store's errors."""
    consumer = KafkaConsumer(
        **broker.options(kafka), client_id="krypton-relay-end", group_id=None, enable_auto_commit=False
    )
    try:
        every = [TopicPartition(topic, p) for topic in LEDGER for p in range(PARTITIONS[topic])]
        begins, tops = bounds.begins(consumer, every), bounds.ends(consumer, every)
        ends, foreign = dict.fromkeys(every, EMPTY), list[Foreign]()
        left, depth = {tp: tops[tp] for tp in every if tops[tp] > begins[tp]}, 1
        while left:
            starts = {tp: max(begins[tp], top - depth) for tp, top in left.items()}
            found = records_between(consumer, starts, left)
            own, strange = judged(found, store, addresser)
            ends.update({TopicPartition(*place): end for place, end in own.items()})
            foreign += strange
            left = {tp: at for tp, at in starts.items() if tuple(tp) not in own and at > begins[tp]}
            depth = FURTHER if depth == 1 else depth * 8
    finally:
        consumer.close(autocommit=False)
    return Tail({(tp.topic, tp.partition): end for tp, end in ends.items()}, foreign)


def judged(
    records: Sequence[Any], store: Store, addresser: Addresser
) -> tuple[dict[tuple[str, int], End], list[Foreign]]:
    """The highest own record of each partition, and the foreign ones after it. ``records``: in order of their offsets.

    Raises the store's errors.
    """
    stated = [_position(record) for record in records]
    rows = store.rows_at([position for position in stated if position])
    own: dict[tuple[str, int], End] = {}
    foreign: dict[tuple[str, int], list[Foreign]] = {}
    for record, position in zip(records, stated, strict=True):
        place = record.topic, record.partition
        if (row := rows.get(position)) and _is_written_as(record, row, addresser):
            own[place] = max(own.get(place, EMPTY), End(position, f"{row.aggregate_id}/{row.version}"))
            foreign.pop(place, None)
        else:
            foreign.setdefault(place, []).append(Foreign(*place, record.offset, _whole(record, position, addresser)))
    return own, [one for some in foreign.values() for one in some]


def _whole(record: Any, position: int, addresser: Addresser) -> str:
    """The ``ce_id`` of a record that is what a relay makes of some event, of whatever store; empty for any other."""
    try:
        subject, _, version = dict(record.headers)["ce_id"].decode().partition("/")
        stored = Stored(position, str(UUID(subject)), int(version), record.value or b"")
    except (KeyError, ValueError, AttributeError):
        return ""
    possible = position and stored.version <= HIGHEST
    return f"{subject}/{version}" if possible and _is_written_as(record, stored, addresser) else ""


def _is_written_as(record: Any, stored: Stored, addresser: Addresser) -> bool:
    try:
        own = addresser.outgoing(stored)
    except (NotAnEvent, UnknownSchema):
        return False
    place = own.topic, own.partition, own.key, own.value
    return place == (record.topic, record.partition, record.key, record.value) and own.headers == list(record.headers)


def _position(record: Any) -> int:
    """The position that a record states; 0 if it states none that a store can have."""
    digits = dict(record.headers).get("position") or b""
    position = int(digits) if digits.isdigit() and len(digits) <= MOST_DIGITS else 0
    return position if position <= HIGHEST else 0


def records_between(
    consumer: KafkaConsumer, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> list[Any]:
    """The records from ``starts`` to below ``ends``, as Kafka's client gives them. Raises KafkaError after 20 s."""
    consumer.assign(list(starts))
    for partition, offset in starts.items():
        consumer.seek(partition, offset)
    found: list[Any] = []
    deadline = time.monotonic() + TIMEOUT_S
    while behind := [tp for tp in starts if consumer.position(tp) < ends[tp]]:
        if time.monotonic() > deadline:
            named = ", ".join(sorted(f"{tp.topic}-{tp.partition}" for tp in behind))
            raise KafkaTimeoutError(f"the end of {named} could not be read in {TIMEOUT_S:.0f} s")
        for tp, records in consumer.poll(timeout_ms=POLL_MS).items():
            found += [record for record in records if record.offset < ends[tp]]
    return found
