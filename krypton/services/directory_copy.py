"""Answers which establishment an AE title belongs to from a local copy of all AE titles, refreshed in the background.

However many callers knock at once, one thread alone asks the event store. A caller that the copy knows waits for
nothing; one that it does not know waits for one fresh look, which all who ask meanwhile share. Where the event store
does not answer, an unknown caller is told at once that it cannot be told now, and a known one goes on to be known for
``MOST_AGE_S``: what it sends waits in the spool.
"""

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from threading import Condition, Thread
from typing import Final

log = logging.getLogger(__name__)

REFRESH_S: Final = 2.0
MOST_AGE_S: Final = 3_600.0  # nobody leaves the directory, so that an old copy lets in nobody who would be refused
WAIT_S: Final = 1.0


class NotKnownNow(Exception):
    """Whether a caller is enrolled cannot be told now: it may call again."""


class DirectoryCopy:
    """Call ``start``, ask ``site_of`` from any thread, then ``stop``. ``read``: AE title to site, as of now."""

    def __init__(self, read: Callable[[], Mapping[str, str]], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read, self._clock = read, clock
        self._changed = Condition()
        self._sites: Mapping[str, str] | None = None
        self._at = 0.0
        self._asked = self._looked = 0  # looks that were asked for, and the last of them that was answered
        self._away = self._told = self._stopping = False
        self._thread = Thread(target=self._run, name="directory", daemon=True)

    def start(self) -> None:
        """Begin, without waiting for the first copy."""
        self._thread.start()

    def stop(self) -> None:
        """End, after a look that is under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(WAIT_S)

    def site_of(self, ae_title: str) -> str | None:
        """The code of the establishment that may send under that AE title; None: of none. Raises NotKnownNow."""
        with self._changed:
            if (site := self._known(ae_title)) is not None:
                return site
            if self._away:
                raise NotKnownNow
            self._asked += 1
            mine = self._asked
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._looked >= mine or self._away, WAIT_S)
            if self._looked < mine:
                self._away = True  # nobody else waits for it, until it answers
                raise NotKnownNow
            return self._known(ae_title)

    def _known(self, ae_title: str) -> str | None:
        if self._sites is None or self._clock() - self._at > MOST_AGE_S:
            return None
        return self._sites.get(ae_title)

    def _run(self) -> None:
        while not self._stopping:
            asked = self._asked
            self._look(asked)
            with self._changed:
                self._changed.wait_for(partial(self._is_wanted, asked), REFRESH_S)

    def _is_wanted(self, answered: int) -> bool:
        """Whether somebody waits for a look before the next one is due."""
        return self._stopping or (self._asked > answered and not self._away)

    def _look(self, asked: int) -> None:
        begun = self._clock()
        try:
            found = self._read()
        except Exception as failed:  # whatever it is, the next look may succeed
            with self._changed:
                if not self._told:
                    log.warning(
                        "the directory cannot be read (%s): unknown callers are told to try again",
                        type(failed).__name__,
                    )
                self._away = self._told = True
                self._changed.notify_all()
            return
        with self._changed:
            self._sites, self._at, self._looked = found, begun, asked
            self._away = self._told = False
            self._changed.notify_all()
