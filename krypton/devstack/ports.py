"""Chooses free loopback ports for the embedded servers.

New ports are below the range Linux uses for outgoing connections (32768 to 60999), so that a remembered port is still
free after a restart.
"""

import random
import time

from krypton.errors import ServiceUnavailable
from krypton.listeners import is_taken
from krypton.ports import HOST

RANGE = range(20_000, 32_000)
TRIES = 200
LINGER_S = 3.0


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of the loopback address now."""
    return not is_taken(HOST, port)


def becomes_free(port: int, within_s: float = LINGER_S) -> bool:
    """Whether a remembered port is free or becomes free: the last threads of a killed server hold it for a moment.

    Changing a port without need would cut off every process that knows the old one.
    """
    deadline = time.monotonic() + within_s
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def choose(taken: set[int]) -> int:
    """A free port that is not in ``taken``. Raises ServiceUnavailable if none was found."""
    for port in random.sample(RANGE, TRIES):
        if port not in taken and is_free(port):
            return port
    raise ServiceUnavailable(
        f"no free port on {HOST} in {TRIES} tries between {RANGE.start} and {RANGE.stop - 1}: "
        "close some programs, then run krypton dev up"
    )
