"""Works out how far a wait for several things is, from how much is left of each."""

from collections.abc import Callable, Mapping


class Left:
    """How far several things are that are waited for, from how much is left of each.

    ``reach``: told how many of how many are done. What is left may grow meanwhile; then there is more to do, and what
    was done stays done.
    """

    def __init__(self, reach: Callable[[int, int], None]) -> None:
        self._reach = reach
        self._left: dict[str, int] = {}
        self._done: dict[str, int] = {}

    def tell(self, left: Mapping[str, int]) -> None:
        """So much is left of each now."""
        for name, now in left.items():
            self._done[name] = self._done.get(name, 0) + max(0, self._left.get(name, now) - now)
            self._left[name] = now
        done = sum(self._done.values())
        self._reach(done, done + sum(self._left.values()))
