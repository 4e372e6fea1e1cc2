"""Keeps a DICOM folder clean while its service runs: of whoever was erased since, on whichever machine.

What a killed process left in the folder is recorded again when the service starts. It may be of somebody who is erased,
where the folder is from a backup: so once that is recorded, all is looked at again.
"""

import logging
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from krypton.erasing.again import Again

log = logging.getLogger(__name__)

EVERY_S: Final = 3_600.0
LOOK_S: Final = 1.0
"""How often it is asked whether what was left is recorded."""
MOST_S: Final = 60.0
"""How long at most is waited after a failure before it is asked again."""


class Cleaning(Thread):
    """Call ``start``, then ``stop``. ``resuming``: how much of what was left in the folder is not recorded yet."""

    def __init__(self, again: Again, resuming: Callable[[], int], every_s: float = EVERY_S) -> None:
        super().__init__(name="erasure again", daemon=True)
        self._again, self._resuming, self._every_s = again, resuming, every_s
        self._stopping = Event()

    def stop(self, grace_s: float = 5.0) -> None:
        """Wait up to ``grace_s`` for what is under way. The rest is deleted at the next start."""
        self._stopping.set()
        self.join(grace_s)

    def run(self) -> None:
        """See ``Thread``."""
        whole, at, wait_s = True, time.monotonic() + self._every_s, LOOK_S
        while not self._stopping.wait(min(wait_s, self._every_s)):
            recorded = whole and self._resuming() == 0
            if recorded or time.monotonic() >= at:
                done = self._cleaned(self._again.from_the_start if recorded else self._again.follow)
                whole = whole and not (recorded and done)
                wait_s = LOOK_S if done else min(wait_s * 2, MOST_S)
                at = time.monotonic() + (self._every_s if done else wait_s)

    def _cleaned(self, clean: Callable[[], int]) -> bool:
        try:
            clean()
        except Exception as failed:  # the database or the disk: the next time is about the same people
            log.warning("instances of erased people could not be deleted (%s): tried again", type(failed).__name__)
            return False
        return True
