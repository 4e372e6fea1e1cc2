"""Keeps what established associations bring: a thread for each."""

import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

from adapters.dicom.network.agreed import Agreed, Patience
from adapters.dicom.network.association import Association, Serve, ToStore
from adapters.dicom.store import Bounds, Incoming, Sender
from adapters.dicom.taking import Taking
from adapters.inbox.batches import Limits
from adapters.inbox.recorder import Executes
from adapters.inbox.spool import Spool

log = logging.getLogger(__name__)

MAX_PDU = 131_072  # bytes: few reads for an image, and little memory for an association


@dataclass(frozen=True, kw_only=True)
class Ways:
    """How instances are received."""

    batches: Limits = field(default_factory=Limits)
    bounds: Bounds = field(default_factory=Bounds)
    patience: Patience = field(default_factory=Patience)


class Receiver:
    """Call ``start``, ``take`` associations, then ``stop``."""

    def __init__(self, ledger: Executes, spool: Spool, ways: Ways, serve: Serve | None = None) -> None:
        self._ways, self._serving = ways, serve
        self._taking = Taking(ledger, spool, ways.batches, ways.bounds)
        self._open: dict[Association, Thread] = {}
        self._lock = Lock()
        self._stopping = Event()

    def start(self) -> None:
        """Complete what a killed process left, then be ready."""
        self._taking.start()

    def take(self, connection: socket.socket, agreed: Agreed, ended: Callable[[], None]) -> None:
        """Serve an association that was accepted; ``ended`` is called after it."""

        sender = Sender(site=agreed.site, actor=f"aet:{agreed.calling}", title=agreed.calling)

        def begin(asked: ToStore) -> Incoming:
            return self._taking.begin(asked, sender, association)

        association = Association(
            connection, agreed, begin, self._ways.patience, MAX_PDU, self._stopping.is_set, self._serving
        )
        thread = Thread(target=self._serve, args=(association, ended), name=f"dicom {agreed.address}", daemon=True)
        with self._lock:
            self._open[association] = thread
        thread.start()

    def _serve(self, association: Association, ended: Callable[[], None]) -> None:
        try:
            association.run()
        except Exception as broken:  # Krypton's own fault: it costs this association, and no other
            log.error("association of %r broke (%s)", association.agreed.calling, type(broken).__name__)
        finally:
            self._taking.end(association)
            with self._lock:
                del self._open[association]
            ended()

    def stop(self, grace_s: float = 5.0) -> None:
        """Wait up to ``grace_s`` for messages to end, then close associations; record open batches. The rest stays in
        the spool.
        """
        self._stopping.set()
        until = time.monotonic() + grace_s
        with self._lock:
            ending = dict(self._open)
        for association, thread in ending.items():
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                association.close()
                thread.join(grace_s)
        self._taking.stop()

    @property
    def resuming(self) -> int:
        """How many batches that a killed process left are not recorded yet."""
        return self._taking.resuming

    @property
    def waiting(self) -> int:
        """How many closed batches are not recorded yet."""
        return self._taking.waiting
