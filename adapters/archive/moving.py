"""Moves studies from where they came in onto the volumes, once their metadata are made; what fails is tried again."""

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final

from adapters.inbox.volumes import Volumes

log = logging.getLogger(__name__)

AGAIN_S: Final = 2.0
"""After which the rest of a study that is still being recorded is moved."""
LATER_S: Final = 60.0
"""After which what could not be moved is tried again."""


@dataclass
class Moving:
    """Call ``add`` with studies, and ``run`` now and then, in one thread."""

    volumes: Volumes
    _due: dict[str, float] = field(default_factory=dict)
    _said: dict[Path, str] = field(default_factory=dict)

    def add(self, study: str) -> None:
        """It has grown, or may have."""
        self._due[study] = 0.0

    def run(self, stop: Event) -> None:
        """Move what is due, until ``stop`` is set."""
        due = [study for study, at in self._due.items() if at <= time.monotonic()]
        if not due or not self._usable():
            return
        for study in due:
            if stop.is_set():
                return
            again_s = self._move(study)
            del self._due[study]
            if again_s:
                self._due[study] = time.monotonic() + again_s

    def _move(self, study: str) -> float:
        """In how many seconds to try the rest of it; 0: there is none."""
        try:
            return AGAIN_S if self.volumes.move(study) else 0.0
        except OSError as failed:  # that disk; the others are not to wait for it
            log.error("study %s could not be moved to a volume: %s", study, failed.strerror or type(failed).__name__)
            return LATER_S

    def _usable(self) -> bool:
        """Whether any volume can be used; those that cannot are named in the log, once."""
        found = self.volumes.look()
        bad = {one.folder: one.why for one in found if one.why}
        for folder, why in bad.items():
            if self._said.get(folder) != why:
                log.error("volume %s is not used: %s", folder, why)
        self._said = bad
        return len(bad) < len(found)
