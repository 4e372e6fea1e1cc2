"""Writes what identities are matched by under a model of matching: keys of candidates.

A key follows the assigner's statements: it is recomputed from the identity's row when traits or INS change, and deleted
by an erasure; nothing is matched by text that can no longer be decrypted. Without a model there are no rows.
"""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from domain.ins import qualified
from domain.matching.keys import keys
from domain.matching.model import Model, body
from domain.matching.record import record
from domain.matching.sketches import sketch
from projections.engine.projection import RowKey, Rows, Seed
from projections.identity_index.following import Write, write_following
from projections.identity_index.identity_rows import NO_TRAITS
from schemas.event import LedgerEvent

CHANGES_KEYS = frozenset(
    f"identity.{what}" for what in ("registered", "traits_corrected", "ins_attached", "ins_detached", "erased")
)


def seeds(version: int, model: Model) -> Iterable[Seed]:
    """The model itself, so that due decisions can be computed from the version's tables alone."""
    told = body(model)
    digest = sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    yield RowKey("match_model", (version,)), {"digest": digest, "body": told}


def write_matched(event: LedgerEvent, rows: Rows, write: Write) -> None:
    """Write the event's own rows, then the keys that change."""
    write_following(event, rows, write, _keys)


def _keys(row: Mapping[str, Any] | None, identity: str) -> Mapping[RowKey, dict[str, Any]]:
    if row is None or row["erased"] or not row["traits"] or row["traits"] == NO_TRAITS:
        return {}
    known = record(row["traits"], qualified(row["ins"], row["ins_oid"]))
    return {RowKey("candidate_key", (key, sketch(known), identity)): {} for key in keys(known)}
