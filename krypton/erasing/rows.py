"""Overwrites what rows of views hold of erased people, in every version, once it has read that they are erased.

A version that is being built may hold in memory what it decrypted before the key was destroyed, and the tables of
another release are not known here: rows are overwritten once no version is being built, and only this program's are
left. Large tables take long to search, so a thread of its own does it, and the sender asks from time to time.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from threading import Thread
from typing import Final

from krypton.bootstrap import Krypton
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

    def overwritten(self, ours: Krypton, causes: Mapping[str, int]) -> Mapping[str, Sequence[str]]:
        """Of whom no row tells any more; nobody, while a version has not read all, or is not known here."""
        if self._running is None:
            if time.monotonic() < self._look_at or (versions := self._versions(ours, causes)) is None:
                return {}
            projections = [ours.projection(one["view"], one["version"]) for one in versions]
            self._running = _Running(ours.addresses.database, projections, list(causes))
            self._running.start()
        self._running.join(WAIT_S)
        if self._running.is_alive():
            return {}
        ended, self._running = self._running, None
        if ended.wrong:
            raise ended.wrong
        return {identity: () for identity in ended.erased if identity in causes}

    def _versions(self, ours: Krypton, causes: Mapping[str, int]) -> list[catalog.Version] | None:
        """Every version, where all may be changed now."""
        self._look_at = time.monotonic() + LOOK_AGAIN_S
        if ours.vault.destroyed(causes) != causes.keys():
            return None
        with ours.snapshot() as connection:
            versions = catalog.versions(connection)
        position = max(causes.values())
        return versions if all(self._may_be_changed(ours, one, position) for one in versions) else None

    def _may_be_changed(self, ours: Krypton, one: catalog.Version, position: int) -> bool:
        if one["state"] in (catalog.BUILDING, catalog.ASIDE) or one["code"] != self._codes.get(one["view"]):
            return False
        if one["until"] is not None:  # it stands still, and nobody writes to it
            return True
        place = one["view"], position
        if place not in self._offsets:
            if (found := lag.offsets_behind(ours, one["topics"], position)) is None:
                return False
            self._offsets = {known: ends for known, ends in self._offsets.items() if known[1] == position}
            self._offsets[place] = found
        return lag.has_read(ours, one["view"], one["version"], self._offsets[place])


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
