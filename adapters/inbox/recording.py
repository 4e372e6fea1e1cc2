"""The background thread that records closed batches and retries those that failed.

A failed batch waits with growing delays while others continue. Nothing is dropped: batches not recorded when the thread
stops are in the spool, and the next start finds them.
"""

import heapq
import logging
import time
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any

from adapters.inbox.batches import Batch, Batches
from adapters.inbox.recorder import Recorder

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
TICK_S = 0.2  # a batch may close this much late


@dataclass(order=True)
class Waiting:
    """A batch to record at a time of the monotonic clock."""

    at: float
    order: int
    recorder: Recorder[Any] = field(compare=False)
    batch: Batch = field(compare=False)
    tries: int = field(default=0, compare=False)


class Recording(Thread):
    """Call ``start``, ``submit`` closed batches, then ``stop``."""

    def __init__(self, recorder: Recorder[Any], batches: Batches[Any]) -> None:
        super().__init__(name="inbox-recording", daemon=True)
        self._recorder = recorder
        self._batches = batches
        self._changed = Condition()
        self._waiting: list[Waiting] = []
        self._submitted = 0
        self._resuming = 0
        self._stopping = False

    def submit(self, *batches: Batch, recorder: Recorder[Any] | None = None) -> None:
        """Record these as soon as possible; ``recorder``: of the desk they lie on, if it is another one."""
        with self._changed:
            for batch in batches:
                self._submitted += 1
                self._resuming += recorder is not None
                new = Waiting(0.0, self._submitted, recorder or self._recorder, batch)
                heapq.heappush(self._waiting, new)
            self._changed.notify()

    def stop(self) -> None:
        """Close and record all open batches, once, then end."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self.is_alive():
            self.join()
        self.submit(*self._batches.close_all())
        while self._waiting:
            self._try(heapq.heappop(self._waiting), again=False)

    @property
    def waiting(self) -> int:
        """How many closed batches are not recorded yet."""
        return len(self._waiting)

    @property
    def resuming(self) -> int:
        """How many batches of other desks are not recorded yet."""
        return self._resuming

    def run(self) -> None:
        """Run until stopped."""
        while (task := self._next()) is not None:
            self._try(task, again=True)

    def _next(self) -> Waiting | None:
        """The next batch that is due; None when stopping."""
        with self._changed:
            while not self._stopping:
                now = time.monotonic()
                for batch in self._batches.due(now=now):
                    self._submitted += 1
                    heapq.heappush(self._waiting, Waiting(now, self._submitted, self._recorder, batch))
                if self._waiting and self._waiting[0].at <= now:
                    return heapq.heappop(self._waiting)
                self._changed.wait(TICK_S)
            return None

    def _try(self, task: Waiting, *, again: bool) -> None:
        try:
            task.recorder.record(task.batch)
            self._resuming -= task.recorder is not self._recorder
        except Exception as failed:  # whatever it is, the batch is safe in the spool
            wait = min(FIRST_WAIT_S * 2**task.tries, LONGEST_WAIT_S)
            what = f"asked again in {wait:.1f} s" if again else "left in the spool"
            # Not the message: a database's may quote what it was given.
            log.warning("batch %s could not be recorded (%s): %s", task.batch.command_id, type(failed).__name__, what)
            if again:
                task.at, task.tries = time.monotonic() + wait, task.tries + 1
                with self._changed:
                    heapq.heappush(self._waiting, task)
