"""Exponential backoff while a service is unavailable, with one log message per outage."""

import logging
import threading
import time

log = logging.getLogger(__name__)

FIRST_S, MOST_S = 0.2, 3.0
REPEAT_S = 30.0


class Backoff:
    """Pauses that double up to ``MOST_S``; ``reset`` after a success."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._pause = FIRST_S
        self._said = ("", 0.0)

    def wait(self, why: str) -> None:
        """Log the reason if it is new, then pause; returns at once when told to stop."""
        text, at = self._said
        if why != text or time.monotonic() - at > REPEAT_S:
            log.warning("%s", why)
            self._said = (why, time.monotonic())
        self._stop.wait(self._pause)
        self._pause = min(self._pause * 2, MOST_S)

    def reset(self) -> None:
        """Call when the service is available again."""
        self._pause = FIRST_S
        self._said = ("", 0.0)
