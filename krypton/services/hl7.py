"""Wires the listener for HL7 messages to the ledger: identity messages and queries."""

import ssl
from threading import BoundedSemaphore, Event

from adapters.hl7.desk import Clerk, Desk
from adapters.hl7.inquiry import Cancelled, Inquiry
from adapters.hl7.intake import Intake
from adapters.hl7.mllp import Bounds
from adapters.hl7.server import Server, Slots
from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable
from krypton.listeners import listener, only_here
from krypton.policies.each import reachable
from krypton.services.directory_copy import DirectoryCopy
from krypton.services.hl7_index import LedgerIndex
from krypton.services.tls import context_of
from krypton.services.together import Together
from krypton.settings import Settings

KIB = 1_024
CLOSED = (
    "queries are answered to senders that a certificate names: set KRYPTON_HL7_TLS_CA_FILE; or on this machine alone"
)


def serve(ours: Krypton, stop: Event) -> None:
    """Take messages until ``stop`` is set. Raises ServiceUnavailable if the port is not available, SettingsWrong."""
    settings = ours.settings
    directory = DirectoryCopy(ours.ledger.log.sites_by_title)
    server = Server(
        settings.hl7_host,
        settings.hl7_port,
        desk(ours, directory).answer,
        _bounds(settings),
        _slots(settings),
        tls(settings),
    )
    directory.start()
    try:
        server.start()
    except OSError as taken:
        directory.stop()
        raise ServiceUnavailable(
            f"port {settings.hl7_port} cannot be opened ({taken.strerror}): stop {listener(settings.hl7_port)}, or set "
            "KRYPTON_HL7_PORT"
        ) from None
    try:
        stop.wait()
    finally:
        server.stop()
        directory.stop()


def desk(ours: Krypton, directory: DirectoryCopy) -> Desk:
    """Who answers what. Queries ask the ledger as many at once as it has connections left beside that by which
    messages are stored: together, whoever sends at the same moment.
    """
    turn = BoundedSemaphore(max(1, ours.pool - 1))
    asked = Inquiry(index=LedgerIndex(ours), ids=ours.ledger.ids, turn=turn, closed=closed(ours.settings))
    taken = Intake(ledger=Together(ours.ledger, lambda: reachable(ours)))
    clerks: dict[str, Clerk] = {"ADT": taken, "QBP": asked, "QCN": Cancelled()}
    return Desk(clerks=clerks, site_of=directory.site_of, real_only=not ours.settings.test_installation)


def closed(settings: Settings) -> str:
    """Why no query is answered; empty where senders are named by certificates, or are on this machine."""
    return "" if settings.hl7_tls_ca_file or only_here(settings.hl7_host) else CLOSED


def tls(settings: Settings) -> ssl.SSLContext | None:
    """The listener's TLS; None where no certificate is set. Raises SettingsWrong."""
    return context_of(settings, "hl7", "HL7 service")


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        most=settings.hl7_message_kib * KIB, idle_s=settings.hl7_idle_s, unfinished_s=settings.hl7_unfinished_s
    )


def _slots(settings: Settings) -> Slots:
    return Slots(in_all=settings.hl7_connections, from_an_address=settings.hl7_connections_per_address)
