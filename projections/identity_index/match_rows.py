"""Writes the match keys of identities under the matching rules; equal keys suggest one person.

A key follows the assigner's statements: it is recomputed from the identity's row when traits or INS change, and deleted
by an erasure; nothing is matched by text that can no longer be decrypted. Without rules there are no rows.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from domain.ins import qualified
from domain.rules.matching import MatchingRules, match_keys
from projections.engine.projection import RowKey, Rows, Seed
from projections.identity_index.identity_rows import NO_TRAITS
from schemas.event import LedgerEvent

Write = Callable[[LedgerEvent, Rows], None]
CHANGES_KEYS = frozenset(
    f"identity.{what}" for what in ("registered", "traits_corrected", "ins_attached", "ins_detached", "erased")
)


class MatchRows:
    """Keeps the ``match_key`` rows of identities under one rule set."""

    def __init__(self, rules: MatchingRules) -> None:
        self._rules = rules

    def seeds(self) -> Iterable[Seed]:
        """The rules themselves, so that due decisions can be computed from the version's tables alone."""
        for place, rule in enumerate(self._rules.rules):
            yield (
                RowKey("match_rule", (rule.name,)),
                {
                    "place": place,
                    "action": rule.action,
                    "score": rule.score,
                    "fields": list(rule.fields),
                    "rule_version": self._rules.version,
                },
            )

    def write(self, event: LedgerEvent, rows: Rows, write: Write) -> None:
        """Write the event's own rows, then the keys that change."""
        identity = RowKey("identity", (event.aggregate_id,))
        # A registration is an identity's first event: there is nothing to look for.
        before = {} if event.type == "identity.registered" else self._keys(rows.get(identity))
        write(event, rows)
        after = self._keys(rows.get(identity))
        for rule, key in before.items() - after.items():
            rows.delete(RowKey("match_key", (rule, key, event.aggregate_id)))
        for rule, key in after.items() - before.items():
            rows.put(RowKey("match_key", (rule, key, event.aggregate_id)), {})

    def _keys(self, row: Mapping[str, Any] | None) -> dict[str, str]:
        if row is None or row["erased"] or not row["traits"] or row["traits"] == NO_TRAITS:
            return {}
        return match_keys(self._rules, row["traits"], qualified(row["ins"], row["ins_oid"]))
