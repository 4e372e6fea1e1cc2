"""Keeps the archive's files: makes those of studies that have grown, at once, and reads instances again in between.

What was filed leaves a mark (``adapters.inbox.filed``), which is removed when the files are made: so nothing is
forgotten, whatever a process dies at, and any number of processes may do it. A process of its own, so that arrival is
not slowed.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import Final

from adapters.archive.moving import Moving
from adapters.archive.scrub import Looked, Pass, orphans
from adapters.archive.study import bring_up_to_date
from adapters.dicom.bounds import MIB, UNBOUNDED, Most
from adapters.inbox.filed import grown
from adapters.inbox.spool import Spool

log = logging.getLogger(__name__)

LOOK_S: Final = 0.3
REST_S: Final = 3_600.0
"""Between two passes of reading everything again."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0


@dataclass
class Keeping:
    """``scrub_mib_s``: so much is read again in a second, at most; 0: nothing is. ``moving``: moves studies once their
    files are made; None: they stay where they came in.
    """

    spool: Spool
    most: Most = UNBOUNDED
    scrub_mib_s: float = 4.0
    moving: Moving | None = None
    _waits: dict[str, tuple[float, float]] = field(default_factory=dict)
    _pass: Iterator[Looked] | None = None
    _next_at: float = 0.0
    _scrubbed: str = ""

    def run(self, stop: Event) -> None:
        """Until ``stop`` is set."""
        if self.moving:
            self.moving.volumes.sweep()
        for study in orphans(self.spool):
            log.warning("study %s: nothing is filed of it: its metadata were deleted", study)
        while not stop.wait(LOOK_S):
            self.make(stop)
            if self.moving:
                self.moving.run(stop)
            if self.scrub_mib_s and time.monotonic() >= self._next_at:
                self._scrub()

    def make(self, stop: Event, step: Callable[[], None] = lambda: None) -> None:
        """Make the files of all studies that have grown; ``step`` is called for each."""
        for study in grown(self.spool):
            if stop.is_set():
                return
            step()
            if self._waits.get(study, (0.0, 0.0))[0] > time.monotonic():
                continue
            try:
                made = bring_up_to_date(self.spool, study, self.most)
                self._waits.pop(study, None)
                self._may_move(study)
                if made.left_out:
                    log.warning("study %s: %s instances cannot be shown: krypton archive check", study, made.left_out)
            except Exception as failed:  # the disk, or a fault of Krypton's own: the others are not to wait for it
                wait = min(2 * self._waits.get(study, (0.0, FIRST_WAIT_S / 2))[1], LONGEST_WAIT_S)
                self._waits[study] = time.monotonic() + wait, wait
                log.warning("study %s: its files could not be made (%s)", study, type(failed).__name__)

    def _may_move(self, study: str) -> None:
        if self.moving:
            self.moving.add(study)

    def _scrub(self) -> None:
        """Read one more instance again, and say when the next one may be."""
        self._pass = self._pass or Pass(self.spool, self.most).steps()
        try:
            looked = next(self._pass, None)
        except OSError as failed:
            log.warning("instances could not be read again (%s)", type(failed).__name__)
            looked = None
        if looked is None:
            self._pass, self._next_at = None, time.monotonic() + REST_S
            return
        if looked.study != self._scrubbed:  # it may have come in before there were volumes
            self._scrubbed = looked.study
            self._may_move(looked.study)
        if looked.problem:
            log.error("instance %s of study %s: %s", looked.claim, looked.study, looked.problem)
        self._next_at = time.monotonic() + looked.size / (self.scrub_mib_s * MIB)
