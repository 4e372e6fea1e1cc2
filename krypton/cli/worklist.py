"""Worklists: rows about several patients, each with who it is about, as far as its reader may know."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from krypton.cli.output import document, err, table
from krypton.cli.patient import full_name

WHO = ("patient", "born", "sex")


def print_worklist(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str, as_json: bool) -> None:
    """The rows, each beginning with its patient; and how to see more than they show, where they do not show all."""
    if as_json:
        document(rows)
        return
    table(with_patients(rows), (*WHO, *columns), title)
    _tell_of_unnamed(rows)


def with_patients(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with name, birth date and sex in cells of their own; without a name, the identity by which to ask."""
    return [
        dict(row) | (_cells(row["patient"] or {}) if _is_whole(row) else {"patient": row["identity"]}) for row in rows
    ]


def _tell_of_unnamed(rows: Iterable[Mapping[str, Any]]) -> None:
    """Say how to see more than a list shows, where it does not show all."""
    if hidden := sum(not _is_whole(row) for row in rows):
        err.print(f"{hidden} without a name: krypton access open IDENTITY --reason … asks to see who it is")


def _is_whole(row: Mapping[str, Any]) -> bool:
    """A clerk's list does not say how much is seen: it is all."""
    return bool(row.get("seen", "whole") == "whole")


def _cells(who: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "patient": full_name(who.get("family"), who.get("given")),
        "born": who.get("birth_date"),
        "sex": who.get("sex"),
    }
