"""Sums a person's doses over exposures that are distinct (``domain.dose_distinct``).

A report of accumulated dose alone names no exposure. Which of their totals count: ``domain.dose_devices``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from domain.dose_alerts import QUANTITIES
from domain.dose_devices import Stated, counting, is_covered
from domain.dose_distinct import Row, total, trusted

SUMMED = QUANTITIES[1:]  # CTDIvol is an average over a scanned length: its sum is meaningless
BREASTS = ("left", "right")

Key = tuple[str, str]


def sums(exposures: Sequence[Row], alone: Sequence[Row] = ()) -> dict[str, float | None]:
    """Sum of each quantity that adds up, in the unit of its name. ``alone``: as ``stated_alone`` answers.

    The glandular dose of each breast is also named apart, where a code says which one it is.
    """
    found = {
        quantity: total(
            [trusted(exposure, quantity) for exposure in exposures]
            + [a["value"] for a in alone if a["quantity"] == quantity]
        )
        for quantity in SUMMED
    }
    sides = {side: [trusted(e, "agd_mgy") for e in exposures if e["side"] == side] for side in BREASTS}
    stated = {side: [a["value"] for a in alone if a["quantity"] == f"agd_{side}_mgy"] for side in BREASTS}
    return found | {f"agd_{side}_mgy": total(sides[side] + stated[side]) for side in BREASTS}


def stated_alone(reports: Iterable[Row], carried: Iterable[Row]) -> list[dict[str, Any]]:
    """The totals that count of devices without a known exposure, by study and quantity, each with its report.

    A report that arrived under two studies counts for the one whose UID sorts first.
    """
    known: dict[str, dict[Key, Row]] = {}
    for row in carried:
        if not row["replaced"]:
            known.setdefault(row["study_uid"], {})[_key(row)] = row
    devices = {study_uid: [*map(device_of, rows.values())] for study_uid, rows in known.items()}
    first: dict[str, str] = {}
    alone: dict[str, dict[Key, Row]] = {}
    for report in sorted((one for one in reports if not one["replaced"]), key=_key):
        study_uid = report["study_uid"]
        if is_covered(device_of(report), devices.get(study_uid, ())):
            continue
        if first.setdefault(report["report_uid"], study_uid) == study_uid:
            alone.setdefault(study_uid, {})[_key(report)] = report
    return [
        _stated(study_uid, quantity, one, rows[one.report])
        for study_uid, rows in alone.items()
        for quantity in sorted((*SUMMED, *(f"agd_{side}_mgy" for side in BREASTS)))
        for one in sorted(counting(_totals(rows, quantity)))
    ]


def _totals(reports: Mapping[Key, Row], quantity: str) -> Iterator[Stated]:
    """What these reports state of a quantity, without what is in no sum."""
    for key, report in reports.items():
        doubtful = not report["accepted"] and quantity in (report["implausible"] or ())
        value = report["totals"].get(quantity)
        if value is not None and not doubtful:
            yield Stated(key, value, device_of(report))


def _stated(study_uid: str, quantity: str, one: Stated, report: Row) -> dict[str, Any]:
    return {
        "study_uid": study_uid,
        **{name: report[name] for name in ("identity", "site", "modality", "reported_at")},
        "quantity": quantity,
        "value": one.value,
        "report_uid": report["report_uid"],
    }


def device_of(report: Row) -> dict[str, Any]:
    """What a report says of its device, its words included, where they are known."""
    return {**report["device"], **(report["device_words"] or {})}


def _key(row: Row) -> Key:
    """The report that a row is, or belongs to: the same under two hospitals' studies of one UID."""
    return row["study_uid"], row["report_uid"]
