"""Writes what identities are matched by, under the matching rules: keys of equal fields, or keys of candidates.

A key follows the assigner's statements: it is recomputed from the identity's row when traits or INS change, and deleted
by an erasure; nothing is matched by text that can no longer be decrypted. Without rules there are no rows.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Set
from hashlib import sha256
from typing import Any

from domain.ins import qualified
from domain.matching.keys import keys
from domain.matching.model import Model, body
from domain.matching.record import record
from domain.rules.matching import ACTIONS, MatchingRules, match_keys
from projections.engine.projection import RowKey, Rows, Seed
from projections.identity_index.identity_rows import NO_TRAITS
from schemas.event import LedgerEvent

Write = Callable[[LedgerEvent, Rows], None]
CHANGES_KEYS = frozenset(
    f"identity.{what}" for what in ("registered", "traits_corrected", "ins_attached", "ins_detached", "erased")
)


class MatchRows:
    """Keeps the keys of identities under one rule set."""

    def __init__(self, rules: MatchingRules) -> None:
        self._rules = rules

    def seeds(self) -> Iterable[Seed]:
        """The rules themselves, so that due decisions can be computed from the version's tables alone."""
        if model := self._rules.model:
            yield from _of_model(self._rules.version, model)
            return
        for place, rule in enumerate(self._rules.rules):
            yield (
                RowKey("match_rule", (rule.name,)),
                _rule(place, rule.action, self._rules.version, rule.score, rule.fields),
            )

    def write(self, event: LedgerEvent, rows: Rows, write: Write) -> None:
        """Write the event's own rows, then the keys that change."""
        identity = RowKey("identity", (event.aggregate_id,))
        # A registration is an identity's first event: there is nothing to look for.
        before = set() if event.type == "identity.registered" else self._keys(rows.get(identity), event.aggregate_id)
        write(event, rows)
        after = self._keys(rows.get(identity), event.aggregate_id)
        for key in before - after:
            rows.delete(key)
        for key in after - before:
            rows.put(key, {})

    def _keys(self, row: Mapping[str, Any] | None, identity: str) -> Set[RowKey]:
        if row is None or row["erased"] or not row["traits"] or row["traits"] == NO_TRAITS:
            return set()
        traits, ins = row["traits"], qualified(row["ins"], row["ins_oid"])
        if self._rules.model:
            return {RowKey("candidate_key", (key, identity)) for key in keys(record(traits, ins))}
        return {
            RowKey("match_key", (rule, key, identity)) for rule, key in match_keys(self._rules, traits, ins).items()
        }


def _of_model(version: int, model: Model) -> Iterable[Seed]:
    told = body(model)
    digest = sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    yield RowKey("match_model", (version,)), {"digest": digest, "body": told}
    for place, (tier, action) in enumerate(ACTIONS.items()):
        yield RowKey("match_rule", (tier.value,)), _rule(place, action, version, None, ())


def _rule(place: int, action: str, version: int, score: float | None, fields: Iterable[str]) -> dict[str, Any]:
    return {"place": place, "action": action, "score": score, "fields": list(fields), "rule_version": version}
