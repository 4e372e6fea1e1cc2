"""What ``krypton run`` looks at before it starts: no second one in this state folder, and who holds a port it needs.

The lock ends with its process, however that ends. A port that is taken stops nothing: the child that needs it is
started again until it is free, and everything else runs.
"""

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from krypton.errors import ServiceUnavailable
from krypton.home import Home
from krypton.listeners import is_taken, listener

LINGER_S = 3.0  # the last threads of a killed process hold its port for a moment


class Needed(NamedTuple):
    """A port that a child is going to listen on, and the variable that sets it."""

    service: str
    host: str
    port: int
    variable: str


@contextmanager
def only_run(home: Home) -> Iterator[None]:
    """Be the only ``krypton run`` of a state folder. Raises ServiceUnavailable, naming the other one's pid."""
    home.root.mkdir(parents=True, exist_ok=True)
    with home.run_lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ServiceUnavailable(
                f"krypton run works in {home.root} already (pid {lock.read().strip() or 'unknown'}): stop that one "
                "first, or set KRYPTON_HOME to another folder"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def taken_ports(needed: Sequence[Needed], within_s: float = LINGER_S) -> Iterator[str]:
    """A line for each port that does not become free in time: who has it, and what to do."""
    deadline = time.monotonic() + within_s
    for one in needed:
        while is_taken(one.host, one.port):
            if time.monotonic() > deadline:
                yield (
                    f"port {one.port}, which {one.service} needs, is held by {listener(one.port)}: stop it, or set "
                    f"{one.variable}; the rest runs, and {one.service} starts when the port is free"
                )
                break
            time.sleep(0.1)
