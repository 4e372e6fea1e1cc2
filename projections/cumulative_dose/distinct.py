"""Deduplicates a person's exposures across reports, and sums their doses.

An exposure is identified by its irradiation event UID (DICOM PS3.3 C.8.17, DCM 113769), not by report or study. If
several reports contain it, the row of one report is shown complete: one that is not ``qa`` before one that is, one of a
report before one of an image, one that is not superseded before one that is, one that states a dose before one that
states none, then the one of the latest content time, for devices correct themselves. Where no time says which is later
(the same, or none): the one with the most known quantities, then with the greater values, as alerts go by them, then of
the first UID. None of this depends on which came first. Rows are never blended; ``disagreements`` says where reports
that stand differ.

What another report took the place of whole counts no more, whatever irradiation events it names: doses of images, and
what a report stated before it was read again or a person accepted another content.

A value above the bounds of plausible doses is in no sum until somebody accepted it (``trusted``).

A report of accumulated dose alone names no exposure. If no exposure of a study is known from any report of its device,
the values of such reports are used instead: for each quantity the largest of each device, because they may repeat each
other. Once an exposure of the device is known they no longer count: nothing would say which part of them is new. Where
nothing tells two devices apart they are taken for one.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.dose_reports import IMAGE, apart

QUANTITIES = ("ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq")
SUMMED = QUANTITIES[1:]  # CTDIvol is an average over a scanned length: its sum is meaningless
BREASTS = ("left", "right")
DIGITS = 12  # below what any device states, above the noise of adding binary fractions

Row = Mapping[str, Any]
Key = tuple[str, str]


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
    """Values for devices of studies without a known exposure, by study and quantity, each with its report.

    A report that arrived under two studies counts for the one whose UID sorts first.
    """
    reports = sorted((one for one in reports if not one["replaced"]), key=_key)
    known = {_key(row): row for row in carried if not row["replaced"]}
    devices = _devices([*({_key(one): one for one in reports} | known).values()])
    covered = {devices[key] for key in known}
    first: dict[str, str] = {}
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for report in reports:
        study_uid, report_uid = report["study_uid"], report["report_uid"]
        device = devices[_key(report)]
        if device in covered or first.setdefault(report_uid, study_uid) != study_uid:
            continue
        doubtful = () if report["accepted"] else report["implausible"] or ()
        for quantity in (*SUMMED, *(f"agd_{side}_mgy" for side in BREASTS)):
            value, held = report["totals"].get(quantity), found.get((study_uid, quantity, device[1]))
            if quantity in doubtful:
                continue
            if value is not None and (held is None or value > held["value"]):
                found[study_uid, quantity, device[1]] = {
                    "study_uid": study_uid,
                    "identity": report["identity"],
                    "site": report["site"],
                    "modality": report["modality"],
                    "reported_at": report["reported_at"],
                    "quantity": quantity,
                    "value": value,
                    "report_uid": report_uid,
                }
    return [found[key] for key in sorted(found)]


def _devices(reports: Sequence[Row]) -> dict[Key, Key]:
    """Of each report its device, named by the first of the device's reports.

    Reports of one study are of one device unless something tells them apart; one that says nothing joins all of them.
    """
    of: dict[Key, Key] = {}
    by_study: dict[str, list[tuple[Key, dict[str, Any]]]] = {}
    for report in reports:
        mine, device = _key(report), _device(report)
        beside = by_study.setdefault(report["study_uid"], [])
        alike = {of[key] for key, other in beside if not apart(device, other)}
        of[mine] = min(alike, default=mine)
        for key, _ in beside:
            if of[key] in alike:
                of[key] = of[mine]
        beside.append((mine, device))
    return of


def _device(report: Row) -> dict[str, Any]:
    return {**report["device"], **(report["device_words"] or {})}


def _key(row: Row) -> Key:
    """The report that a row is, or belongs to: the same under two hospitals' studies of one UID."""
    return row["study_uid"], row["report_uid"]


def distinct(carried: Iterable[Row]) -> list[Row]:
    """One row per irradiation event, in order of time (unknown last). ``carried``: a row per report and event."""
    by_uid: dict[str, list[Row]] = {}
    by_report: dict[tuple[str, str], list[Row]] = {}
    for row in (row for row in carried if not row["replaced"]):
        by_uid.setdefault(row["irradiation_event_uid"], []).append(row)
        by_report.setdefault((row["study_uid"], row["report_uid"]), []).append(row)
    order = sorted(by_report, key=lambda report: (_greatest_first(by_report[report]), report[1], report[0]))
    places = {report: place for place, report in enumerate(order)}
    best = (_best(rows, places) for rows in by_uid.values())
    return sorted(best, key=lambda row: (row["started_at"] or "~", row["irradiation_event_uid"]))


def _best(rows: Sequence[Row], places: Mapping[tuple[str, str], int]) -> Row:
    """Of the rows of one event the one that is shown. ``places``: of reports that nothing else tells apart."""
    first = min(map(_rank, rows))
    ranked = [row for row in rows if _rank(row) == first]
    latest = max(row["reported_at"] or "" for row in ranked)
    equals = [row for row in ranked if (row["reported_at"] or "") in ("", latest)]
    return min(equals, key=lambda row: (_unknown(row), places[row["study_uid"], row["report_uid"]], row["position"]))


def _greatest_first(rows: Iterable[Row]) -> list[float]:
    """Sorts the report of greater doses first: one for all its events, or the totals would mix two reports."""
    rows = list(rows)
    return [-(total(trusted(row, quantity) for row in rows) or 0.0) for quantity in QUANTITIES]


def _rank(row: Row) -> tuple[bool, bool, bool, bool]:
    return row["qa"], row["source"] == IMAGE, row["superseded"], _unknown(row) == len(QUANTITIES)


def _unknown(row: Row) -> int:
    return sum(row[quantity] is None for quantity in QUANTITIES)
