"""Waiting for a service that is away: longer each time, never too long, and said once, not each time."""

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
        """Log what is waited for, if that is news, and pause; returns at once when told to stop."""
        text, at = self._said
        if why != text or time.monotonic() - at > REPEAT_S:
            log.warning("%s", why)
            self._said = (why, time.monotonic())
        self._stop.wait(self._pause)
        self._pause = min(self._pause * 2, MOST_S)

    def reset(self) -> None:
        """The service is back."""
        self._pause = FIRST_S
        self._said = ("", 0.0)
