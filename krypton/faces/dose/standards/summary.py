"""Puts a study's doses of a ``dose show`` document together by procedure and device: what standards call a summary."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from domain.dose_distinct import total
from domain.dose_reports import IMAGE, sent_as
from domain.errors import NotFound
from krypton.faces.dose.exams import SUMMED, counted, doses, stated
from schemas.event import ERASED

Row = Mapping[str, Any]
MAMMOGRAPHY: Final = "MG"
GLANDULAR: Final = "agd_mgy"


class Procedure(Enum):
    """What was done, as the value set of the procedure reported (DCM 121058) tells it apart."""

    CT = "CT"
    PROJECTION = "projection"
    MAMMOGRAPHY = "mammography"
    RADIOPHARMACEUTICAL = "radiopharmaceutical"


@dataclass(frozen=True)
class Summary:
    """The doses of one procedure by one device. ``doses``: known sums alone, in the unit of their name.

    ``started_at``: of the earliest exposure, else of the report: ISO 8601, with an offset where one is stated; None
    where no time is. ``device``: as a report describes it; empty for doses of image headers. ``reports``: the
    dose reports that the doses are from, by what the ledger calls them; ``sent_as``: by the SOP Instance UIDs that they
    were sent under. ``radiopharmaceuticals``: as the reports name them.
    ``breasts``: the glandular dose of each (left, right, both; None: it is not said which), which are never added up.
    ``known_of``: over how many of the exposures each sum is. ``from_images``: image headers alone state the doses.
    """

    procedure: Procedure
    modality: str
    device: Mapping[str, str]
    started_at: str | None
    exposures: int
    doses: Mapping[str, float]
    reports: tuple[str, ...]
    sent_as: tuple[str, ...]
    radiopharmaceuticals: tuple[str, ...]
    breasts: Mapping[str | None, float]
    known_of: Mapping[str, int]
    from_images: bool

    def stated(self) -> Iterator[tuple[str, str | None, float]]:
        """Each sum with its quantity, and of glandular doses the breast."""
        for quantity, value in self.doses.items():
            if quantity == GLANDULAR:
                yield from ((quantity, side, of) for side, of in self.breasts.items())
            else:
                yield quantity, None, value


def summaries(found: Mapping[str, Any], study_uid: str) -> list[Summary]:
    """Of one study, by time. Raises NotFound where nothing is known of its doses, or the reader may not see it."""
    reports = {row["report_uid"]: row for row in found["reports"] if row["study_uid"] == study_uid}
    groups: dict[tuple[Procedure, tuple[tuple[str, str], ...]], tuple[list[Row], list[Row]]] = {}
    for place, rows in enumerate((found["exposures"], found["stated_alone"])):
        for row in rows:
            if row["study_uid"] == study_uid:
                device = _device(reports.get(row["report_uid"]))
                groups.setdefault((_procedure(row), tuple(sorted(device.items()))), ([], []))[place].append(row)
    if not groups:
        raise NotFound("no dose of that study: krypton dose show names the studies of which a dose is known")
    made = [_summary(procedure, dict(device), *rows, reports) for (procedure, device), rows in groups.items()]
    return sorted(made, key=lambda one: (one.started_at or "~", one.procedure.value, sorted(one.device.items())))


def _summary(
    procedure: Procedure, device: dict[str, str], rows: Sequence[Row], alone: Sequence[Row], reports: Mapping[str, Row]
) -> Summary:
    sources = dict.fromkeys(row["report_uid"] for row in (*rows, *alone))
    times = [at for row in rows if (at := zoned(row["started_at"], row["started_offset"]))]
    times = times or [at for uid in sources if uid in reports and (at := reports[uid]["reported_at"])]
    told = tuple(uid for uid in sources if uid in reports and reports[uid]["source"] == "report")
    return Summary(
        procedure=procedure,
        modality=next((row["modality"] for row in (*rows, *alone) if row["modality"]), ""),
        device=device,
        started_at=min(times, default=None),
        exposures=len(rows),
        doses=doses(rows, alone),
        reports=told,
        sent_as=tuple(dict.fromkeys(sent_as(uid, reports[uid]["not_understood"]) for uid in told)),
        radiopharmaceuticals=tuple(_words(row["radiopharmaceutical"] for row in rows)),
        breasts=_breasts(rows, alone),
        known_of={quantity: sum(counted(row, quantity) is not None for row in rows) for quantity in SUMMED},
        from_images=not alone and bool(rows) and all(row.get("source") == IMAGE for row in rows),
    )


def zoned(at: str | None, offset: str | None) -> str | None:
    """A time with the offset from UTC that is stated beside it, where it has none itself."""
    if not at or not offset or "T" not in at:
        return at
    try:
        return at if datetime.fromisoformat(at).tzinfo else datetime.fromisoformat(f"{at}{offset}").isoformat()
    except ValueError:
        return at


def _breasts(rows: Sequence[Row], alone: Sequence[Row]) -> dict[str | None, float]:
    told = [(_side(row), counted(row, GLANDULAR)) for row in rows] + [(None, one) for one in stated(alone, GLANDULAR)]
    sums = {side: total(value for of, value in told if of == side) for side, _ in told}
    return {side: value for side, value in sums.items() if value is not None}


def _side(row: Row) -> str | None:
    side = row.get("side")
    return None if side in (None, ERASED) else str(side)


def _words(told: Iterable[str | None]) -> list[str]:
    return [*dict.fromkeys(word for word in told if word and word != ERASED)]


def _device(report: Row | None) -> dict[str, str]:
    device = report["device"] if report else {}
    return {name: value for name, value in device.items() if value and value != ERASED}


def _procedure(row: Row) -> Procedure:
    """Of an exposure by its kind, of a total that a report states alone by its modality."""
    modality = row["modality"]
    if modality == MAMMOGRAPHY:
        return Procedure.MAMMOGRAPHY
    if row.get("kind") == "RADIOPHARMACEUTICAL" or row.get("quantity") == "activity_mbq":
        return Procedure.RADIOPHARMACEUTICAL
    is_ct = row["kind"] == "CT" if "kind" in row else row["quantity"] == "dlp_mgycm"
    return Procedure.CT if is_ct else Procedure.PROJECTION
