"""The dose reports that a study's doses are from, as they were received: what another document calls them by.

Their class and series are in their files alone, so this is asked where these are kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.archive.archive import Archive, NotHeld
from adapters.archive.entry import first
from adapters.dicom import implementation
from domain.dose_reports import sent_as
from domain.errors import NotFound

OURS: Final = (implementation.CLASS_UID, implementation.VERSION_NAME)
"""By what Krypton names itself in files that it writes."""
CLASS: Final = "00080016"
MODALITY: Final = "00080060"
REPORTS: Final = "SR"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """A dose report as it was received, whatever its last reading goes by in the ledger."""

    sop_class: str
    sop_uid: str
    series_uid: str


def sources_of(archive: Archive, reports: Sequence[Row], wanted: Sequence[str]) -> dict[str, Source]:
    """Of each of these reports, by what the ledger calls it. ``reports``: all of the study, as ``dose show`` has them.

    Raises NotFound: one of them is not kept on this machine.
    """
    held = {one.sop_uid: one for study in {report["study"] for report in reports} for one in _held(archive, study)}
    own = {report["report_uid"]: sent_as(report["report_uid"], report["not_understood"]) for report in reports}
    before: dict[str, list[str]] = {}
    for report in reports:
        before.setdefault(report["superseded_by"], []).append(report["report_uid"])
    found = {uid: held.get(own.get(uid, uid)) or _source(held, before, uid) for uid in wanted}
    kept = {uid: source for uid, source in found.items() if source is not None}
    if len(kept) < len(found):
        raise NotFound(
            "the dose reports of this study are not kept where you ask, and a Patient Radiation Dose SR names their "
            "class and series: ask where they were taken in; FHIR (--fhir) takes none of it"
        )
    return kept


def _source(held: Mapping[str, Source], before: Mapping[str, Sequence[str]], uid: str) -> Source | None:
    """A report that was read again, or of which another content was accepted, goes by a UID that no instance has."""
    waiting = [uid]
    while waiting:
        one = waiting.pop(0)
        if one in held:
            return held[one]
        waiting += before.get(one, ())
    return None


def _held(archive: Archive, study: str) -> Iterator[Source]:
    try:
        for series in archive.study(study)["series"]:
            if first(series["said"], MODALITY) == REPORTS:
                for row in archive.each(study, series["uid"]):
                    yield Source(str(first(row["said"], CLASS)), row["sop_uid"], series["uid"])
    except NotHeld:
        return
