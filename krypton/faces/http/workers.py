"""Threads in which a face asks the ledger: as many at once as it may hold connections, and few that wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from http import HTTPStatus
from typing import Any, TypeVar

from krypton.faces.http.problem import Problem

T = TypeVar("T")


class Workers:
    """``most`` at once, and ``waiting`` more whose turn comes. What has begun goes on where nobody waits for it any
    more: its connection is in use until then, so its place is taken, too.
    """

    def __init__(self, most: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(most, "asking")
        self.room = most + waiting

    async def run(self, work: Callable[[], T]) -> T:
        """The outcome of ``work``, which sees this task's context variables. Raises Problem 503: too many wait."""
        if self.room <= 0:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "too many ask at once: ask again", headers={"Retry-After": "1"}
            )
        loop = asyncio.get_running_loop()
        self.room -= 1
        future = self._pool.submit(copy_context().run, work)

        def done(_: Future[Any]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._give_back)

        future.add_done_callback(done)
        return await asyncio.wrap_future(future)

    def soon(self, work: Callable[[], object]) -> None:
        """Have it done, whoever waits and whatever becomes of the request."""
        with suppress(RuntimeError):  # closed: the process ends
            self._pool.submit(work)

    def later(self, work: Callable[[], None]) -> None:
        """Have it done by a thread that has nothing else to do, if it comes to that; any thread may ask."""
        with suppress(RuntimeError):  # they stop
            self._pool.submit(work)

    def _give_back(self) -> None:
        self.room += 1

    def close(self) -> None:
        """Wait for what has begun; what waits for its turn is dropped."""
        self._pool.shutdown(cancel_futures=True)
