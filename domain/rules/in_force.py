"""Determines the rules in force, from published versions and from view promotions and rollbacks.

Publishing changes no decision: a version is in force once a view built with it is promoted, until a promotion or a
rollback names another version of the kind. Before the first one: the built-in alert thresholds (``dose-alerts@1``) and
bounds (``plausible-doses@1``), no matching rules and no reference levels, both as version 0. No view is made with
``retention``, ``phantom-words``, ``dose-acts`` and ``dose-factors``: of the versions published whose day has come, the
last is in force; before, the one built in. A text of ``reference-levels`` counts on its days, whatever a view was made
with: a view of doses made with a version says what would be over its levels.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, ClassVar, Final, cast

from domain.decision_tables import KnownRules
from domain.dose_acts import DoseActs
from domain.dose_alerts import AlertRules
from domain.dose_estimates import DoseFactors
from domain.dose_levels import ReferenceLevels
from domain.errors import NotFound
from domain.retention import Retention
from domain.rules import alerts, plausible, retention
from domain.rules.document import (
    DOSE_ACTS,
    DOSE_ALERTS,
    DOSE_FACTORS,
    MATCHING,
    PHANTOM_WORDS,
    PLAUSIBLE_DOSES,
    REFERENCE_LEVELS,
    RETENTION,
    RuleDocument,
    RuleId,
    Rules,
    build,
)
from domain.rules.matching import MatchingRules
from domain.rules.phantoms import PhantomWords
from domain.rules.plausible import PlausibleDoses

ABSENT: dict[str, Rules] = {
    MATCHING: MatchingRules(),
    REFERENCE_LEVELS: ReferenceLevels(),
    DOSE_ALERTS: alerts.BUILT_IN,
    PLAUSIBLE_DOSES: plausible.BUILT_IN,
    RETENTION: retention.BUILT_IN,
    PHANTOM_WORDS: PhantomWords(),
    DOSE_ACTS: DoseActs(),
    DOSE_FACTORS: DoseFactors(),
}
BY_DAY: Final = (RETENTION, PHANTOM_WORDS, DOSE_ACTS, DOSE_FACTORS)
"""Kinds that no view is made with: their day puts them in force."""


@dataclass(frozen=True)
class Published:
    """A published document, with the ledger position that published it."""

    document: RuleDocument
    position: int

    @staticmethod
    def of(data: Mapping[str, Any], position: int) -> "Published":
        """From the fields of the event."""
        told = RuleDocument(data["kind"], data["version"], data["in_force_from"], data["label"], data["body"])
        return Published(told, position)

    @cached_property
    def rules(self) -> Rules:
        """What it states."""
        return build(self.document.kind, self.document.version, self.document.body)


class RulesInForce:
    """All published rules by id, and which version of each kind decides now.

    ``published``: rules to the position that published them; ``upto``: the position as of which that is so.
    """

    TYPES: ClassVar[tuple[str, ...]] = ("rules.published", "view.promoted", "view.rolled_back")

    def __init__(self, upto: int, known: Iterable[KnownRules], read: Callable[[RuleId, int], Published]) -> None:
        """``read``: rules by their id and position. Rules of a kind unknown here have no effect."""
        self.upto = upto
        self._read = read
        self.published: dict[RuleId, int] = {}
        self.in_force: dict[str, int] = {kind: one.version for kind, one in ABSENT.items() if kind not in BY_DAY}
        for one in sorted(known, key=lambda one: one.promoted or 0):
            if one.published:
                self.published[RuleId(one.kind, one.version)] = one.published
            if one.promoted and one.kind in self.in_force:
                self.in_force[one.kind] = one.version

    def known_at(self, position: int) -> "RulesInForce":
        """The same of what was published up to a position; kinds that a view puts in force stay as they are."""
        found = copy(self)
        found.published = {one: at for one, at in self.published.items() if at <= position}
        return found

    def with_document(self, told: RuleDocument) -> "RulesInForce":
        """The same with one more document, as if it had been published: to tell what that would change."""
        found = copy(self)
        found.published = {**self.published, told.id: self.upto + 1}
        found._read = lambda rule_id, at: Published(told, at) if rule_id == told.id else self._read(rule_id, at)
        return found

    def knows(self, rule_id: RuleId) -> bool:
        """Whether it was published or is built in."""
        return rule_id in self.published or ABSENT[rule_id.kind].version == rule_id.version

    def get(self, rule_id: RuleId) -> Rules:
        """The rules of that id. Raises NotFound."""
        if rule_id in self.published:
            return self._published(rule_id).rules
        if (absent := ABSENT[rule_id.kind]).version == rule_id.version:
            return absent
        raise NotFound(f"rules {rule_id} were not published: see krypton rules list")

    def document(self, rule_id: RuleId) -> RuleDocument:
        """What was published under that id."""
        return self._published(rule_id).document

    def _published(self, rule_id: RuleId) -> Published:
        return self._read(rule_id, self.published[rule_id])

    def _of(self, kind: str) -> Any:
        return self.get(RuleId(kind, self.in_force[kind]))

    @property
    def matching(self) -> MatchingRules:
        """The matching rules in force."""
        rules: MatchingRules = self._of(MATCHING)
        return rules

    @property
    def alerts(self) -> AlertRules:
        """The alert thresholds in force."""
        rules: AlertRules = self._of(DOSE_ALERTS)
        return rules

    def alerts_of(self, version: int) -> AlertRules | None:
        """The alert thresholds of a version, in force or not; None: there is none here."""
        rule_id = RuleId(DOSE_ALERTS, version)
        return cast(AlertRules, self.get(rule_id)) if self.knows(rule_id) else None

    @cached_property
    def all_alerts(self) -> Sequence[AlertRules]:
        """The alert thresholds of all versions that were ever published, and those built in."""
        versions = {one.version for one in self.published if one.kind == DOSE_ALERTS} | {ABSENT[DOSE_ALERTS].version}
        return [found for version in sorted(versions) if (found := self.alerts_of(version))]

    @property
    def plausible(self) -> PlausibleDoses:
        """The bounds of plausible doses in force."""
        rules: PlausibleDoses = self._of(PLAUSIBLE_DOSES)
        return rules

    def levels(self, day: date) -> ReferenceLevels:
        """The reference levels of the text in force on a day: the one that began last; none, where that has ended.

        Of two that began on one day the higher version: a correction.
        """
        told = (self.document(one) for one in self.published if one.kind == REFERENCE_LEVELS)
        begun = [(one.in_force_from, one.id) for one in told if one.in_force_from <= day.isoformat()]
        if not begun:
            return cast(ReferenceLevels, ABSENT[REFERENCE_LEVELS])
        found = cast(ReferenceLevels, self.get(max(begun)[1]))
        ended = found.in_force_to is not None and found.in_force_to < day.isoformat()
        return cast(ReferenceLevels, ABSENT[REFERENCE_LEVELS]) if ended else found

    def retention(self, day: date) -> Retention:
        """The rules of retention in force on a day."""
        return cast(Retention, self.by_day(RETENTION, day))

    def phantoms(self, day: date) -> PhantomWords:
        """The words for tests of devices in force on a day."""
        return cast(PhantomWords, self.by_day(PHANTOM_WORDS, day))

    def acts(self, day: date) -> DoseActs:
        """The mapping of exposures to acts in force on a day."""
        return cast(DoseActs, self.by_day(DOSE_ACTS, day))

    def factors(self, day: date) -> DoseFactors:
        """The factors of effective-dose estimates in force on a day."""
        return cast(DoseFactors, self.by_day(DOSE_FACTORS, day))

    def by_day(self, kind: str, day: date) -> Rules:
        """The rules in force on a day, of a kind that no view is made with."""
        known = (one for one in self.published if one.kind == kind)
        come = [one for one in known if self.document(one).in_force_from <= day.isoformat()]
        return self.get(max(come, default=RuleId(kind, ABSENT[kind].version)))

    def decides(self, rule_id: RuleId, day: date) -> bool:
        """Whether it is the version of its kind in force on a day. Matching rules without a model decide nothing."""
        if rule_id.kind in BY_DAY:
            return self.by_day(rule_id.kind, day).version == rule_id.version
        if rule_id.kind == REFERENCE_LEVELS:
            return self.levels(day).version == rule_id.version
        if rule_id.kind == MATCHING and not self.matching.model:
            return False
        return self.in_force[rule_id.kind] == rule_id.version
