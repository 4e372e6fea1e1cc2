"""Spreads out what one caller asks for, so that a flood of it costs others little."""

BURST_S = 1.0  # what was not asked for lately may be asked for at once
MANY = 4_096  # keys after which those are forgotten that have waited long enough


class Pace:
    """``per_s``: how many turns a key gets. Not thread-safe; times are a monotonic clock's."""

    def __init__(self, per_s: float) -> None:
        self._every_s = 1.0 / per_s
        self._next: dict[str, float] = {}

    def next(self, key: str, now: float) -> float:
        """When this turn is: ``now``, or later."""
        if len(self._next) >= MANY:
            self._next = {key: at for key, at in self._next.items() if at > now - BURST_S}
        at = max(self._next.get(key, 0.0), now - BURST_S)
        self._next[key] = at + self._every_s
        return max(at, now)
