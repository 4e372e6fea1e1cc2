"""Compares the event store with Kafka: position by position, byte for byte, header for header.

Both are read in windows of positions. Within a window the bytes of each partition's next records are compared with
those that the relay makes of the rows (``streams.reading.page``). From the first oddity on, a window's records
are looked at one by one, each beside the row at its position. Mismatches are collected for the caller:

- ``wrong``: a record that differs from the row at its position, or a record out of order in its partition;
- ``lacking``: rows without a record on Kafka; ``strange``: records at positions where the store has no row;
- ``repeats``: duplicates of an earlier record of the partition. A relay that was frozen may cause them; consumers drop
  them, and they are no difference.

Memory: the rows of one window, and two fetches per partition.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from domain.proofs.columns import Columns
from domain.proofs.leaf import lines_of
from schemas.event import Record
from schemas.registry import Registry
from streams.broker.partition import partition_of
from streams.reading.page import Page, Row, page
from streams.reading.record_source import Part, position_of
from streams.reading.record_tails import CONTENT, SOURCE, SPEC, Expected, Kind, kinds
from streams.reading.windows import Store, Window, Wrong, position_in
from streams.relay.outgoing import first_long, rfc3339

WINDOW: Final = 10_000
LOWEST: Final = -(1 << 63)  # no event is stored below 1; one that somebody put there is found
NO_EVENT: Final = "the bytes are no event"


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
        self._known: dict[str, dict[bytes, Kind]] = {}
        self._kinds = kinds(registry)
        for event_type, kind in self._kinds.items():
            self._known.setdefault(kind.topic, {})[event_type] = kind

    def windows(self) -> Iterator[Window]:
        """All non-empty windows, in order. Raises KafkaError, and the store's errors."""
        at = self._after + 1 if self._after else LOWEST
        with ThreadPoolExecutor(1) as pool:
            ahead: Future[Columns] = pool.submit(self._store.columns, at, at + WINDOW)
            while (start := self._next(at, ahead.result())) is not None:
                columns = ahead.result() if start == at else self._store.columns(start, start + WINDOW)
                at = start + WINDOW
                ahead = pool.submit(self._store.columns, at, at + WINDOW)
                rows = page(columns, self._kinds)
                yield self._compared(Window(start, at, self._store.window(start, at) if rows is None else rows))

    def _compared(self, window: Window) -> Window:
        """What is as it must be is passed, partition by partition; from the first oddity on, records are looked at."""
        expected = window.rows.expected if isinstance(window.rows, Page) else None
        passed: set[int] = set()
        for number, part in enumerate(self.parts):
            if expected is None or not self._passes(part, expected.get((part.topic, part.partition)), window, passed):
                self._look(self.parts[number:], window, passed)
                return window
        if len(passed) < len(window.rows):
            self._look((), window, passed)
        return window

    def _passes(self, part: Part, expected: Expected | None, window: Window, passed: set[int]) -> bool:
        """Whether a partition holds what it must below the window's end, and nothing else."""
        if expected is None:
            return part.is_past(window.end)
        if window.positions[expected.rows[0]] <= part.last:
            return False
        done = part.follow(expected.tails)
        if done:
            passed.update(expected.rows[:done])
            part.last = window.positions[expected.rows[done - 1]]
        return done == len(expected.rows) and part.is_past(window.end)

    def _look(self, parts: Sequence[Part], window: Window, passed: set[int]) -> None:
        """Compare the records of these partitions, one by one, with the rows that were not passed."""
        window.lacking = {position_in(row): row for number, row in enumerate(window.rows) if number not in passed}
        for part in parts:
            self._take(part, window)

    def _next(self, at: int, ahead: Columns) -> int | None:
        """Where the next window starts: at ``at``, or later if the positions there are empty."""
        if ahead.positions:
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
        """Compare one chunk, record by record."""
        expected, known = window.lacking, self._known.get(part.topic, {})
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
                        ("ce_time", rfc3339(first_long(value))),
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
        rows = {position_in(row): row for row in self._store.rows_at([position for position, _, _ in self._before])}
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
            window.wrong.append(
                Wrong(position_in(row), record, row, f"a second record of the position, of which {what}")
            )
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
            time, key = rfc3339(first_long(stored)), aggregate if kind.plain else kind.key_of(stored)
        except (LookupError, ValueError):
            return NO_EVENT
        should: Mapping[str, bytes] = dict(
            [
                SPEC,
                ("ce_id", aggregate + b"/" + version),
                kind.ce_type,
                SOURCE,
                ("ce_subject", aggregate),
                ("ce_time", time),
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
