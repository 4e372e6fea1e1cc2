"""Takes instances in at one desk of the spool, whatever brings them, and has them recorded study by study."""

import time
from collections.abc import Hashable
from functools import partial

from adapters.dicom.batch import Held
from adapters.dicom.bounds import MIB
from adapters.dicom.inlet import batches, recorder
from adapters.dicom.intake import Check
from adapters.dicom.network.association import ToStore
from adapters.dicom.store import Bounds, Incoming, Sender
from adapters.inbox.abandoned import abandoned
from adapters.inbox.batches import Limits
from adapters.inbox.desk import open_desk
from adapters.inbox.recorder import Executes
from adapters.inbox.recording import Recording
from adapters.inbox.spool import Spool


class Taking:
    """Call ``start``, ``begin`` instances from any thread, ``end`` what brought them, then ``stop``."""

    def __init__(self, ledger: Executes, spool: Spool, limits: Limits, bounds: Bounds) -> None:
        self._ledger, self._spool, self._limits, self._bounds = ledger, spool, limits, bounds

    def start(self) -> None:
        """Complete what a killed process left, then be ready. Raises OSError."""
        self._desk = open_desk(self._spool)
        self._adopted = list(abandoned(self._spool))
        self._batches = batches(self._limits)
        self._recording = Recording(recorder(self._desk, self._ledger), self._batches)
        self._recording.start()
        for desk in self._adopted:
            resumed = recorder(desk, self._ledger)
            for batch in resumed.recover():
                self._recording.submit(batch, recorder=resumed)

    def begin(self, asked: ToStore, sender: Sender, feeder: Hashable, check: Check | None = None) -> Incoming:
        """An instance that comes in now; ``feeder``: what brings it (an association, a request)."""
        return Incoming(self._desk, self._bounds, asked, sender, partial(self._gather, feeder), check)

    @property
    def largest(self) -> int:
        """Bytes of the largest instance that is taken."""
        return self._bounds.instance_mib * MIB

    def _gather(self, feeder: Hashable, held: Held) -> None:
        for full in self._batches.add(held, feeder=feeder, now=time.monotonic()):
            self._recording.submit(full)

    def end(self, feeder: Hashable) -> None:
        """Nothing more comes from there: its batches are recorded soon."""
        self._batches.end(feeder, now=time.monotonic())

    def stop(self) -> None:
        """Record open batches; the rest stays in the spool."""
        self._recording.stop()
        for desk in (self._desk, *self._adopted):
            desk.leave()

    @property
    def resuming(self) -> int:
        """How many batches that a killed process left are not recorded yet."""
        return self._recording.resuming

    @property
    def waiting(self) -> int:
        """How many closed batches are not recorded yet."""
        return self._recording.waiting
