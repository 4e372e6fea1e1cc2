"""The DICOM storage service: stores each received instance on disk before answering, and records studies in batches.

It accepts all storage classes, private and unknown ones too, in whatever transfer syntax the sender proposes first: no
pixel is decoded and no byte changed. The caller is checked when it requests the association. Standard: DICOM PS3.4
Annex B (Storage; statuses in table B.2-1), PS3.7 Annex C, PS3.8 9.3.4 (A-ASSOCIATE-RJ).
"""

import logging
import socket
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from weakref import WeakKeyDictionary

from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification

from adapters.dicom.inlet import batches, recorder
from adapters.dicom.intake import keep_dataset
from adapters.dicom.refusal import DigestDiffers, NothingToRecord
from adapters.inbox.batches import Limits
from adapters.inbox.recorder import Executes
from adapters.inbox.recording import Recording
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Spool

log = logging.getLogger(__name__)

SiteOf = Callable[[str], str | None]
"""AE title to the code of its enrolled establishment."""

REJECTED_PERMANENT, BY_SERVICE_USER, CALLING_NOT_RECOGNIZED = 0x01, 0x01, 0x03  # PS3.8 table 9-21
MOST_ASSOCIATIONS = 100
MAX_PDU = 65_536  # bytes
COMMENT = 64  # characters, PS3.5 6.2, LO


class Status(IntEnum):
    """Answers to a C-STORE."""

    SUCCESS = 0x0000
    DUPLICATE_SOP_INSTANCE = 0x0111  # PS3.7 C.5.6: the UID is in use; here for other bytes, for which we keep the first
    OUT_OF_RESOURCES = 0xA700  # PS3.4 B.2.3: try again later
    DOES_NOT_MATCH_CLASS = 0xA900  # PS3.4 B.2.3: a dose report without dose
    CANNOT_UNDERSTAND = 0xC000  # PS3.4 B.2.3


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A refused caller, as it described itself: untrusted text."""

    ae_title: str
    called: str
    address: str


def configure() -> None:
    """pynetdicom's settings, per process: tolerate senders' errors, and log nothing that names a person."""
    _config.UNRESTRICTED_STORAGE_SERVICE = True
    _config.LOG_HANDLER_LEVEL = "none"
    _config.CODECS = ("ascii", "utf-8", "latin-1")  # an AE title that is not ASCII is an unknown caller, not an abort


class StorageService:
    """The storage SCP of one process. Call ``start``, then ``stop``; ``port`` 0 chooses a free one."""

    def __init__(
        self,
        *,
        ledger: Executes,
        spool: Spool,
        site_of: SiteOf,
        refused: Callable[[Caller], None],
        ae_title: str = "KRYPTON",
        host: str = "",  # all interfaces: modalities are on the hospital's network
        port: int = 11112,
        limits: Limits | None = None,
    ) -> None:
        self._ledger, self._spool, self._site_of, self._refused = ledger, spool, site_of, refused
        self._sites: WeakKeyDictionary[Association, str] = WeakKeyDictionary()  # asked once per association
        self._ae_title, self._address, self._limits = ae_title, (host, port), limits or Limits()

    def start(self) -> None:
        """Complete what a killed process left, then listen. Raises OSError if the port is taken."""
        configure()
        self._batches = batches(self._limits)
        self._desk = self._spool.open_desk()
        self._recording = Recording(recorder(self._desk, self._ledger), self._batches)
        self._adopted = list(self._spool.abandoned())
        self._ae = AE(self._ae_title)
        self._ae.require_called_aet = True
        self._ae.maximum_associations = MOST_ASSOCIATIONS
        self._ae.maximum_pdu_size = MAX_PDU
        self._ae.add_supported_context(Verification)
        try:
            self._server = self._ae.start_server(self._address, block=False, evt_handlers=self._handlers())
        except OSError:
            self._leave()
            raise
        self._recording.start()
        for desk in self._adopted:
            resumed = recorder(desk, self._ledger)
            for batch in resumed.recover():
                self._recording.submit(batch, recorder=resumed)
        log.info("DICOM storage: AE title %s on port %s", self._ae_title, self.port)

    def stop(self, grace_s: float = 5.0) -> None:
        """Wait up to ``grace_s`` for associations to end, then abort them; record open batches. The rest stays in the
        spool.
        """
        self._server.shutdown()
        until = time.monotonic() + grace_s
        while self._ae.active_associations and time.monotonic() < until:
            time.sleep(0.02)
        for association in self._ae.active_associations:
            association.abort()
            association.join(timeout=grace_s)
        self._recording.stop()
        self._leave()

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self._server.server_address[1])

    @property
    def waiting(self) -> int:
        """How many closed batches are not recorded yet."""
        return self._recording.waiting

    def _leave(self) -> None:
        for desk in (self._desk, *self._adopted):
            desk.leave()

    def _handlers(self) -> list[tuple[Any, ...]]:
        ended = [(e, self._ended) for e in (evt.EVT_RELEASED, evt.EVT_ABORTED, evt.EVT_CONN_CLOSE)]
        return [
            (evt.EVT_CONN_OPEN, no_delay),
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_ECHO, lambda event: Status.SUCCESS),
            *ended,
        ]

    def _requested(self, event: Event) -> None:
        """Reject callers that are not enrolled; pynetdicom itself rejects a wrong called AE title."""
        association = event.assoc
        request = association.requestor.primitive
        caller = Caller(
            ae_title=request.calling_ae_title.strip(),
            called=request.called_ae_title.strip(),
            address=association.requestor.address,
        )
        site = self._site(caller.ae_title)
        if caller.called != self._ae_title or site:
            self._sites[association] = site or ""
            return
        log.warning("association refused: calling AE title %r from %s is not enrolled", caller.ae_title, caller.address)
        association.acse.send_reject(REJECTED_PERMANENT, BY_SERVICE_USER, CALLING_NOT_RECOGNIZED)
        evt.trigger(association, evt.EVT_REJECTED, {})
        association.kill()
        try:
            self._refused(caller)
        except Exception as failed:  # the caller is turned away all the same
            log.error("refused caller %r could not be recorded (%s)", caller.ae_title, type(failed).__name__)

    def _site(self, ae_title: str) -> str | None:
        try:
            return self._site_of(ae_title)
        except Exception as failed:  # the directory cannot be asked: nobody is let in unchecked
            log.error("the directory cannot be asked about %r (%s)", ae_title, type(failed).__name__)
            return None

    def _ended(self, event: Event) -> None:
        self._batches.end(event.assoc, now=time.monotonic())

    def _store(self, event: Event) -> Status | Dataset:
        """Answer one C-STORE: success only once the bytes are durable; an identical repeat is a duplicate, not an
        error.
        """
        sender = event.assoc.requestor.ae_title.strip()
        uid = event.request.AffectedSOPInstanceUID
        try:
            if self._spool.is_full():
                log.error("instance %s of %s not stored: the disk is full, free some space", uid, sender)
                return failure(Status.OUT_OF_RESOURCES, "no room on the disk: try again later")
            return self._take(event, sender)
        except DigestDiffers as differs:
            log.warning("instance %s of %s quarantined: %s", uid, sender, differs)
            return failure(Status.DUPLICATE_SOP_INSTANCE, str(differs))
        except NothingToRecord as nothing:
            log.warning("instance %s of %s refused: %s", uid, sender, nothing)
            return failure(Status.DOES_NOT_MATCH_CLASS, str(nothing))
        except Refused as refused:
            log.warning("instance %s of %s refused: %s", uid, sender, refused)
            return failure(Status.CANNOT_UNDERSTAND, str(refused))
        except Exception as broken:  # the peer waits for an answer, whatever broke on our side
            log.error("instance %s of %s could not be kept (%s)", uid, sender, type(broken).__name__)
            return failure(Status.OUT_OF_RESOURCES, "not stored because of a server error: try again later")

    def _take(self, event: Event, sender: str) -> Status:
        held = keep_dataset(
            self._desk,
            event.request.DataSet,
            site=self._sites[event.assoc],
            sender=sender,
            transfer_syntax=event.context.transfer_syntax,
        )
        if held:
            for full in self._batches.add(held, feeder=event.assoc, now=time.monotonic()):
                self._recording.submit(full)
        return Status.SUCCESS


def failure(status: Status, why: str) -> Dataset:
    """The answer to a refused instance, with the reason, shortened, as Error Comment (0000,0902; PS3.7 C.5)."""
    answer = Dataset()
    answer.Status = int(status)
    answer.ErrorComment = textwrap.shorten(why, COMMENT, placeholder="...")
    return answer


def no_delay(event: Event) -> None:
    """Send answers at once: Nagle's algorithm and the peer's delayed acknowledgement would cost 40 ms each."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
