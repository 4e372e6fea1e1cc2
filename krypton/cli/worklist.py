"""Worklists: rows about several patients, each with who it is about."""

from collections.abc import Iterable, Mapping
from typing import Any

WHO = ("patient", "born", "sex")


def with_patients(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with name, birth date and sex in cells of their own."""
    return [dict(row) | _cells(row["patient"] or {}) for row in rows]


def _cells(who: Mapping[str, Any]) -> dict[str, Any]:
    names = [name for name in (who.get("family"), who.get("given")) if name]
    return {"patient": " ".join(names) or None, "born": who.get("birth_date"), "sex": who.get("sex")}
