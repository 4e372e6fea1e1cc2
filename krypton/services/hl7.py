"""Wires the listener for HL7 identity messages to the ledger."""

from threading import BoundedSemaphore, Event

from adapters.hl7.intake import Intake
from adapters.hl7.mllp import Bounds
from adapters.hl7.server import Server, Slots
from krypton.bootstrap import Krypton
from krypton.listeners import listener
from krypton.services.directory_copy import DirectoryCopy
from krypton.settings import ServiceUnavailable, Settings

KIB = 1_024


def serve(ours: Krypton, stop: Event) -> None:
    """Take messages until ``stop`` is set. Raises ServiceUnavailable if the port is not available."""
    settings = ours.settings
    directory = DirectoryCopy(ours.ledger.log.sites_by_title)
    intake = Intake(
        ledger=ours.ledger,
        site_of=directory.site_of,
        turn=BoundedSemaphore(ours.pool),  # as many at once as there are connections to the event store
        real_only=not settings.test_installation,
    )
    server = Server(settings.hl7_host, settings.hl7_port, intake.answer, _bounds(settings), _slots(settings))
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


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        most=settings.hl7_message_kib * KIB, idle_s=settings.hl7_idle_s, unfinished_s=settings.hl7_unfinished_s
    )


def _slots(settings: Settings) -> Slots:
    return Slots(in_all=settings.hl7_connections, from_an_address=settings.hl7_connections_per_address)
