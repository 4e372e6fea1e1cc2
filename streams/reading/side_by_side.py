"""Compares the event store with Kafka: position by position, byte for byte, header for header.

Both are read in windows of positions. Within a window each record is compared with the row at its position, without
decoding events whose key is their aggregate. Mismatches are collected for the caller:

- ``wrong``: a record that differs from the row at its position, or a record out of order in its partition;
- ``lacking``: rows without a record on Kafka; ``strange``: records at positions where the store has no row;
- ``repeats``: duplicates of an earlier record of the partition. A relay that was frozen may cause them; consumers drop
  them, and they are no difference.

Memory: the rows of one window, and two fetches per partition.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from domain.proofs.leaf import lines_of
from schemas.compiled import NotCompiled, Reader, compiled
from schemas.event import Record
from schemas.registry import Registry, Schema
from streams.broker.partition import partition_of
from streams.reading.record_source import Part, position_of
from streams.relay.outgoing import first_long, rfc3339

Row = tuple[bytes, bytes]
"""The first four lines of an event's entry (``domain.proofs.leaf``), and its stored bytes."""

WINDOW: Final = 10_000
HELD: Final = 500_000
LOWEST: Final = -(1 << 63)  # no event is stored below 1; one that somebody put there is found
STAMPED: Final = slice(5, 15)  # enough for the first field, recorded_at: a varint of at most ten bytes
NO_EVENT: Final = "the bytes are no event"
SPEC: Final = ("ce_specversion", b"1.0")
SOURCE: Final = ("ce_source", b"krypton")
CONTENT: Final = ("content-type", b"application/avro")


class Store(Protocol):
    """A snapshot of the event store."""

    def next_at(self, position: int) -> int | None:
        """The first position at or after this one that holds an event."""

    def window(self, start: int, end: int) -> list[Row]:
        """The events from ``start`` to below ``end``, in order."""

    def row(self, position: int) -> Row | None:
        """The event at a position."""

    def rows_at(self, positions: Sequence[int]) -> list[Row]:
        """The events at these positions, where there are any."""


class Wrong(NamedTuple):
    """A record that differs from the store's row at its position, and how. ``row`` is None if there is none."""

    position: int
    record: Record
    row: Row | None
    what: str


@dataclass
class Window:
    """Positions from ``start`` to below ``end``. ``rows``: the store's, in order; the rest: see the module."""

    start: int
    end: int
    rows: list[Row]
    held: dict[int, Row] = field(repr=False)
    lacking: dict[int, Row] = field(default_factory=dict)
    strange: list[tuple[int, Record]] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)
    repeats: int = 0


class _Kind:
    """What is constant for one event type on its topic."""

    __slots__ = ("ce_type", "key_of", "plain")

    def __init__(self, schema: Schema, keys: "_Keys") -> None:
        self.ce_type = ("ce_type", schema.type.encode())
        self.plain = schema.key == schema.aggregate
        self.key_of = keys.key_of


class _Keys:
    """Extracts the Kafka key from an event's bytes, whatever its schema version."""

    def __init__(self, registry: Registry) -> None:
        self._readers: dict[bytes, tuple[Reader, str]] = {}
        for schema in registry:
            with suppress(NotCompiled):
                self._readers[b"\0" + schema.id.to_bytes(4, "big")] = compiled(schema.hot), schema.key

    def key_of(self, value: bytes) -> bytes:
        """The key. Raises LookupError, ValueError if the bytes are no event."""
        read, name = self._readers[value[:5]]
        key: str = read(value, value.decode("latin-1"), 5)[0][name]
        return key.encode()


class Comparison:
    """Walks through both logs window by window; the next window is loaded while one is compared."""

    def __init__(
        self, store: Store, parts: Sequence[Part], registry: Registry, after: int = 0, *, look_back: bool = False
    ) -> None:
        """``after``: rows up to this position are not expected on Kafka; their records in ``parts`` are skipped.

        ``look_back``: compare these records with their rows instead of skipping, because one of them may have been
        added.
        """
        self._store = store
        self.parts = parts
        self._after = after
        self._look_back = look_back
        self._before: list[tuple[int, Record, bool]] = []
        self._known: dict[str, dict[bytes, _Kind]] = {}
        keys = _Keys(registry)
        for schema in registry.latest.values():
            self._known.setdefault(schema.topic, {})[schema.type.encode()] = _Kind(schema, keys)
        self._times: dict[bytes, tuple[str, bytes]] = {}

    def windows(self) -> Iterator[Window]:
        """All non-empty windows, in order. Raises KafkaError, and the store's errors."""
        at = self._after + 1 if self._after else LOWEST
        with ThreadPoolExecutor(1) as pool:
            ahead: Future[list[Row]] = pool.submit(self._store.window, at, at + WINDOW)
            while (start := self._next(at, ahead.result())) is not None:
                rows = ahead.result() if start == at else self._store.window(start, start + WINDOW)
                at = start + WINDOW
                ahead = pool.submit(self._store.window, at, at + WINDOW)
                yield self._compared(Window(start, at, rows, {int(row[0][: row[0].index(b"\n")]): row for row in rows}))

    def _compared(self, window: Window) -> Window:
        window.lacking = dict(window.held)
        for part in self.parts:
            self._take(part, window)
        return window

    def _next(self, at: int, ahead: Sequence[Row]) -> int | None:
        """Where the next window starts: at ``at``, or later if the positions there are empty."""
        if ahead:
            return at
        heads = [self._store.next_at(at), *(part.next_position() for part in self.parts)]
        return min((max(at, head) for head in heads if head is not None), default=None)

    def _take(self, part: Part, window: Window) -> None:
        """Compare the partition's records below the window's end with their rows."""
        for chunk in part.chunks(window.end):
            self._hold(chunk, part, window)
            if self._before:
                self._hold_before(part, window)

    def _hold(self, chunk: Iterable[tuple[int, Record]], part: Part, window: Window) -> None:
        """Compare one chunk; the inner loop that dominates the time of ``verify``."""
        expected, known, times = window.lacking, self._known.get(part.topic, {}), self._times
        at_home, last = part.at_home, part.last
        for position, record in chunk:
            _, _, _, key, value, headers = record
            try:
                heading, stored = expected[position]
                digits, event_type, aggregate, version, _ = heading.split(b"\n")
                kind = known[event_type]
                if (
                    at_home
                    and position > last
                    and value == stored
                    and key == (aggregate if kind.plain else kind.key_of(value))
                    and headers
                    == (
                        SPEC,
                        ("ce_id", aggregate + b"/" + version),
                        kind.ce_type,
                        SOURCE,
                        ("ce_subject", aggregate),
                        times.get(value[STAMPED]) or self._time(value),
                        CONTENT,
                        ("position", digits),
                        ("version", version),
                    )
                ):
                    last = position
                    del expected[position]
                    continue
            except (LookupError, ValueError):
                pass  # _odd classifies it
            part.last = last
            self._odd(position, record, part, window)
            last = part.last
        part.last = last

    def _time(self, value: bytes) -> tuple[str, bytes]:
        if len(self._times) > HELD:
            self._times.clear()
        made = self._times[value[STAMPED]] = ("ce_time", rfc3339(first_long(value)))
        return made

    def _odd(self, position: int, record: Record, part: Part, window: Window) -> None:
        """Classify a record that is not simply the next one of its partition."""
        if not position or position != position_of(record):
            what = "its position header is not in the form the relay writes"
            window.wrong.append(Wrong(part.last, record, None, what))
            return
        if position <= self._after:
            if self._look_back:
                self._before.append((position, record, position <= part.last))
            part.last = max(part.last, position)
            return
        if (row := window.lacking.pop(position, None)) is not None:
            behind = f"it comes after position {part.last} in its partition" if position < part.last else ""
            if what := self._what(part, record, row) or behind:
                window.wrong.append(Wrong(position, record, row, what))
        elif (row := window.held.get(position) or self._earlier(position, window)) is not None:
            self._again(part, record, row, window)
        else:
            window.strange.append((position, record))
        part.last = max(part.last, position)

    def _hold_before(self, part: Part, window: Window) -> None:
        """Compare records of earlier rows, which are not checked otherwise; one out of place counts as a repeat."""
        rows = {_position(row): row for row in self._store.rows_at([position for position, _, _ in self._before])}
        for position, record, is_behind in self._before:
            if (row := rows.get(position)) is None:
                window.strange.append((position, record))
            elif is_behind:
                self._again(part, record, row, window)
            elif what := self._what(part, record, row):
                window.wrong.append(Wrong(position, record, row, what))
        self._before = []

    def _again(self, part: Part, record: Record, row: Row, window: Window) -> None:
        """A second record of a position."""
        if what := self._what(part, record, row):
            window.wrong.append(Wrong(_position(row), record, row, f"a second record of the position, of which {what}"))
        else:
            window.repeats += 1

    def _earlier(self, position: int, window: Window) -> Row | None:
        return self._store.row(position) if position < window.start else None

    def _what(self, part: Part, record: Record, row: Row) -> str:
        """How a record differs from what the relay makes of the row; empty if it does not."""
        heading, stored = row
        if record.value != stored:
            return "the bytes differ from those stored"
        digits, event_type, aggregate, version = lines_of(heading)
        if (kind := self._known.get(part.topic, {}).get(event_type)) is None:
            return f"the topic is not that of {event_type.decode(errors='replace')}"
        try:
            time, key = self._time(stored), aggregate if kind.plain else kind.key_of(stored)
        except (LookupError, ValueError):
            return NO_EVENT
        should: Mapping[str, bytes] = dict(
            [
                SPEC,
                ("ce_id", aggregate + b"/" + version),
                kind.ce_type,
                SOURCE,
                ("ce_subject", aggregate),
                time,
                CONTENT,
                ("position", digits),
                ("version", version),
            ]
        )
        if names := [name for name, content in should.items() if dict(record.headers).get(name) != content]:
            return f"the header {names[0]} differs from the stored event"
        if record.headers != tuple(should.items()):
            return "the headers are not an event's headers"
        if record.key != key:
            return "the key is not the event's"
        return "" if partition_of(key, part.count) == part.partition else "the partition is not that of its key"


def _position(row: Row) -> int:
    return int(row[0][: row[0].index(b"\n")])
