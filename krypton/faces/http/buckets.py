"""Token buckets: how many requests a second each caller may make, and how many at once."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

KEPT: Final = 10_000
"""Callers whose bucket is kept; of more, those that asked longest ago begin again with a full one."""


class Buckets:
    """A bucket for each key: it holds ``burst`` tokens at most, and gets ``rate`` tokens a second."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic, kept: int = KEPT
    ) -> None:
        self._rate, self._burst, self._clock, self._kept = rate, burst, clock, kept
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, cost: float = 1.0) -> float:
        """Take tokens: 0 where there were enough; else none is taken, and it says in how many seconds there are."""
        tokens = self._now(key)
        if tokens < cost:
            return (cost - tokens) / self._rate
        self._keep(key, tokens - cost)
        return 0.0

    def charge(self, key: str, cost: float) -> None:
        """Take tokens whether they are there or not, down to an empty bucket."""
        self._keep(key, max(0.0, self._now(key) - cost))

    def _now(self, key: str) -> float:
        tokens, at = self._held.get(key, (self._burst, self._clock()))
        return min(self._burst, tokens + (self._clock() - at) * self._rate)

    def _keep(self, key: str, tokens: float) -> None:
        self._held[key] = tokens, self._clock()
        self._held.move_to_end(key)
        if len(self._held) > self._kept:
            self._held.popitem(last=False)
