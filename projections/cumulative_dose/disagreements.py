"""Finds what dose reports of one person claim against each other, and which report stands for a superseded one.

Where no content time says which of two reports is later and they state different values, both stand and disagree. A
person or a later report settles that; until then the totals go by the greater, and readers are told.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.dose_alerts import QUANTITIES
from domain.dose_distinct import Row
from domain.dose_reports import IMAGE, Held

Key = tuple[str, str]
Sides = Mapping[frozenset[Key], set[str]]


def conflicts(carried: Sequence[Row]) -> list[dict[str, Any]]:
    """Irradiation events claimed by several studies, or stated with different values by two reports; by UID.

    Then totals of reports that cannot both be right; they name no irradiation event.
    """
    found = []
    for uid, rows in sorted(_by_event(carried).items()):
        differs = _differing(rows)
        if differs or len({row["study_uid"] for row in rows}) > 1:
            found.append(_conflict(uid, [(row["study_uid"], row["report_uid"]) for row in rows], differs))
    named = {key_of(row): (row["study_uid"], row["report_uid"]) for row in carried}
    return found + [
        _conflict(None, [named[side] for side in sides], sorted(names))
        for sides, names in _contradictory(carried).items()
    ]


def disagreeing(carried: Sequence[Row]) -> dict[Key, list[str]]:
    """Reports that stand and state otherwise than another that stands: in which quantities."""
    found: dict[Key, set[str]] = {}
    for rows in _by_event(carried).values():
        for quantity in _differing(rows):
            for row in rows:
                if row[quantity] is not None and not row["superseded"]:
                    found.setdefault(key_of(row), set()).add(quantity)
    for sides, names in _contradictory(carried).items():
        for side in sides:
            found.setdefault(side, set()).update(names)
    return {key: sorted(names) for key, names in found.items()}


def stand_ins(reports: Sequence[Row], carried: Sequence[Row]) -> dict[Key, str]:
    """For each superseded report the one that stands for it now, whichever superseded it first.

    Of several the one with the most irradiation events, then of the latest content time, then of the first UID.
    """
    events: dict[Key, set[str]] = {key_of(report): set() for report in reports}
    for row in carried:
        events[key_of(row)].add(row["irradiation_event_uid"])
    ranked = sorted((one for one in reports if not one["superseded"]), key=key_of)
    ranked.sort(key=lambda one: (len(events[key_of(one)]), one["reported_at"] or ""), reverse=True)
    return {
        key_of(report): _stands_for(report, ranked, events) or report["superseded_by"]
        for report in reports
        if report["superseded"]
    }


def _stands_for(report: Row, ranked: Iterable[Row], events: Mapping[Key, set[str]]) -> str | None:
    mine = events[key_of(report)]
    fits = (one for one in ranked if one["study_id"] == report["study_id"] and mine <= events[key_of(one)])
    return next((one["report_uid"] for one in fits), None) if mine else None


def _contradictory(carried: Sequence[Row]) -> Sides:
    """Reports that stand whose totals cannot both be right: which reports, and in which quantities."""
    by_report: dict[Key, list[Row]] = {}
    for row in carried:
        if not row["superseded"]:
            by_report.setdefault(key_of(row), []).append(row)
    held = {key: Held.of(key[1], None, rows, rows[0]["totals"], ()) for key, rows in by_report.items()}
    by_event = {uid: {key_of(row) for row in rows} for uid, rows in _by_event(carried).items()}
    found: dict[frozenset[Key], set[str]] = {}
    for key, one in sorted(held.items()):
        others = by_event[next(iter(one.events))] & held.keys() - {key}
        names = {other: held[other].differing_totals(one) for other in others}
        if sides := [other for other in others if names[other]]:
            found.setdefault(frozenset([key, *sides]), set()).update(*names.values())
    return found


def _conflict(uid: str | None, claims: Iterable[Key], differing: Sequence[str]) -> dict[str, Any]:
    claims = list(claims)
    return {
        "irradiation_event_uid": uid,
        "study_uids": sorted({study for study, _ in claims}),
        "report_uids": sorted({report for _, report in claims}),
        "differing": list(differing),
    }


def _by_event(carried: Iterable[Row]) -> dict[str, list[Row]]:
    by_uid: dict[str, list[Row]] = {}
    for row in carried:
        by_uid.setdefault(row["irradiation_event_uid"], []).append(row)
    return by_uid


def _differing(rows: Iterable[Row]) -> list[str]:
    """The quantities of one event that reports which stand state differently; doses of images contradict none."""
    standing = [row for row in rows if not row["superseded"] and row["source"] != IMAGE]
    return [q for q in QUANTITIES if len({row[q] for row in standing if row[q] is not None}) > 1]


def key_of(row: Row) -> Key:
    """The report that a row is, or belongs to."""
    return row["study_id"], row["report_uid"]
