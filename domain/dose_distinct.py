"""Deduplicates exposures across reports: which row stands for an irradiation event, and which values count.

An exposure is identified by its irradiation event UID (DICOM PS3.3 C.8.17, DCM 113769), not by report or study. If
several reports contain it, the row of one report is shown complete: one that is not ``qa`` before one that is, one of a
report before one of an image, one that is not superseded before one that is, one that states a dose before one that
states none, then the one of the latest content time, for devices correct themselves. Where no time says which is later
(the same, or none): the one with the most known quantities, then with the greater values, as alerts go by them, then of
the first UID. None of this depends on which came first. Rows are never blended.

What another report took the place of whole counts no more, whatever irradiation events it names: doses of images, and
what a report stated before it was read again or a person accepted another content.

A value above the bounds of plausible doses is in no sum until somebody accepted it (``trusted``).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from domain.dose_alerts import QUANTITIES
from domain.dose_reports import IMAGE

DIGITS: Final = 12  # below what any device states, above the noise of adding binary fractions

Row = Mapping[str, Any]


def total(values: Iterable[float | None]) -> float | None:
    """Sum of the known values, without binary noise (7.46 + 69.81 + 158.82 is 236.09); None if none is known, or if it
    is greater than any number: no device gives that, but a report may state it.
    """
    known = [value for value in values if value is not None]
    try:
        return float(f"{math.fsum(known):.{DIGITS}g}") if known else None
    except OverflowError:
        return None


def trusted(row: Row, quantity: str) -> float | None:
    """An exposure's value for sums: None where it is implausible and nobody has accepted it."""
    doubtful = row["implausible"] and not row["accepted"] and quantity in row["implausible"]
    value: float | None = None if doubtful else row[quantity]
    return value


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
