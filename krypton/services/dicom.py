"""Wires the DICOM storage service and the import of folders to one spool."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID, uuid4

from adapters.dicom.bounds import Most
from adapters.dicom.network.admission import Slots
from adapters.dicom.network.agreed import Patience
from adapters.dicom.network.knocking import Waits
from adapters.dicom.receiver import Ways
from adapters.dicom.storage import Doors, StorageService
from adapters.dicom.store import Bounds
from adapters.dicom.strangers import Caller
from adapters.inbox.batches import Limits
from adapters.inbox.spool import Spool
from domain.commands.conflicts import AcceptConflict
from domain.commands.directory import RefuseCaller, is_enrolled
from domain.commands.study_protection import Whose
from domain.errors import UnknownSite
from domain.study_conflicts import Conflict
from domain.work import Envelope
from krypton.bootstrap import Krypton, most
from krypton.erasing.again import Again
from krypton.erasing.cleaning import EVERY_S, Cleaning
from krypton.errors import ServiceUnavailable
from krypton.listeners import listener, only_here
from krypton.progress import progress
from krypton.services.archive import Keeper
from krypton.services.dicom_queries import Queries
from krypton.services.directory_copy import DirectoryCopy
from krypton.services.spools import spool_at_home
from krypton.services.tls import Followed, context_of
from krypton.settings import Settings

TICK_S = 0.5


@contextmanager
def spool_of(ours: Krypton) -> Iterator[Spool]:
    """The instances' folder. Raises ServiceUnavailable if it cannot be used."""
    with spool_at_home(ours.settings) as spool:
        yield spool


def serve(ours: Krypton, stop: Event, clean_every_s: float = EVERY_S, *, keeps: bool = True) -> None:
    """Receive instances until ``stop`` is set; ``keeps``: with the process that makes their metadata.

    Raises ServiceUnavailable if the port or the spool is not available.
    """
    with spool_of(ours) as spool:
        again = Again(ours)
        again.follow()  # an older folder may have been restored
        keeper = Keeper(ours.settings.home) if keeps else None
        _serve(ours, spool, stop, lambda resuming: Cleaning(again, resuming, clean_every_s), keeper)


def _serve(
    ours: Krypton,
    spool: Spool,
    stop: Event,
    cleaning: Callable[[Callable[[], int]], Cleaning],
    keeper: Keeper | None,
) -> None:
    directory, doors = DirectoryCopy(ours.ledger.log.sites_by_title), _doors(ours.settings)
    queries = Queries(ours, spool)
    service = StorageService(
        ledger=ours.ledger,
        spool=spool,
        site_of=directory.site_of,
        refused=partial(_refused, ours),
        doors=doors,
        ways=ways_of(ours.settings),
        serve=queries.serve,
    )
    directory.start()
    try:
        service.start()
    except OSError as taken:
        raise ServiceUnavailable(
            f"port {ours.settings.dicom_port} cannot be opened ({taken.strerror}): stop "
            f"{listener(ours.settings.dicom_port)}, or set KRYPTON_DICOM_PORT"
        ) from None
    clean = cleaning(lambda: service.resuming)
    clean.start()
    queries.start()
    try:
        _wait(stop, keeper, Followed(doors.tls, ours.settings, "dicom", "DICOM service") if doors.tls else None)
    finally:
        queries.stop()
        clean.stop()
        service.stop()
        directory.stop()


def _refused(ours: Krypton, caller: Caller) -> None:
    """Note it once a day and AE title: a device that calls every second must not grow the ledger."""
    ask = RefuseCaller(ae_title=caller.ae_title, called=caller.called, address=caller.address)
    asked = ours.ledger.ids.of("refusal of a caller", caller.ae_title, str(datetime.now(UTC).date()))
    ours.execute(ask, Envelope("system:dicom", asked))


def _wait(stop: Event, keeper: Keeper | None, certificate: Followed | None) -> None:
    try:
        while not stop.wait(TICK_S):
            if keeper:
                keeper.look()
            if certificate:
                certificate.look()
    finally:
        if keeper:
            keeper.stop()


def _doors(settings: Settings) -> Doors:
    return Doors(
        tls=context_of(settings, "dicom", "DICOM service"),
        queries=proven(settings),
        ae_title=settings.dicom_ae,
        host=settings.dicom_host,
        port=settings.dicom_port,
        slots=Slots(
            in_all=settings.dicom_associations,
            of_an_ae_title=settings.dicom_associations_per_ae,
            from_an_address=settings.dicom_associations_per_address,
        ),
        waits=Waits(
            request_s=settings.dicom_request_s,
            from_an_address=settings.dicom_waiting_per_address,
            in_all=settings.dicom_waiting,
            accepted_per_s=settings.dicom_rate,
            connected_per_s=settings.dicom_connection_rate,
        ),
    )


def proven(settings: Settings) -> bool:
    """Whether callers are who they say: a certificate names them, or they are on this machine. Else nothing personal is
    answered.
    """
    return settings.dicom_tls_ca_file is not None or only_here(settings.dicom_host)


def ways_of(settings: Settings) -> Ways:
    """How instances are received, whatever brings them."""
    return Ways(
        batches=Limits(quiet_s=settings.batch_quiet_s),
        bounds=Bounds(instance_mib=settings.dicom_instance_mib, read=most(settings)),
        patience=Patience(idle_s=settings.dicom_idle_s, unfinished_s=settings.dicom_unfinished_s),
    )


def accepting(
    ours: Krypton, study: UUID, conflict: UUID, what: Conflict | None, reason: str, protects: Whose | None = None
) -> AcceptConflict:
    """The command that lets what came second stand; a dose report's content is read where it was put aside.

    Raises ServiceUnavailable where it is not there.
    """
    from adapters.dicom.intake import dose_aside
    from adapters.inbox.refusal import Refused

    dose = None
    if what and what.kind == "report":
        with spool_of(ours) as spool:
            try:
                dose = dose_aside(spool, what.site, what.uid, what.digest or "")
            except (OSError, Refused):
                raise ServiceUnavailable(
                    f"the second content of {what.uid} is not in {spool.conflicts}: accept it on the machine that took "
                    "it in"
                ) from None
    return AcceptConflict(study=study, conflict=conflict, reason=reason, dose=dose, protects=protects)


def ingest(ours: Krypton, site: str, paths: Sequence[Path], actor: str, command_id: UUID | None) -> dict[str, Any]:
    """Import files and folders as if received from the site; returns the ``ingest`` document.

    Under a ``command_id``, which all its events name as their correlation id, it answers as the first time once it
    has come to its end; but what was refused is tried again (ADR 8). Batches keep ids made from their content, so that
    no instance is ever recorded twice. Raises UnknownSite, IdTaken (W5), ServiceUnavailable.
    """
    from adapters.dicom.folder import ingest_paths
    from adapters.inbox.answers import answer_of, forgettings, keep_answer

    if not is_enrolled(ours.ledger.work([]), site):
        raise UnknownSite(f"no establishment {site} is enrolled: krypton site enroll {site} --name …")
    with spool_of(ours) as spool:
        forgotten = forgettings(spool)
        known = answer_of(spool, command_id, actor) if command_id else None
        if known and not known["refused"]:
            return known
        with progress("files", None) as bar:
            summary = ingest_paths(
                paths,
                site,
                ours.ledger,
                spool,
                lambda _: bar.advance(),
                actor,
                command_id or uuid4(),
                most(ours.settings),
            ).as_dict()
        summary = _together(known, summary) if known else summary
        if command_id:
            keep_answer(spool, command_id, actor, summary, forgotten)
        _make_ready(spool, most(ours.settings))
    return summary


def _make_ready(spool: Spool, bound: Most) -> None:
    """Make metadata and frame indexes at once: there may be no DICOM service that has a process for it."""
    from adapters.archive.keeping import Keeping
    from adapters.inbox.filed import grown

    with progress("studies", len(grown(spool))) as bar:
        Keeping(spool, bound).make(Event(), bar.advance)


def _together(first: dict[str, Any], again: dict[str, Any]) -> dict[str, Any]:
    """One answer of an import and of what its repetition added: what the first took in is a duplicate by now."""
    added = {
        name: first[name] + again[name] for name in ("accepted", "conflicts", "studies", "dose_reports", "positions")
    }
    return {**again, **added, "duplicates": max(0, again["duplicates"] - first["accepted"] - first.get("conflicts", 0))}
