"""How tests and benchmarks wait: for what is to come, and never for a time."""

import asyncio
import time
from collections.abc import Callable

WITHIN_S = 180.0  # what comes within a second on a quiet machine; pytest-timeout ends a whole test after 900
_SHORTEST_S, _LONGEST_S = 0.005, 0.05
_PAUSE_FOR_LOOK, _MOST_S = 3, 0.5


def until(condition: Callable[[], object], what: str, *, longest_pause_s: float = _LONGEST_S) -> float:
    """Wait until ``condition`` holds; returns how long it took, in seconds. Raises AssertionError, which says ``what``.

    It looks often at first, and then each ``longest_pause_s``; a look that takes long, as one at Kafka does, comes more
    seldom, so that who waits takes no processor from what is waited for.
    """
    begin, pause_s = time.monotonic(), _SHORTEST_S
    looked = begin
    while not condition():
        now = time.monotonic()
        assert now - begin < WITHIN_S, f"{what}: not after {now - begin:.0f} s"
        time.sleep(max(min(pause_s, longest_pause_s), min(_PAUSE_FOR_LOOK * (now - looked), _MOST_S)))
        pause_s *= 1.5
        looked = time.monotonic()
    return time.monotonic() - begin


async def until_others(condition: Callable[[], object], what: str) -> None:
    """As ``until``, for what other tasks of the same loop do. Raises AssertionError."""
    begin = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - begin
        assert waited_s < WITHIN_S, f"{what}: not after {waited_s:.0f} s"
        await asyncio.sleep(0)
