"""Sums a person's doses over exposures that are distinct (``domain.dose_distinct``).

A report of accumulated dose alone names no exposure. If no exposure of a study is known from any report of its device,
the values of such reports are used instead: for each quantity the largest of each device, because they may repeat each
other. Once an exposure of the device is known they no longer count: nothing would say which part of them is new. Where
nothing tells two devices apart they are taken for one.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from domain.dose_alerts import QUANTITIES
from domain.dose_distinct import Row, total, trusted
from domain.dose_reports import apart

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
