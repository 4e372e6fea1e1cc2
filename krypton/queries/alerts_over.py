"""Keeps from readers of a list what an alert over reports tells of one that they do not see.

While the list is decided, a row carries the reports of its studies; whatever hides one takes it out, and the sum that
it is in. Of a study without any that is left, nothing is told.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from krypton.bootstrap import Krypton

Document = dict[str, Any]
OVER: Final = "over"


def with_reports(connection: Any, rows: Sequence[Document]) -> list[Document]:
    """The rows; those of more than one exposure with the reports of their studies."""
    from projections.cumulative_dose import alerts

    over = sorted({study for row in rows if _over(row) for study in row["studies"]})
    reports: dict[str, list[Mapping[str, Any]]] = {study: [] for study in over}
    for one in alerts.reports_of(connection, over) if over else ():
        reports[one["study_id"]].append(one)
    return [
        row | {OVER: [one for study in row["studies"] for one in reports[study]]} if _over(row) else row for row in rows
    ]


def _over(row: Document) -> bool:
    return bool(row["rule_kind"] != "exposure")


def without(row: Document, hides: Callable[[Document, Mapping[str, Any]], bool]) -> Document:
    """The row without the reports that something hides, and without a ``value`` that one of them may be in.

    ``hides`` takes the row, and a report.
    """
    if OVER not in row:
        return row
    hidden, left = [one for one in row[OVER] if hides(row, one)], [one for one in row[OVER] if not hides(row, one)]
    counted = any(one["position"] < row["position"] for one in hidden)
    return row | {OVER: left} | ({"value": None} if counted else {})


def told(ours: Krypton, rows: Sequence[Document]) -> list[Document]:
    """The rows, each of the studies of which a report is left, and that are of the row's person."""
    from projections.cumulative_dose.alerts import told_within

    membership = ours.ledger.membership()
    membership.load({one["identity"] for row in rows for one in (row, *row.get(OVER, ())) if OVER in row})
    found = []
    for row in rows:
        shown = {name: value for name, value in row.items() if name != OVER}
        if OVER in row and row["studies"] is not None:
            person = membership.person_of(row["identity"])
            shown = told_within(shown, {one["study_id"] for one in row[OVER] if one["identity"] in person})
        found.append(shown)
    return found
