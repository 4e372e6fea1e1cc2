"""Shows what is in a study, and writes one to a folder, once the gate has allowed it; from this machine's files."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.archive.archive import Archive, NotHeld
from adapters.archive.entry import first
from adapters.archive.search import INSTANCES, SERIES, meeting
from domain.actors import Caller
from domain.errors import NotFound
from krypton.bootstrap import Krypton, most
from krypton.errors import ServiceUnavailable
from krypton.queries.studies import whole_study
from krypton.services.spools import spool_at_home

Document = dict[str, Any]
OF_SERIES = {"number": "00200011", "modality": "00080060", "description": "0008103E", "body_part": "00180015"}
OF_INSTANCE = {"number": "00200013", "sop_class": "00080016", "rows": "00280010", "columns": "00280011"}


def series_of(ours: Krypton, caller: Caller, study: UUID, keys: Mapping[str, str]) -> list[Document]:
    """The series of a study that meet all keys (``adapters.archive.search.SERIES``). Raises BadKey, before anything is
    decided; NotFound; and as ``whole_study`` does.
    """
    meeting((), SERIES, keys)
    allowed = whole_study(ours, caller, "study.show", study)
    with spool_at_home(ours.settings) as spool:
        try:
            found = meeting(Archive(spool, most(ours.settings)).study(allowed)["series"], SERIES, keys)
        except NotHeld as nothing:
            raise _elsewhere(nothing) from None
    kept = _kept(ours, study)
    return [
        {"series_uid": one["uid"], "instances": one["instances"]}
        | {name: first(one["said"], tag) for name, tag in OF_SERIES.items()}
        | kept
        for one in found
    ]


def instances_of(ours: Krypton, caller: Caller, study: UUID, series: str, keys: Mapping[str, str]) -> list[Document]:
    """The instances of a series that meet all keys (``INSTANCES``); raises as ``series_of`` does.

    ``digest``: SHA-256 of the data set; ``place``: of the file, below the folder of the instances.
    """
    meeting((), INSTANCES, keys)
    allowed = whole_study(ours, caller, "study.show", study)
    with spool_at_home(ours.settings) as spool:
        archive = Archive(spool, most(ours.settings))
        try:
            found = meeting(archive.instances(allowed, series), INSTANCES, keys)
        except NotHeld as nothing:
            raise _elsewhere(nothing) from None
        frames = [archive.frames(row) for row in found]
    kept = _kept(ours, study)
    return [
        {"sop_uid": row["sop_uid"], "frames": count, "transfer_syntax": row["transfer_syntax"], "size": row["size"]}
        | {name: first(row["said"], tag) for name, tag in OF_INSTANCE.items()}
        | {"problem": row["problem"], "digest": row["digest"], "place": row["claim"]}
        | kept
        for row, count in zip(found, frames, strict=True)
    ]


def _kept(ours: Krypton, study: UUID) -> Document:
    """The first day on which the record of the study is not kept any more."""
    from krypton.erasing.kept import kept_until

    until = kept_until(ours, study)
    return {"kept_until": str(until) if until else None}


def export(
    ours: Krypton, caller: Caller, study: UUID, out: Path, step: Callable[[], None], *, zipped: bool = False
) -> Document:
    """Write a study as a DICOMDIR folder, or ``zipped`` as a file; ``step`` is called for each instance.

    Raises NotFound: also where no instance is kept on this machine; FileExistsError, ServiceUnavailable (an instance is
    damaged), and as ``whole_study`` does.
    """
    from adapters.archive.media import Damaged, write_study, write_zip

    allowed = whole_study(ours, caller, "study.export", study)
    with spool_at_home(ours.settings) as spool:
        try:
            write = write_zip if zipped else write_study
            written = write(Archive(spool, most(ours.settings)), allowed, out, step)
        except NotHeld as nothing:
            raise _elsewhere(nothing) from None
        except Damaged as damaged:
            raise ServiceUnavailable(str(damaged)) from None
    return {"file" if zipped else "folder": str(out), "study": allowed, "instances": written}


def _elsewhere(nothing: NotHeld) -> NotFound:
    return NotFound(f"{nothing}: run this where its images were taken in")
