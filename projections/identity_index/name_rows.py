"""Writes under what names identities are found: family and used names, each in every spelling that is sought by.

A spelling follows the assigner's statements: the rows are made from the identity's traits whenever these change, and
deleted by an erasure.
"""

from collections.abc import Callable, Mapping
from typing import Any

from domain.matching.spellings import family_spellings, folded, given_spellings
from projections.engine.projection import RowKey, Rows
from schemas.event import ERASED, LedgerEvent

Write = Callable[[LedgerEvent, Rows], None]
CHANGES_NAMES = frozenset({"identity.registered", "identity.traits_corrected", "identity.erased"})


def with_names(write: Write) -> Write:
    """Write the event's own rows, then the spellings that change."""

    def both(event: LedgerEvent, rows: Rows) -> None:
        identity = RowKey("identity", (event.aggregate_id,))
        # A registration is an identity's first event: there is nothing to look for.
        before = {} if event.type == "identity.registered" else _spellings(rows.get(identity))
        write(event, rows)
        after = _spellings(rows.get(identity))
        for gone in before.keys() - after.keys():
            rows.delete(RowKey("family_name", (event.aggregate_id, gone)))
        for name, said in after.items():
            if before.get(name) != said:
                rows.put(RowKey("family_name", (event.aggregate_id, name)), said)

    return both


def columns(traits: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an identity that follow its names."""
    given = given_spellings(_said(traits, "given"), _said(traits, "first_names"))
    return {
        "given_names": [list(each) for each in given],
        "sort_name": f"{folded(_said(traits, 'family') or '')} {folded(_said(traits, 'given') or '')}".strip(),
    }


def _spellings(row: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    if row is None or not row["traits"]:
        return {}
    found = family_spellings(_said(row["traits"], "family"), _said(row["traits"], "used_name"))
    return {each.name: {"sound": each.sound, "whole": each.whole} for each in found}


def _said(traits: Mapping[str, Any], name: str) -> str | None:
    """A trait; nothing is known of what can no longer be decrypted."""
    value = traits.get(name)
    return None if value == ERASED else value
