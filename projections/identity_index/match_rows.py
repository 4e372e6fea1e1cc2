"""Writes what identities are matched by under a model of matching: keys of candidates.

A key follows the assigner's statements: it is recomputed from the identity's row when traits or INS change, and deleted
by an erasure; nothing is matched by text that can no longer be decrypted. Without a model there are no rows.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Set
from hashlib import sha256
from typing import Any

from domain.ins import qualified
from domain.matching.keys import keys
from domain.matching.model import Model, body
from domain.matching.record import record
from projections.engine.projection import RowKey, Rows, Seed
from projections.identity_index.identity_rows import NO_TRAITS
from schemas.event import LedgerEvent

Write = Callable[[LedgerEvent, Rows], None]
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
    identity = RowKey("identity", (event.aggregate_id,))
    # A registration is an identity's first event: there is nothing to look for.
    before = set() if event.type == "identity.registered" else _keys(rows.get(identity), event.aggregate_id)
    write(event, rows)
    after = _keys(rows.get(identity), event.aggregate_id)
    for key in before - after:
        rows.delete(key)
    for key in after - before:
        rows.put(key, {})


def _keys(row: Mapping[str, Any] | None, identity: str) -> Set[RowKey]:
    if row is None or row["erased"] or not row["traits"] or row["traits"] == NO_TRAITS:
        return set()
    known = record(row["traits"], qualified(row["ins"], row["ins_oid"]))
    return {RowKey("candidate_key", (key, identity)) for key in keys(known)}
