"""Writes what identities are matched by under a model of matching: keys of candidates.

A key follows the assigner's statements: it is recomputed from the identity's row when traits or INS change, and deleted
by an erasure; nothing is matched by text that can no longer be decrypted. Without a model there are no rows.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from domain.ins import qualified
from domain.matching.keys import NUMBER, keys, keys_of
from domain.matching.model import Model, body
from domain.matching.numbers import number
from domain.matching.record import Record, record
from domain.matching.sketches import sketch
from domain.traits import TRAITS
from projections.engine.projection import RowKey, Rows, Seed
from projections.identity_index.following import Write, write_following
from projections.identity_index.identity_rows import NO_TRAITS
from schemas.event import LedgerEvent

CHANGES_KEYS = frozenset(
    f"identity.{what}" for what in ("registered", "traits_corrected", "ins_attached", "ins_detached", "erased")
)


KEPT: Final = 2_000
"""Identities whose keys are kept for the next event: those of a page or two."""


def seeds(version: int, model: Model) -> Iterable[Seed]:
    """The model itself, so that due decisions can be computed from the version's tables alone."""
    told = body(model)
    digest = sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    yield RowKey("match_model", (version,)), {"digest": digest, "body": told}


def write_matched(event: LedgerEvent, rows: Rows, write: Write) -> None:
    """Write the event's own rows, then the keys that change."""
    write_following(event, rows, write, "candidate_key", _keys)


def _keys(row: Mapping[str, Any] | None, identity: str) -> Mapping[tuple[int, int, str], dict[str, Any]]:
    if row is None or row["erased"] or not row["traits"] or row["traits"] == NO_TRAITS:
        return {}
    known, shown, found = _of_traits(tuple(row["traits"].get(name) for name in TRAITS))
    if told := number(qualified(row["ins"], row["ins_oid"]), known.sex, known.born, known.place):
        found |= keys_of(NUMBER, replace(known, number=told))
    return {(key, shown, identity): {} for key in found}


@lru_cache(maxsize=KEPT)
def _of_traits(traits: tuple[str | None, ...]) -> tuple[Record, int, frozenset[int]]:
    """Whom they describe, the sketch and the keys. A number attached at registration asks again for what was made just
    before, and adds a key of its own.
    """
    known = record(dict(zip(TRAITS, traits, strict=True)))
    return known, sketch(known), keys(known)
