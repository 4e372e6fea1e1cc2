"""Exposures beside the reference levels of their acts, as tables of ``krypton dose show``."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from domain.dose_flags import AT_EXAM, NOW
from krypton.cli.output import heading, table

COLUMNS: Final = ("started_at", "protocol", "act", "dose", "value", "on its day", "over", "today", "over today")


def compared(found: Mapping[str, Any]) -> None:
    """Each value beside the level of its day and today's, where there is one; then what has none, and why."""
    rows = [_row(exposure, level) for exposure in found["exposures"] for level in exposure["levels"]]
    table(rows, COLUMNS, "Reference levels (NRD): what is over one is looked at, and is no limit")
    why = Counter((e["modality"], e["protocol"], e["not_compared"]) for e in found["exposures"] if e["not_compared"])
    names = ("modality", "protocol", "why", "exposures")
    left = [dict(zip(names, (*told, count), strict=True)) for told, count in why.items()]
    table(left, names, "Compared with no reference level")


def _row(exposure: Mapping[str, Any], level: Mapping[str, Any]) -> dict[str, Any]:
    then, now = level[AT_EXAM] or {}, level[NOW] or {}
    return {
        **{name: exposure[name] for name in ("started_at", "protocol", "act")},
        "dose": heading(level["quantity"]),
        "value": level["value"],
        "on its day": then.get("nrd"),
        "over": then.get("over"),
        "today": now.get("nrd"),
        "over today": now.get("over"),
    }
