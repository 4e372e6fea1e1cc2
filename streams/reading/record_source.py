"""Reads each partition of the ledger in step with ledger positions, batch by batch, for verification.

``parts`` opens the ledger's topics, or copies under other names (a mirror in another cluster:
``<prefix>.krypton.links``), up to their current ends.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import aiokafka.errors as failures
from kafka import KafkaConsumer, TopicPartition

from domain.errors import OffsetGap
from schemas.event import Record
from streams.broker import broker
from streams.broker.topics import LEDGER, PARTITIONS
from streams.reading.bundle import POSITION, POSITION_AT, Bundle, Tails
from streams.reading.partition_batch import partitions_of
from streams.reading.replay import Replay
from streams.reading.spans import Span

HIGHEST: Final = 1 << 62
"""No store gets so far: a higher position is forged, and beyond what PostgreSQL counts."""
MARGIN_MS: Final = 86_400_000  # a record carries the time of the decision, which is committed within seconds


class Part:
    """One partition. ``last``: the highest position seen; ``broken``: why it cannot be read further.

    ``ended``: offsets passed so far at which a transaction ended, which hold no record.
    """

    def __init__(
        self, topic: str, partition: int, batches: Iterator[Sequence[Record] | Bundle], ended: list[int] | None = None
    ) -> None:
        """``topic``: the ledger's topic, whatever name the copy has. ``ended``: is filled by ``batches``."""
        self.topic = topic
        self.partition = partition
        self.count = PARTITIONS[topic]
        self.last = 0
        self.broken = ""
        self.ended = [] if ended is None else ended
        self.at_home = True
        self._batches = batches
        self._records: Sequence[Record] = ()
        self._positions: list[int] = []
        self._in_order = True
        self._at = 0
        self._bundle: Bundle | None = None  # what it holds comes after ``_records``

    def follow(self, tails: Tails) -> int:
        """How many of ``tails`` are the next records, byte for byte (``Bundle.follow``); they are passed.

        Whoever calls it says in ``last`` how far that is.
        """
        done = 0
        while done < len(tails.values) and self.is_bundled():
            assert self._bundle is not None
            done += (passed := self._bundle.follow(tails, done))
            if not passed or not self._bundle.is_done:
                break
        return done

    def is_past(self, end: int) -> bool:
        """Whether the next record is plainly one of a position at ``end`` or above, or there is none."""
        if not self.is_bundled():
            return self._at >= len(self._records) or self._cut(end) == self._at
        assert self._bundle is not None
        position = self._bundle.position()
        return position is not None and end <= position < HIGHEST

    def is_bundled(self) -> bool:
        """Whether the next record can be followed."""
        while self._at >= len(self._records):
            if self._bundle and not self._bundle.is_done:
                return True
            match self._next_held():
                case Bundle() as bundle:
                    self._bundle = bundle
                case None:
                    return False
                case records:
                    self._hold(records)
        return False

    def chunks(self, end: int) -> Iterator[Iterator[tuple[int, Record]]]:
        """The records before the first one at ``end`` or above, each with its position, in batches.

        Position 0 stands for a missing header. ``at_home`` says whether all keys of the chunk belong to this partition.
        """
        while self._fill():
            begin, cut = self._at, self._cut(end)
            self._at = cut
            yield zip(self._positions[begin:cut], self._records[begin:cut], strict=True)
            if cut < len(self._records):
                return

    def next_position(self) -> int | None:
        """The position of the next record, or the last position if it has none; None at the end."""
        if self.is_bundled() and self._bundle and (position := self._bundle.position()):
            return position
        return (self._positions[self._at] or self.last) if self._fill() else None

    def ahead(self, most: int) -> Sequence[Record]:
        """Peek at some of the next records."""
        while self._fill() and len(self._records) - self._at < most:
            if (more := self._next()) is None:
                break
            self._hold([*self._records[self._at :], *more])
        return self._records[self._at : self._at + most]

    def _cut(self, end: int) -> int:
        if self._in_order:
            return bisect_left(self._positions, end, self._at)
        return next(
            (at for at in range(self._at, len(self._positions)) if self._positions[at] >= end), len(self._records)
        )

    def _fill(self) -> bool:
        """Whether there is another record."""
        while self._at >= len(self._records):
            if (more := self._next()) is None:
                return False
            self._hold(more)
        return True

    def _hold(self, records: Sequence[Record]) -> None:
        self._records, self._at = records, 0
        self._positions = _positions(records)
        self._in_order = sorted(self._positions) == self._positions
        self.at_home = set(partitions_of([record[3] or b"" for record in records], self.count)) <= {self.partition}

    def _next(self) -> Sequence[Record] | None:
        found, self._bundle = self._bundle, None
        while found is None or found.is_done:
            match self._next_held():
                case Bundle() as found:
                    pass
                case records:
                    return records
        try:
            return found.records()
        except failures.CorruptRecordException as damaged:
            self.broken = str(damaged)
            self._batches = iter(())
            return None

    def _next_held(self) -> Sequence[Record] | Bundle | None:
        try:
            return next(self._batches, None)
        except (OffsetGap, failures.OffsetOutOfRangeError, failures.CorruptRecordException) as gap:
            self.broken = str(gap) or "records were deleted at the start of the partition"
            return None


def _positions(records: Sequence[Record]) -> list[int]:
    """The position of each record, parsed without checking its exact form, which the comparison of headers does."""
    try:
        found = [int(record[5][POSITION_AT][1]) for record in records]
        if not found or (min(found) > 0 and max(found) < HIGHEST):
            return found
    except (LookupError, ValueError, TypeError):
        pass
    return [position_of(record) for record in records]


def position_of(record: Record) -> int:
    """The position in a record's headers; 0 if missing or not in the relay's form."""
    digits = dict(record.headers).get("position")
    position = int(digits) if digits and POSITION.fullmatch(digits) else 0
    return position if position < HIGHEST else 0


def parts(kafka: str, replay: Replay, *, prefix: str = "", since_ms: int | None = None) -> list[Part]:
    """Every partition of the ledger up to its current end.

    ``prefix``: of the topics' names, for a copy. ``since_ms``: leave out what was recorded a day and more before this
    (milliseconds since 1970, UTC), but for the last record of it in each partition. Raises KafkaError; NotThere where a
    topic of the copy is missing.
    """
    names = {f"{prefix}{topic}": topic for topic in LEDGER}
    consumer = KafkaConsumer(**broker.options(kafka), group_id=None, enable_auto_commit=False)
    try:
        if missing := sorted(names.keys() - consumer.topics()):
            raise NotThere(f"no topic {', '.join(missing)}")
        every = [TopicPartition(name, p) for name, topic in names.items() for p in range(PARTITIONS[topic])]
        ends = consumer.end_offsets(every)
        begins = starts(consumer, ends, since_ms)
    finally:
        consumer.close(autocommit=False)
    return [_part(names[tp.topic], replay, Span(tp.topic, tp.partition, begins[tp], end)) for tp, end in ends.items()]


def _part(topic: str, replay: Replay, span: Span) -> Part:
    ended: list[int] = []
    return Part(topic, span.partition, replay.bundles(span, ended=ended), ended)


def starts(
    consumer: KafkaConsumer, ends: Mapping[TopicPartition, int], since_ms: int | None
) -> Mapping[TopicPartition, int]:
    """Where to start: the last record before the first one at ``since_ms`` or later, or the last record.

    A record that was added later under an older time lies exactly there, so one record is enough to find it.
    """
    if since_ms is None:
        return dict.fromkeys(ends, 0)
    found = consumer.offsets_for_times(dict.fromkeys(ends, max(0, since_ms - MARGIN_MS)))
    return {tp: max(0, (at.offset if (at := found.get(tp)) else end) - 1) for tp, end in ends.items()}


class NotThere(LookupError):
    """A named topic does not exist on Kafka."""
