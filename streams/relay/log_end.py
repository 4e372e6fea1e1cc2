"""Finds the last record of each Kafka partition that the relay itself wrote, from which it resumes.

A record counts only if it is, header for header, what the relay makes of the stored event at its position: another
program may have written after it, and a forged position must not become the relay's own end.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError

from streams.broker import bounds, broker
from streams.broker.topics import LEDGER, PARTITIONS
from streams.relay.outgoing import Addresser
from streams.relay.own_records import HIGHEST, End, Foreign, Place, Store, judged

TIMEOUT_S: Final = 20.0
POLL_MS: Final = 250
FURTHER: Final = 64
"""Records read from a partition at first, if its last one does not suffice; then eight times as many each time."""
AT_A_TIME: Final = 1_024
FAR: Final = 4_096
"""A partition whose last records are none of those noted was cut, or somebody wrote as many records there."""


Ends = Mapping[Place, End]
"""The last own record of each partition."""

EMPTY = End(0, "")


class Hint(NamedTuple):
    """What the last active relay recorded: all up to ``position`` is in Kafka.

    ``ends``: the last position that Kafka acknowledged in each partition; those without any are absent.
    """

    position: int
    ends: Mapping[Place, int]


NO_HINT: Final = Hint(0, {})


class Tail(NamedTuple):
    """Where each partition ends, and what others wrote after that.

    ``upto``: the last own position at or below the hint; without a hint, that of the end. ``held``: those above it.
    ``tops``: the offset after the last record.
    """

    ends: Ends
    foreign: Sequence[Foreign]
    upto: Mapping[Place, int]
    held: Mapping[Place, Collection[int]]
    tops: Mapping[Place, int]


class There(NamedTuple):
    """Which events Kafka has: of each partition all up to its floor, and those ``held`` above it."""

    floors: Mapping[Place, int]
    held: Mapping[Place, Collection[int]]

    @property
    def start(self) -> int:
        """The position after which to look for events that Kafka lacks."""
        return min(self.floors.values())

    def lacks(self, place: Place, position: int) -> bool:
        """Whether an event is to be sent."""
        return position > self.floors[place] and position not in self.held.get(place, ())


def there(tail: Tail, hint: Hint) -> There:
    """What Kafka has, by its log and by the hint. ``tail``: as ``read`` finds it with that hint.

    Up to the hint all was acknowledged, save where a partition lacks what is noted of it. Above the hint only what lies
    in the log counts: a copy of a later event, sent before its turn, must not hide those before it. Without a hint each
    partition is trusted to have all its events up to its end.
    """
    if not hint.position:
        return There(tail.upto, {})
    return There({**dict.fromkeys(tail.upto, hint.position), **lost(tail, hint)}, tail.held)


def lost(tail: Tail, hint: Hint) -> dict[Place, int]:
    """The partitions that lack what Kafka had acknowledged, and their last position before that."""
    return {place: upto for place, upto in tail.upto.items() if upto < hint.ends.get(place, 0)}


def missing(tail: Tail, hint: Hint, head: int, count: Callable[[int, int], int]) -> int:
    """How many events up to ``head`` Kafka lacks; counted only where the last one seems to be there: it may be a copy.

    ``count``: how many events lie between two positions.
    """
    have = there(tail, hint)
    last = max(end.position for end in tail.ends.values())
    if not hint.position or have.start < hint.position or last < head:
        return max(0, head - (have.start if have.start < hint.position else last))
    return count(hint.position, head) - sum(at <= head for some in have.held.values() for at in some)


def read(
    kafka: str, store: Store, addresser: Addresser, hint: Hint = NO_HINT, topics: Collection[str] = LEDGER
) -> Tail:
    """Where each partition of these topics ends. Raises KafkaError, also when a read takes longer than 20 s, and the
    store's errors.

    Without a hint, only so far back that an own record is found. With one, back to what it notes of the partition, so
    that all above it is known: an old record that somebody copied to the end is not taken for a log that was cut.
    """
    from streams.relay.checksum import use_compiled  # with asyncio: who only imports this module does without

    use_compiled()
    consumer = KafkaConsumer(
        **broker.options(kafka), client_id="krypton-relay-end", group_id=None, enable_auto_commit=False
    )
    try:
        every = [TopicPartition(topic, p) for topic in topics for p in range(PARTITIONS[topic])]
        begins, tops = bounds.begins(consumer, every), bounds.ends(consumer, every)
        found = _Found(hint, {(tp.topic, tp.partition): EMPTY for tp in every})
        left, depth = {tp: tops[tp] for tp in every if tops[tp] > begins[tp]}, 1
        while left:
            starts = {tp: max(begins[tp], top - depth) for tp, top in left.items()}
            found.take(*judged(records_between(consumer, starts, left), store, addresser))
            left = {
                tp: at
                for tp, at in starts.items()
                if at > begins[tp] and found.wants((tp.topic, tp.partition), tops[tp] - at)
            }
            depth = FURTHER if depth == 1 else min(depth * 8, AT_A_TIME)
    finally:
        consumer.close(autocommit=False)
    upto = {place: found.upto.get(place, 0) for place in found.ends}
    return Tail(found.ends, found.foreign, upto, found.held, {(tp.topic, tp.partition): tops[tp] for tp in every})


@dataclass
class _Found:
    """What was read so far, from the end backwards."""

    hint: Hint
    ends: dict[Place, End]
    foreign: list[Foreign] = field(default_factory=list)
    upto: dict[Place, int] = field(default_factory=dict)
    held: dict[Place, set[int]] = field(default_factory=dict)

    def take(self, own: Mapping[Place, Sequence[End]], foreign: Sequence[Foreign]) -> None:
        """Records that lie before those taken so far."""
        self.foreign += [one for one in foreign if self.ends[one.topic, one.partition] == EMPTY]
        hint = self.hint.position or HIGHEST
        for place, some in own.items():
            self.ends[place] = max(self.ends[place], *some)
            if below := [end.position for end in some if end.position <= hint]:
                self.upto[place] = max(self.upto.get(place, 0), *below)
            if above := {end.position for end in some if end.position > hint}:
                self.held.setdefault(place, set()).update(above)

    def wants(self, place: Place, read: int) -> bool:
        """Whether what lies before the records that were ``read`` matters."""
        noted = self.hint.ends.get(place, 0) if self.hint.position and read < FAR else 0
        return place not in self.upto or self.upto[place] < noted


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
