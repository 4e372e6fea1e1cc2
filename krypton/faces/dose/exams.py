"""Puts a ``dose show`` document into exams: what was done together, when and where, and what it came to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.dose_alerts import QUANTITIES
from domain.dose_distinct import total
from domain.dose_estimates import summed
from domain.pregnancy import POSSIBLE, YES
from schemas.event import ERASED

Row = Mapping[str, Any]
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ct": ("CT",),
    "mammography": ("MG",),
    "fluoroscopy": ("XA", "RF"),
    "radiography": ("DX", "CR", "PX", "IO", "RG"),
    "nuclear": ("NM", "PT"),
}
"""Kinds of exams that people know, each with its modalities (DICOM PS3.3 C.7.3.1.1.1); others are ``other``."""
OTHER: Final = "other"
IMAGE: Final = "image"
"""As an exposure names its source."""
SUMMED: Final = QUANTITIES[1:]  # CTDIvol is an average over a scanned length: its sum is meaningless


@dataclass(frozen=True)
class Exam:
    """One study. ``date``: YYYY-MM-DD, empty where it is not known; ``doses``: known quantities alone;
    ``pregnancy``: ``said`` where an order or a report says that there is or may be one, ``disagrees`` where another
    denies it; ``estimate_msv``: of the effective dose, where each exposure with a dose has one;
    ``from_images``: a dose is of the images' headers, for want of a report.
    """

    study_uid: str
    date: str
    kind: str
    sites: tuple[str, ...]
    regions: tuple[str, ...]
    exposures: int
    doses: Mapping[str, float]
    pregnancy: str = ""
    estimate_msv: float | None = None
    from_images: bool = False


def exams(found: Mapping[str, Any]) -> list[Exam]:
    """The exams, latest first; of unknown date last."""
    rows: dict[str, list[Row]] = {}
    for row in found["exposures"]:
        rows.setdefault(row["study_uid"], []).append(row)
    alone: dict[str, list[Row]] = {}
    for row in found["stated_alone"]:
        alone.setdefault(row["study_uid"], []).append(row)
    reports: dict[str, list[Row]] = {}
    for report in found["reports"]:
        reports.setdefault(report["study_uid"], []).append(report)
    made = [
        _exam(study, rows.get(study, []), alone.get(study, []), reports.get(study, [])) for study in {**rows, **alone}
    ]
    return sorted(made, key=lambda exam: (exam.date, exam.study_uid), reverse=True)


def counted(row: Row, quantity: str) -> float | None:
    """What an exposure adds to a sum; nothing where the value is implausible and nobody has accepted it."""
    value: float | None = row[quantity]
    return value if row["in_totals"] or quantity not in row["implausible"] else None


def stated(alone: Iterable[Row], quantity: str) -> list[float]:
    """What reports state of a quantity without an exposure."""
    return [row["value"] for row in alone if row["quantity"] == quantity]


def doses(rows: Sequence[Row], alone: Sequence[Row]) -> dict[str, float]:
    """The sum of each quantity that is known, in the unit of its name."""
    sums = {q: total([*(counted(row, q) for row in rows), *stated(alone, q)]) for q in SUMMED}
    return {quantity: value for quantity, value in sums.items() if value is not None}


def _exam(study: str, rows: Sequence[Row], alone: Sequence[Row], reports: Sequence[Row]) -> Exam:
    told = [*rows, *reports]
    dates = [row["started_at"] for row in rows if row["started_at"]]
    dates = dates or [report["reported_at"] for report in reports if report["reported_at"]]
    return Exam(
        study_uid=study,
        date=min(dates, default="")[:10],
        kind=_kind(row["modality"] for row in told),
        sites=tuple(sorted({row["site"] for row in told})),
        regions=_named(rows, "target_region") or _named(rows, "protocol"),
        exposures=len(rows),
        doses=doses(rows, alone),
        pregnancy=_pregnancy(rows),
        estimate_msv=_estimate(rows, alone),
        from_images=any(row["source"] == IMAGE for row in rows),
    )


def _estimate(rows: Sequence[Row], alone: Sequence[Row]) -> float | None:
    """A part of an exam's dose is no estimate of the exam."""
    told = [row["effective_dose_estimate"] for row in rows if any(counted(row, q) is not None for q in SUMMED)]
    if alone or None in told:
        return None
    found: float | None = summed(told)["effective_dose_msv"]
    return found


def _pregnancy(rows: Iterable[Row]) -> str:
    rows = list(rows)
    if any(row["pregnancy_disagrees"] for row in rows):
        return "disagrees"
    return "said" if any(row["pregnant"] or row["pregnancy_ordered"] in (YES, POSSIBLE) for row in rows) else ""


def _kind(modalities: Iterable[str]) -> str:
    """The kind of the first modality that people know: a study's reports are of one device, nearly always."""
    known = {modality: kind for kind, some in KINDS.items() for modality in some}
    return next((known[one] for one in modalities if one in known), OTHER)


def _named(rows: Sequence[Row], word: str) -> tuple[str, ...]:
    """What was looked at, each once, as the device says it."""
    return tuple(dict.fromkeys(row[word] for row in rows if row[word] and row[word] != ERASED))
