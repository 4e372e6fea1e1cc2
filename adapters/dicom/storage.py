"""The DICOM storage service: lets enrolled callers in, stores each instance on disk before answering, records studies.

It accepts all storage classes, private and unknown ones too, in whatever transfer syntax the sender proposes first: no
pixel is decoded and no byte changed. The caller is checked when it requests the association. Standard: DICOM PS3.4
Annex B (Storage), PS3.7, PS3.8.
"""

import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.dicom.network.admission import CALLING_NOT_RECOGNIZED, WHY, Admission, SiteOf, Slots
from adapters.dicom.network.agreed import Agreed
from adapters.dicom.network.association import Serve
from adapters.dicom.network.contexts import COMMITMENT, SERVES
from adapters.dicom.network.knocking import Waits
from adapters.dicom.network.pdu import Rejection
from adapters.dicom.network.reception import BACKLOG, Reception
from adapters.dicom.network.request import Request
from adapters.dicom.receiver import MAX_PDU, Receiver, Ways
from adapters.dicom.strangers import Caller, Strangers
from adapters.inbox.recorder import Executes
from adapters.inbox.spool import Spool

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Where callers are listened to, and how many. ``port`` 0 chooses a free one."""

    ae_title: str = "KRYPTON"
    host: str = "127.0.0.1"
    port: int = 11112
    slots: Slots = field(default_factory=Slots)
    waits: Waits = field(default_factory=Waits)
    tls: ssl.SSLContext | None = None
    queries: bool = False
    """Whether callers may ask for personal data: they are who they say."""


class StorageService:
    """The storage SCP. Call ``start``, then ``stop``. ``refused``: told of callers that are not enrolled; ``serve``:
    with queries, retrievals and commitments.
    """

    def __init__(
        self,
        *,
        ledger: Executes,
        spool: Spool,
        site_of: SiteOf,
        refused: Callable[[Caller], None],
        doors: Doors | None = None,
        ways: Ways | None = None,
        serve: Serve | None = None,
    ) -> None:
        self._doors = doors or Doors()
        self._strangers = Strangers(refused)
        offers = (SERVES if self._doors.queries else (COMMITMENT,)) if serve else ()
        self._admission = Admission(self._doors.ae_title, site_of, self._doors.slots, offers)
        self._receiver = Receiver(ledger, spool, ways or Ways(), serve)

    def start(self) -> None:
        """Complete what a killed process left, then listen. Raises OSError if the port is taken."""
        family = socket.AF_INET6 if ":" in self._doors.host else socket.AF_INET
        self._listening = socket.create_server(
            (self._doors.host, self._doors.port), family=family, backlog=BACKLOG, reuse_port=False
        )
        self.port = int(self._listening.getsockname()[1])
        try:
            self._receiver.start()
        except BaseException:
            self._listening.close()
            raise
        self._reception = Reception(
            self._listening,
            self._admission,
            self._welcome,
            self._turned_away,
            self._doors.waits,
            MAX_PDU,
            self._doors.tls,
        )
        self._strangers.start()
        self._reception.start()
        log.info("DICOM storage: AE title %s on port %s", self._doors.ae_title, self.port)

    def stop(self, grace_s: float = 5.0) -> None:
        """Listen no more; wait up to ``grace_s`` for associations to end; record open batches. The rest stays in the
        spool.
        """
        self._reception.stop()
        self._receiver.stop(grace_s)
        self._strangers.stop()

    @property
    def resuming(self) -> int:
        """How many batches that a killed process left are not recorded yet."""
        return self._receiver.resuming

    @property
    def waiting(self) -> int:
        """How many closed batches are not recorded yet."""
        return self._receiver.waiting

    @property
    def associations(self) -> int:
        """How many associations are open."""
        return self._admission.taken

    @property
    def callers(self) -> int:
        """How many connections have no association yet."""
        return self._reception.waiting

    def _welcome(self, connection: socket.socket, agreed: Agreed) -> None:
        self._receiver.take(connection, agreed, lambda: self._admission.leave(agreed))

    def _turned_away(self, request: Request, address: str, why: Rejection) -> None:
        log.warning(
            "association refused: calling AE title %r from %s to %r: %s",
            request.calling,
            address,
            request.called,
            WHY[why],
        )
        if why == CALLING_NOT_RECOGNIZED:
            self._strangers.report(Caller(ae_title=request.calling, called=request.called, address=address))
