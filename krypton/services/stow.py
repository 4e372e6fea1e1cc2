"""Keeps what is sent by STOW-RS in the spool of the instances, as the DICOM service keeps what it receives."""

import logging
from collections import Counter
from threading import Lock

from adapters.dicom.network.pdu import Malformed
from adapters.dicom.store import Sender
from adapters.dicom.taking import Taking
from adapters.dicom.upload import Upload
from domain.commands.directory import is_enrolled
from domain.errors import UnknownSite
from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable
from krypton.faces.dicomweb.storing import EndlessFile, TooManyAtOnce
from krypton.services.dicom import ways_of
from krypton.services.spools import spool_at_home

log = logging.getLogger(__name__)

AT_ONCE, OF_ONE = 32, 8
"""Requests that bring files: in all, and of one account."""


class Store:
    """``krypton.faces.dicomweb.storing.Storing``. Call ``start``, and ``close`` at the end."""

    def __init__(self, ours: Krypton) -> None:
        self._ours = ours
        self._lock = Lock()
        self._taking: Taking | None = None
        self._sending: Counter[str] = Counter()
        self._enrolled: set[str] = set()  # nobody leaves the directory

    def start(self) -> None:
        """Complete what a killed process left. Where the folder cannot be used it is tried again with each request."""
        try:
            self._open()
        except ServiceUnavailable as unusable:
            log.warning("images that are sent cannot be kept now: %s", unusable)

    def _open(self) -> Taking:
        """Raises ServiceUnavailable."""
        with self._lock:
            if self._taking is None:
                ways = ways_of(self._ours.settings)
                with spool_at_home(self._ours.settings) as spool:
                    taking = Taking(self._ours.ledger, spool, ways.batches, ways.bounds)
                    taking.start()
                self._taking = taking
            return self._taking

    def begin(self, actor: str, site: str) -> "Request":
        """See ``Storing``."""
        if site not in self._enrolled:
            if not is_enrolled(self._ours.ledger.work([]), site):
                raise UnknownSite(f"no establishment {site} is enrolled: krypton site enroll {site} --name …")
            self._enrolled.add(site)
        taking = self._open()
        with self._lock:
            if self._sending.total() >= AT_ONCE or self._sending[actor] >= OF_ONE:
                raise TooManyAtOnce
            self._sending[actor] += 1
        return Request(self, taking, Sender(site=site, actor=actor))

    def left(self, actor: str) -> None:
        """One request of an account is over."""
        with self._lock:
            self._sending[actor] -= 1

    def close(self) -> None:
        """Record open batches; the rest stays in the spool."""
        if self._taking:
            self._taking.stop()


class Request:
    """``krypton.faces.dicomweb.storing.Sending``."""

    def __init__(self, store: Store, taking: Taking, sender: Sender) -> None:
        self._store, self._taking, self._sender = store, taking, sender

    def file(self, study_uid: str | None) -> "File":
        """See ``Sending``."""
        return File(Upload(self._taking, self._sender, self, study_uid))

    def close(self) -> None:
        """See ``Sending``."""
        self._taking.end(self)
        self._store.left(self._sender.actor)


class File:
    """``krypton.faces.dicomweb.storing.Incoming``."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self.end, self.discard = upload.end, upload.discard

    def write(self, data: memoryview) -> None:
        """See ``Incoming``."""
        try:
            self._upload.write(data)
        except Malformed:
            raise EndlessFile from None
