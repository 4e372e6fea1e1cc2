"""Runs a function in several processes side by side; the answers come in the order of what it was given.

The processes are new ones (a fork would share connections and threads), give way to the relay and the workers, and end
with the one that started them, also where that is killed.
"""

import gc
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Final, Protocol, TypeVar

G = TypeVar("G")
A = TypeVar("A")
NICE: Final = 10
ORPHANED: Final = 75  # EX_TEMPFAIL: the parent process ended
AHEAD: Final = 2
"""Of what each process is given next so many wait, so that none is idle and memory holds few."""


class Run(Protocol):
    """Calls a function with each of what is given, in order. What is sent to another process must be picklable."""

    def __call__(self, function: Callable[[G], A], given: Iterable[G], /) -> Iterator[A]: ...


@contextmanager
def side_by_side(count: int) -> Iterator[Run]:
    """``count`` processes; 1: this one."""
    if count == 1:
        yield map
        return
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_begin)

    def run(function: Callable[[G], A], given: Iterable[G], /) -> Iterator[A]:
        waiting: deque[Future[A]] = deque()
        for one in given:
            waiting.append(pool.submit(function, one))
            if len(waiting) > AHEAD * count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    try:
        yield run
    finally:
        pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """In a process of a pool: end when the one that started it is killed."""
    Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _begin() -> None:
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal: who started it ends it
    os.nice(NICE)
    gc.disable()  # what is sent and answered holds no cycles; walking over a large part's records doubles its time


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "a child process has a parent"
    parent.join()
    os._exit(ORPHANED)
