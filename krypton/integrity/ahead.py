"""Reads the event store for ``audit verify`` one window ahead, in a process of its own, where there is a core for it.

Reading, hashing and working out what Kafka must hold take the longest; the process that asks compares meanwhile. The
other one shares its snapshot. Until it has started, and where it ends, windows are read here: slower, and the same.
"""

import marshal
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Final

from adapters.eventstore.scan import Row, Scan
from domain.proofs import leaf
from domain.proofs.merkle import HASH_BYTES
from schemas.registry import registry
from streams.reading.record_tails import Expected, RecordTails, Times, kinds
from streams.reading.windows import Prepared

LEAST_EVENTS: Final = 60_000
"""A process takes half a second to start: fewer are read before."""
LEAST_CORES: Final = 3
"""PostgreSQL and one process keep two busy: a further process would only take turns with them."""
GONE: Final = (EOFError, OSError)


class Ahead:
    """The event store of a scan, in a ``with`` block, for one thread at a time. See ``Store``."""

    def __init__(self, database: str, scan: Scan, events: int) -> None:
        """``events``: how many there are to read, about."""
        self._scan = scan
        self._pipe: Connection | None = None
        self._has_begun = False
        if events >= LEAST_EVENTS and (os.cpu_count() or 1) >= LEAST_CORES:
            context = get_context("spawn")  # a fork would share connections and threads
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(
                target=prepare, args=(theirs, database, scan.snapshot()), name="verify ahead", daemon=True
            )
            self._process.start()
            theirs.close()

    def __enter__(self) -> "Ahead":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pipe is not None:
            self._process.terminate()  # first: it wakes a thread that waits for it
            self._process.join()
            self._process.close()
            self._pipe.close()

    def window(self, start: int, end: int) -> Sequence[Row]:
        """See ``Store``."""
        with suppress(*GONE):
            if self._pipe is not None and not self._pipe.closed and self._begun(self._pipe):
                self._pipe.send_bytes(marshal.dumps((start, end)))
                positions, leaves, told = marshal.loads(self._pipe.recv_bytes())  # noqa: S302 - our own process sent it
                expected = None if told is None else {place: Expected(*one) for place, one in told.items()}
                hashes = [leaves[at : at + HASH_BYTES] for at in range(0, len(leaves), HASH_BYTES)]
                return Prepared(positions, hashes, expected, lambda: self._scan.window(start, end))
        return self._scan.window(start, end)

    def next_at(self, position: int) -> int | None:
        """See ``Store``."""
        return self._scan.next_at(position)

    def row(self, position: int) -> Row | None:
        """See ``Store``."""
        return self._scan.row(position)

    def rows_at(self, positions: Sequence[int]) -> list[Row]:
        """See ``Store``."""
        return self._scan.rows_at(positions)

    def _begun(self, pipe: Connection) -> bool:
        if not self._has_begun and pipe.poll():
            pipe.recv_bytes()
            self._has_begun = True
        return self._has_begun


def prepare(pipe: Connection, database: str, snapshot: str) -> None:
    """In the other process: answer until nobody asks any more. Ctrl-C is the first one's to tell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Scan(database, snapshot=snapshot) as scan, suppress(*GONE):
        tails = RecordTails(kinds(registry()), Times())
        pipe.send_bytes(b"ready")
        while True:
            start, end = marshal.loads(pipe.recv_bytes())  # noqa: S302 - our own process sent it
            rows = scan.window_alone(start, end)
            expected = tails.of(rows)
            told = None if expected is None else {place: tuple(one) for place, one in expected.items()}
            positions = [leaf.position_of(heading) for heading, _ in rows]
            pipe.send_bytes(marshal.dumps((positions, b"".join(leaf.hashes(rows)), told)))
