"""Determines the rules in force: a fold of published versions and of view promotions and rollbacks.

Publishing changes no decision: a version is in force once a view built with it is promoted, until a promotion or a
rollback names another version of the kind. Before the first one: the built-in alert thresholds (``dose-alerts@1``) and
bounds (``plausible-doses@1``), no matching rules and no reference levels, both as version 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from domain.dose_alerts import AlertRules
from domain.errors import NotFound
from domain.rules import alerts, plausible
from domain.rules.document import (
    DOSE_ALERTS,
    KINDS,
    MATCHING,
    PLAUSIBLE_DOSES,
    REFERENCE_LEVELS,
    RuleDocument,
    RuleId,
    Rules,
    build,
)
from domain.rules.levels import ReferenceLevels
from domain.rules.matching import MatchingRules
from domain.rules.plausible import PlausibleDoses

ABSENT: dict[str, Rules] = {
    MATCHING: MatchingRules(),
    REFERENCE_LEVELS: ReferenceLevels(),
    DOSE_ALERTS: alerts.BUILT_IN,
    PLAUSIBLE_DOSES: plausible.BUILT_IN,
}


@dataclass(frozen=True)
class Published:
    """A published document, with the ledger position that published it."""

    document: RuleDocument
    position: int

    @cached_property
    def rules(self) -> Rules:
        """What it states."""
        return build(self.document.kind, self.document.version, self.document.body)


class RulesInForce:
    """All published rules by id, and which version of each kind decides now."""

    TYPES: ClassVar[tuple[str, ...]] = ("rules.published", "view.promoted", "view.rolled_back")

    def __init__(self) -> None:
        self.upto = 0
        self.published: dict[RuleId, Published] = {}
        self.in_force: dict[str, int] = {kind: absent.version for kind, absent in ABSENT.items()}

    def apply(self, event_type: str, position: int, data: Mapping[str, Any]) -> None:
        """Fold one event. Rules that a view names but nobody published (of a kind unknown here) have no effect."""
        if event_type == "rules.published":
            told = RuleDocument(data["kind"], data["version"], data["in_force_from"], data["label"], data["body"])
            self.published[told.id] = Published(told, position)
            return
        for kind, version in data["rules"].items():
            if kind in KINDS and self.knows(RuleId(kind, version)):
                self.in_force[kind] = version

    def knows(self, rule_id: RuleId) -> bool:
        """Whether it was published or is built in."""
        return rule_id in self.published or ABSENT[rule_id.kind].version == rule_id.version

    def get(self, rule_id: RuleId) -> Rules:
        """The rules of that id. Raises NotFound."""
        if found := self.published.get(rule_id):
            return found.rules
        if (absent := ABSENT[rule_id.kind]).version == rule_id.version:
            return absent
        raise NotFound(f"rules {rule_id} were not published: see krypton rules list")

    def _of(self, kind: str) -> Any:
        return self.get(RuleId(kind, self.in_force[kind]))

    @property
    def matching(self) -> MatchingRules:
        """The matching rules in force."""
        rules: MatchingRules = self._of(MATCHING)
        return rules

    @property
    def levels(self) -> ReferenceLevels:
        """The reference levels in force."""
        rules: ReferenceLevels = self._of(REFERENCE_LEVELS)
        return rules

    @property
    def alerts(self) -> AlertRules:
        """The alert thresholds in force."""
        rules: AlertRules = self._of(DOSE_ALERTS)
        return rules

    @property
    def plausible(self) -> PlausibleDoses:
        """The bounds of plausible doses in force."""
        rules: PlausibleDoses = self._of(PLAUSIBLE_DOSES)
        return rules
