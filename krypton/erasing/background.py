"""Removes in a thread of its own: the sender asks from time to time, and holds its claim no longer than that.

What takes longer than a claim lasts would be taken back and begun again without end.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Thread
from typing import Final

from krypton.bootstrap import Krypton

Done = Mapping[str, Sequence[str]]
Remove = Callable[[Krypton, Mapping[str, int]], Done]
WAIT_S: Final = 2.0
"""For how long the sender waits for the thread, which needs less but for large folders."""


class InBackground:
    """One removal at a time. ``remove``: may be called again for the same people."""

    def __init__(self, remove: Remove, wait_s: float = WAIT_S) -> None:
        self._remove, self._wait_s = remove, wait_s
        self._running: _Running | None = None

    def removed(self, ours: Krypton, causes: Mapping[str, int]) -> Done:
        """Of these people those of whom nothing is left; nobody, while it is under way. Raises what stopped it."""
        if self._running is None:
            self._running = _Running(self._remove, ours, dict(causes))
            self._running.start()
        self._running.join(self._wait_s)
        if self._running.is_alive():
            return {}
        ended, self._running = self._running, None
        if ended.wrong:
            raise ended.wrong
        return {identity: told for identity, told in ended.done.items() if identity in causes}


class _Running(Thread):
    """Removes of these people. ``done``: of whom nothing is left; ``wrong``: what stopped it."""

    def __init__(self, remove: Remove, ours: Krypton, causes: Mapping[str, int]) -> None:
        super().__init__(name="erasure instances", daemon=True)
        self._remove, self._ours, self._causes = remove, ours, causes
        self.done: Done = {}
        self.wrong: Exception | None = None

    def run(self) -> None:
        """See ``Thread``."""
        try:
            self.done = self._remove(self._ours, self._causes)
        except Exception as wrong:
            self.wrong = wrong
