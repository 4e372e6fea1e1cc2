"""Overwrites what rows of views hold of erased people, in every version, once it has read that they are erased.

A process may use a key for seconds after it was destroyed, and so may open what was sealed meanwhile: versions have to
have read that too. Rows are overwritten once nothing else keeps them either (``waiting``). Large tables take long to
search, so a thread of its own does it, and the sender asks from time to time.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from threading import Thread
from typing import Final

from adapters.vault.postgres import FRESH_S
from krypton.bootstrap import Krypton
from krypton.erasing import waiting
from krypton.views import lag
from postgres.session import connect
from projections.engine.projection import Projection
from projections.versions import catalog, masking

WAIT_S: Final = 2.0
"""For how long the sender waits for the thread, which needs less but for large tables."""
LOOK_AGAIN_S: Final = 0.5
"""How often it is asked whether the versions may be changed."""


class Overwriting:
    """Remembers where in Kafka a position is, and the digests of this program: neither changes, and both take time."""

    def __init__(self) -> None:
        self._offsets: dict[tuple[str, int], lag.Ends] = {}
        self._codes = lag.own_codes()
        self._running: _Running | None = None
        self._look_at = 0.0
        self._destroyed = Destroyed()

    def overwritten(self, ours: Krypton, causes: Mapping[str, int]) -> Mapping[str, Sequence[str]]:
        """Of whom no row tells any more; nobody, while a version has not read all, or is not known here."""
        if self._running is None:
            if time.monotonic() < self._look_at:
                return {}
            erased = self._destroyed.long_since(ours, causes)
            if not erased or (versions := self._versions(ours, max(erased.values()))) is None:
                return {}
            with ours.snapshot() as connection:  # once the versions have read all
                letters = waiting.letters(ours, connection, erased)
            if not (whole := [one for one in erased if one not in letters]):
                return {}
            projections = [ours.projection(one["view"], one["version"]) for one in versions]
            self._running = _Running(ours.addresses.database, projections, whole)
            self._running.start()
        self._running.join(WAIT_S)
        if self._running.is_alive():
            return {}
        ended, self._running = self._running, None
        self._destroyed.forget(ended.erased)
        if ended.wrong:
            raise ended.wrong
        return {identity: () for identity in ended.erased if identity in causes}

    def _versions(self, ours: Krypton, position: int) -> list[catalog.Version] | None:
        """Every version, where all may be changed now."""
        self._look_at = time.monotonic() + LOOK_AGAIN_S
        with ours.snapshot() as connection:
            versions = catalog.versions(connection)
        return versions if all(self._may_be_changed(ours, one, position) for one in versions) else None

    def _may_be_changed(self, ours: Krypton, one: catalog.Version, position: int) -> bool:
        if waiting.unfit(one, self._codes):
            return False
        place = one["view"], position
        if place not in self._offsets:
            if (found := lag.offsets_behind(ours, one["topics"], position)) is None:
                return False
            self._offsets = {known: ends for known, ends in self._offsets.items() if known[1] == position}
            self._offsets[place] = found
        return lag.has_read(ours, one["view"], one["version"], self._offsets[place])


class Destroyed:
    """Knows whose key no process uses any more, and up to where in the ledger it may have been used."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, float] = {}
        self._upto: dict[str, int] = {}

    def long_since(self, ours: Krypton, identities: Collection[str]) -> Mapping[str, int]:
        """Of these identities those, each with the position up to which events may have been opened."""
        now = self._clock()
        for identity in ours.vault.destroyed(identities):
            self._seen.setdefault(identity, now)
        over = [one for one in identities if now - self._seen.get(one, math.inf) > FRESH_S]
        if new := [one for one in over if one not in self._upto]:
            self._upto |= dict.fromkeys(new, ours.ledger.recorder.max_notification_id() or 0)
        return {one: self._upto[one] for one in over}

    def forget(self, identities: Collection[str]) -> None:
        """Nobody asks about these any more."""
        for identity in identities:
            self._seen.pop(identity, None)
            self._upto.pop(identity, None)


class _Running(Thread):
    """Overwrites the rows of these people in these versions. ``wrong``: what stopped it."""

    def __init__(self, url: str, projections: Sequence[Projection], erased: Sequence[str]) -> None:
        super().__init__(name="erasure rows", daemon=True)
        self._url, self._projections = url, projections
        self.erased = erased
        self.wrong: Exception | None = None

    def run(self) -> None:
        """See ``Thread``."""
        try:
            with closing(connect(self._url, "erasure", settings=masking.SESSION)) as connection:
                for projection in self._projections:
                    masking.mask(connection, projection, self.erased)
        except Exception as wrong:
            self.wrong = wrong
