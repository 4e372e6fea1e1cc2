"""Applies fetched records to a view in batches; closed during a rebalance so that no stale record is applied.

All waiting records go into one transaction; a single record is applied at once. Where nobody waits for a row, as in a
policy, no more is fetched for a while after a fetch with few records, so that what comes meanwhile goes together.
Between ``shut`` and ``open`` nothing is applied: records fetched before a rebalance are dropped, and a running batch is
awaited, so that a partition's next owner finds its true position.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from domain.errors import StoreAway
from schemas.event import Record
from streams.processor.positioned_consumer import Positions
from streams.processor.view import View

log = logging.getLogger(__name__)

BATCH = 1_000
WAITING = 4  # fetches that may wait; beyond that the consumer pauses
PAUSE_FIRST_S, PAUSE_MOST_S = 0.1, 3.0
T = TypeVar("T")


class Run(NamedTuple):
    """The records of one fetch, and the consumer group's generation at that time."""

    generation: int
    records: Sequence[Record]


class Applier:
    """Feeds one view. All calls to the view run one at a time, in a thread of its own."""

    def __init__(self, view: View, *, batch: int = BATCH, rest_s: float = 0.0) -> None:
        self._view = view
        self._most = batch
        self._rest_s = rest_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=view.name)
        self._arrived: asyncio.Queue[Run] = asyncio.Queue(WAITING)
        self._left: deque[Record] = deque()
        self._generation: int | None = None
        self._busy = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._applied: dict[tuple[str, int], int] = {}
        self.heads: dict[tuple[str, int], int] = {}
        """(topic, partition) to the offset to read next, as far as this worker knows."""

    async def positions(self) -> Positions:
        """The view's positions; waits while the store is unavailable. Raises StoreAway only if told to stop
        meanwhile.
        """
        found = await self._with_retries(self._view.positions, go_on=lambda: not self._stopping.is_set())
        self.heads = dict(found)
        return found

    @property
    def idle(self) -> bool:
        """Whether nothing is waiting or running."""
        return self._arrived.empty() and not self._left and not self._busy.locked()

    def open(self, generation: int) -> None:
        """Accept fetches of this group generation."""
        self._generation = generation

    async def shut(self) -> None:
        """Drop what waits; returns when the running batch is done."""
        self._generation = None
        async with self._busy:
            self._left.clear()
            while not self._arrived.empty():
                self._arrived.get_nowait()

    async def put(self, run: Run) -> None:
        """Queue a fetch; waits while the queue is full."""
        await self._arrived.put(run)

    def applied(self) -> Positions:
        """(topic, partition) to the offset after the last applied record, for those that moved since the last call."""
        moved, self._applied = self._applied, {}
        return moved

    def rest_after(self, records: int) -> float:
        """Seconds for which no more is fetched after so many records; none after as many as one transaction takes."""
        return self._rest_s if 0 < records < self._most else 0.0

    async def run(self) -> None:
        """Apply batches for ever. Raises the view's errors except StoreAway; then nothing more is applied."""
        while True:
            self._take(await self._arrived.get())
            while await self._apply():
                pass

    async def _apply(self) -> bool:
        """Apply the next batch; returns whether there was one."""
        async with self._busy:
            if not (batch := self._batch()):
                return False
            try:
                await self._with_retries(self._view.apply, batch, go_on=lambda: self._generation is not None)
            except StoreAway:
                return False  # shut meanwhile: nothing was applied; the partition's next owner reads it again
            moved = {(r.topic, r.partition): r.offset + 1 for r in batch}
            self._applied.update(moved)
            self.heads.update(moved)
            return True

    async def beside(self, call: Callable[[], None]) -> None:
        """Run a call in the view's thread between two batches, unless closed. Raises its errors."""
        if self._stopping.is_set():
            return
        await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def close(self) -> None:
        """Stop for good after the running batch."""
        self._stopping.set()
        await self.shut()
        self._thread.shutdown(wait=False)

    def _take(self, run: Run) -> None:
        if run.generation == self._generation:
            self._left.extend(run.records)

    def _batch(self) -> list[Record]:
        """The next waiting records in order, at most ``batch``; none while shut."""
        while len(self._left) < self._most and not self._arrived.empty():
            self._take(self._arrived.get_nowait())
        if self._generation is None:
            self._left.clear()
        return [self._left.popleft() for _ in range(min(self._most, len(self._left)))]

    async def _with_retries(self, call: Callable[..., T], *arguments: Any, go_on: Callable[[], bool]) -> T:
        """Call the view in its thread, retrying while its store is unavailable and ``go_on`` is true."""
        pause = PAUSE_FIRST_S
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)
            except StoreAway as away:
                if not go_on():
                    raise
                if pause == PAUSE_FIRST_S:  # logged once, not at each retry
                    log.warning("waiting for the database: %s", away)
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE_MOST_S)
