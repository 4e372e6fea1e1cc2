"""Prints what a statement would change: the persons as they are, and as they would be, with how much each holds."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.unlike import in_words
from krypton.cli.output import document, heading, out, table, text

COLUMNS: Final = ("person", "assigner", "local_id", "studies", "reports", "dose_reports", "orders")


def print_preview(found: Mapping[str, Any], as_json: bool) -> None:
    """The document of ``krypton.queries.preview``."""
    if as_json:
        document({"written": False, **found})
        return
    said = ", ".join(f"{heading(name)} {text(value)}" for name, value in found["result"].items())
    out.print(f"nothing was written; it would be: {said}")
    if found["differing"]:
        out.print(f"the two differ in {in_words(found['differing'])}")
    for when in ("now", "then"):
        table(_rows(found[when]), COLUMNS, f"{when.capitalize()}: {_count(found[when])}")


def _count(persons: Sequence[Any]) -> str:
    return f"{len(persons)} persons" if len(persons) != 1 else "1 person"


def _rows(persons: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each identity under the number of its person; and what a person of several has in all."""
    rows = []
    for number, person in enumerate(persons, 1):
        rows += [{"person": str(number), **row} for row in person["identities"]]
        if len(person["identities"]) > 1:
            rows.append({"person": str(number), "assigner": "in all", **person["total"]})
    return rows
