"""DICOM in, wired: the storage service and the import of folders, on one spool."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID, uuid5

from adapters.dicom.batch import Limits
from adapters.dicom.spool import Spool
from adapters.dicom.storage import Caller, StorageService
from domain.commands.directory import RefuseCaller
from domain.errors import UnknownSite
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.memory import long_lived
from krypton.progress import progress
from krypton.settings import ServiceUnavailable

CALLERS = UUID("7f2d1c34-0b6e-5c8a-9e55-d1f0c2b7a911")  # namespace of their command ids: stored state, never change it


def spool_of(ours: Krypton) -> Spool:
    """Where instances are kept."""
    ours.settings.instances.mkdir(parents=True, exist_ok=True)
    return Spool(ours.settings.instances)


def serve(ours: Krypton, stop: Event) -> None:
    """Take in instances until ``stop`` is set. Raises ServiceUnavailable where the port is taken."""

    def site_of(ae_title: str) -> str | None:
        site = ours.ledger.directory().site_of_ae_title(ae_title)
        return site.code if site else None

    def refused(caller: Caller) -> None:
        ask = RefuseCaller(ae_title=caller.ae_title, called=caller.called, address=caller.address)
        # Once a day and AE title: a device that calls every second must not grow the ledger.
        asked = uuid5(CALLERS, f"{caller.ae_title}|{datetime.now(UTC).date()}")
        ours.execute(ask, Envelope("system:dicom", asked))

    service = StorageService(
        ledger=ours.ledger,
        spool=spool_of(ours),
        site_of=site_of,
        refused=refused,
        ae_title=ours.settings.dicom_ae,
        port=ours.settings.dicom_port,
        limits=Limits(quiet_s=ours.settings.batch_quiet_s),
    )
    try:
        service.start()
    except OSError as taken:
        raise ServiceUnavailable(
            f"port {ours.settings.dicom_port} cannot be opened ({taken.strerror}): stop what uses it, "
            "or set KRYPTON_DICOM_PORT"
        ) from None
    try:
        stop.wait()
    finally:
        service.stop()


def ingest(ours: Krypton, site: str, paths: Sequence[Path]) -> dict[str, Any]:
    """Import files and folders as if received from the site; returns the ``ingest`` document. Raises UnknownSite."""
    from adapters.dicom.folder import ingest_paths

    if ours.ledger.directory().site(site) is None:
        raise UnknownSite(f"no establishment {site} is enrolled: krypton site enroll {site} --name …")
    with long_lived(), progress("files", None) as bar:
        return ingest_paths(paths, site, ours.ledger, spool_of(ours), lambda _: bar.advance()).as_dict()
