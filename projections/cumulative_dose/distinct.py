"""Deduplicates a person's exposures across reports, and sums their doses.

An exposure is identified by its irradiation event UID (DICOM PS3.3 C.8.17, DCM 113769), not by report or study. If
several reports contain it, the row of one report is shown complete: one that is not ``qa`` before one that is, one that
is not superseded before one that is, one that states a dose before one that states none, then the one of the latest
content time, for devices correct themselves, then the one with the most known quantities, then the earliest recorded.
Rows are never blended; if known values of reports that stand differ, ``conflicts`` says so.

A value above the bounds of plausible doses is in no sum until somebody accepted it (``trusted``).

A report of accumulated dose alone names no exposure. If no exposure of a study is known from any report, the values of
such reports are used instead: for each quantity the largest, because they may repeat each other. Once an exposure of
the study is known they no longer count: nothing would say which part of them is new.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

QUANTITIES = ("ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq")
SUMMED = QUANTITIES[1:]  # CTDIvol is an average over a scanned length: its sum is meaningless
BREASTS = ("left", "right")
DIGITS = 12  # below what any device states, above the noise of adding binary fractions

Row = Mapping[str, Any]


def total(values: Iterable[float | None]) -> float | None:
    """Sum of the known values, without binary noise (7.46 + 69.81 + 158.82 is 236.09); None if none is known."""
    known = [value for value in values if value is not None]
    return float(f"{math.fsum(known):.{DIGITS}g}") if known else None


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


def trusted(row: Row, quantity: str) -> float | None:
    """An exposure's value for sums: None where it is implausible and nobody has accepted it."""
    doubtful = row["implausible"] and not row["accepted"] and quantity in row["implausible"]
    value: float | None = None if doubtful else row[quantity]
    return value


def stated_alone(reports: Iterable[Row], carried: Iterable[Row]) -> list[dict[str, Any]]:
    """Values for studies without a known exposure, by study and quantity, each with its report.

    ``reports``: in ledger order. A report that arrived under two studies counts for the first.
    """
    known = {row["study_uid"] for row in carried}
    first: dict[str, str] = {}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for report in reports:
        study_uid, report_uid = report["study_uid"], report["report_uid"]
        if study_uid in known or first.setdefault(report_uid, study_uid) != study_uid:
            continue
        doubtful = () if report["accepted"] else report["implausible"] or ()
        for quantity in (*SUMMED, *(f"agd_{side}_mgy" for side in BREASTS)):
            value, held = report["totals"].get(quantity), found.get((study_uid, quantity))
            if quantity in doubtful:
                continue
            if value is not None and (held is None or value > held["value"]):
                found[study_uid, quantity] = {
                    "study_uid": study_uid,
                    "identity": report["identity"],
                    "quantity": quantity,
                    "value": value,
                    "report_uid": report_uid,
                }
    return [found[key] for key in sorted(found)]


def distinct(carried: Iterable[Row]) -> list[Row]:
    """One row per irradiation event, in order of time (unknown last). ``carried``: a row per report and event."""
    best: dict[str, Row] = {}
    ranked = sorted(carried, key=lambda row: (_unknown(row), row["position"]))
    ranked.sort(key=lambda row: row["reported_at"] or "", reverse=True)  # stable: what was sorted before stays so
    for row in sorted(ranked, key=_rank):
        best.setdefault(row["irradiation_event_uid"], row)
    return sorted(best.values(), key=lambda row: (row["started_at"] or "~", row["irradiation_event_uid"]))


def _rank(row: Row) -> tuple[bool, bool, bool]:
    return row["qa"], row["superseded"], _unknown(row) == len(QUANTITIES)


def _unknown(row: Row) -> int:
    return sum(row[quantity] is None for quantity in QUANTITIES)


def conflicts(carried: Iterable[Row]) -> list[dict[str, Any]]:
    """Irradiation events claimed by several studies, or stated with different values by two reports; by UID."""
    by_uid: dict[str, list[Row]] = {}
    for row in carried:
        by_uid.setdefault(row["irradiation_event_uid"], []).append(row)
    found = []
    for uid, rows in sorted(by_uid.items()):
        studies = sorted({row["study_uid"] for row in rows})
        standing = [row for row in rows if not row["superseded"]]
        differs = [q for q in QUANTITIES if len({row[q] for row in standing if row[q] is not None}) > 1]
        if len(studies) > 1 or differs:
            reports = sorted({row["report_uid"] for row in rows})
            found.append(
                {"irradiation_event_uid": uid, "study_uids": studies, "report_uids": reports, "differing": differs}
            )
    return found
