"""Dose reports that operators look at: what was not understood, or cannot be; ids and notes, and nobody's dose."""

from collections.abc import Mapping
from typing import Any

from domain.dose_words import without_organs
from krypton.bootstrap import Krypton

Document = dict[str, Any]


def problems(ours: Krypton, limit: int, *, every: bool = False) -> list[Document]:
    """The ``dose reports`` document, newest first: each report with why it is there; ``every``: also those without.

    ``unread``: no dose could be read of it; ``not_understood``: notes on the report and its events; ``implausible``:
    quantities above their bounds, which are in no total until ``dose accept``; ``warnings``: codes of what else is odd.
    """
    from projections.cumulative_dose import problems as doses
    from projections.patient_record import unsettled

    with ours.snapshot() as connection:
        unread, found = unsettled.unread_doses(connection, limit), doses.noted(connection, limit, every=every)
    erased = ours.vault.destroyed({row["subject"] for row in (*unread, *found)})
    shown = [_told(row) for row in (*unsettled.told(unread, erased), *doses.told(found, erased))]
    return sorted(shown, key=lambda row: -row["position"])[:limit]


def _told(row: Mapping[str, Any]) -> Document:
    told: Document = {"unread": None, "not_understood": [], "implausible": [], "warnings": [], **row}
    unread, notes = told["unread"], told["not_understood"]
    return told | {"unread": unread and without_organs(unread), "not_understood": [*map(without_organs, notes)]}
