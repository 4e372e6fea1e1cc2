"""Dose alerts as people read them: kind, cause and state in words."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from krypton.cli.output import heading

ALERT: Final = (
    *("raised_at", "site", "kind", "cause", "quantity", "value", "threshold", "rule", "rule_version", "state"),
    *("acknowledged_at", "acknowledged_by", "note", "alert"),
)
WHY: Final = {
    "corrected": "its reports, or a birth date, were corrected",
    "reassigned": "a study of it went to somebody else",
    "other_person": "its studies are no longer of one person",
    "told_already": "another alert tells of the same",
}
"""Why an alert was withdrawn."""


def with_units(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a quantity each, which is named as people read it (DLP mGy·cm); alerts with kind, cause and state."""
    return [dict(row) | (_named(row) if row["quantity"] else {}) for row in rows]


def _named(row: Mapping[str, Any]) -> dict[str, str]:
    """An alert's code repeats the quantity, which has a column of its own."""
    quantity = {"quantity": heading(row["quantity"])}
    if "kind" not in row:
        return quantity
    kind = row["kind"].removeprefix(f"{row['quantity']}_").replace("_", " ")
    return quantity | {"kind": kind, "cause": cause(row), "state": _state(row)}


def cause(row: Mapping[str, Any]) -> str:
    """What an alert was raised for."""
    studies = len(row["studies"])
    rest = ", and what is not shown" if row["value"] is None else ""  # the sum is over more than this reader sees
    over = f"{studies} {'study' if studies == 1 else 'studies'} within {row['window_days']} days{rest}"
    said = {"exposure": "one exposure", "study": f"one study{rest}", "skin": f"skin of one region, {over}"}
    return said.get(row["rule_kind"], over)


def _state(row: Mapping[str, Any]) -> str:
    return f"withdrawn: {WHY[row['why_withdrawn']]}" if row["state"] == "withdrawn" else str(row["state"])
