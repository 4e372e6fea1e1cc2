"""Keeps from readers of a list what an alert over studies tells of a study that they do not see.

While the list is decided, a row carries the reports of its studies; whatever hides one takes it out. Of a study without
any that is left, nothing is told.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from krypton.bootstrap import Krypton

Document = dict[str, Any]
OVER: Final = "over"


def with_reports(connection: Any, rows: Sequence[Document]) -> list[Document]:
    """The rows; those over several studies with the reports of these."""
    from projections.cumulative_dose import alerts

    several = sorted({study for row in rows if len(row["studies"]) > 1 for study in row["studies"]})
    reports = alerts.reports_of(connection, several) if several else ()
    return [
        row | {OVER: [one for one in reports if one["study_id"] in row["studies"]]} if len(row["studies"]) > 1 else row
        for row in rows
    ]


def without(row: Document, hides: Callable[[Document, Mapping[str, Any]], bool]) -> Document:
    """The row without the reports that something hides: it takes the row, and one of them."""
    return row | {OVER: [one for one in row[OVER] if not hides(row, one)]} if OVER in row else row


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
