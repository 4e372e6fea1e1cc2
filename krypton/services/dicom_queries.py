"""Wires DICOM queries, retrievals, commitments and priors to the ledger and to what the spool holds."""

import ssl
from threading import BoundedSemaphore
from typing import Final

from adapters.archive.archive import Archive
from adapters.dicom.network.dimse import Operation
from adapters.inbox.spool import Spool
from adapters.retrieval.commitment import Commitments
from adapters.retrieval.finding import Finder
from adapters.retrieval.giving import Giver
from adapters.retrieval.service import Served
from adapters.tls import calling
from krypton.bootstrap import Krypton, most
from krypton.services.dicom_shelf import LedgerPlaces, LedgerShelf
from krypton.services.priors import PriorsSender
from krypton.settings import Settings

AT_ONCE: Final = 2
"""Threads that ask the ledger at a time: each has a snapshot, and perhaps a connection to the event store."""


class Queries:
    """What an association asks beside storing, and what is sent by itself. Call ``start``, then ``stop``."""

    def __init__(self, ours: Krypton, spool: Spool) -> None:
        turn = BoundedSemaphore(AT_ONCE)
        shelf, archive = LedgerShelf(ours, turn), Archive(spool, most(ours.settings))
        places, title = LedgerPlaces(ours, lambda: _tls(ours.settings), turn), ours.settings.dicom_ae
        giver, finder = Giver(shelf, archive, places, title), Finder(shelf, archive, title)
        self._commitments = Commitments(spool, places, title)
        self._priors = PriorsSender(ours, shelf, archive, places, title)
        self.serve = Served(
            {
                Operation.C_FIND: finder.serve,
                Operation.C_MOVE: giver.serve,
                Operation.C_GET: giver.serve,
                Operation.N_ACTION: self._commitments.serve,
            }
        )

    def start(self) -> None:
        """Begin with what was left."""
        self._commitments.start()
        self._priors.start()

    def stop(self) -> None:
        """End both; the rest goes on after the next start."""
        self._priors.stop()
        self._commitments.stop()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """How applications are called over TLS; None: nothing says whose certificates are taken."""
    files = settings.dicom_tls_cert_file, settings.dicom_tls_key_file, settings.dicom_tls_ca_file
    certificate, key, authorities = files
    return calling(certificate, key, authorities) if certificate and key and authorities else None
