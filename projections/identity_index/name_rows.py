"""Writes under what names identities are found: family and used names, each in every spelling that is sought by.

A spelling follows the assigner's statements: the rows are made from the identity's traits whenever these change, and
deleted by an erasure.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from domain.matching.spellings import family_spellings, folded, given_spellings
from projections.identity_index.following import Write, write_following
from schemas.event import ERASED


def with_names(write: Write) -> Write:
    """Write the event's own rows, then the spellings that change."""
    return partial(write_following, write=write, table="family_name", made=_spellings)


def columns(traits: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an identity that follow its names."""
    given = given_spellings(_said(traits, "given"), _said(traits, "first_names"))
    return {
        "given_names": [list(each) for each in given],
        "sort_name": f"{folded(_said(traits, 'family') or '')} {folded(_said(traits, 'given') or '')}".strip(),
    }


def _spellings(row: Mapping[str, Any] | None, identity: str) -> Mapping[tuple[str, str], dict[str, Any]]:
    if row is None or not row["traits"]:
        return {}
    found = family_spellings(_said(row["traits"], "family"), _said(row["traits"], "used_name"))
    return {(identity, e.name): {"sound": e.sound, "whole": e.whole} for e in found}


def _said(traits: Mapping[str, Any], name: str) -> str | None:
    """A trait; nothing is known of what can no longer be decrypted."""
    value = traits.get(name)
    return None if value == ERASED else value
