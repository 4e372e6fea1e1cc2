"""Judges doses by alert rules: raises what is due, and withdraws what is not any more (D3, ADR 68).

The cause of a rule of kind ``exposure`` or ``study`` is in one study, and is judged with its report. That of the others
lies over studies of one person; its alert is held by the dose of the study that passed the level, and one alert that
stands for any part of a cause is enough. An alert stands or falls by the version of the rules that raised it: a change
of rules withdraws nothing, and raises nothing a second time.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from domain.aggregates.dose import Dose
from domain.aggregates.identity import Identity
from domain.dose_alerts import EXPOSURE, OF_ONE_STUDY, OVER_STUDIES, RULE, STUDY, WINDOW, Alert, AlertRule
from domain.dose_bands import birth_date_of
from domain.dose_causes import Cause, causes
from domain.dose_moments import WHOLE
from domain.dose_shots import Told, is_of_population, shots
from domain.dose_standing import settled
from domain.rules.in_force import RulesInForce
from domain.work import Work

Due = dict[str, Any]
"""An alert that is due, as arguments of ``Dose.raise_alert``."""


def judge_study(work: Work, dose: Dose, why: str) -> int:
    """Judge what is in one study; returns how many alerts were raised. ``why``: of alerts whose cause is gone."""
    born = birth_date(work, dose) if any(rules.of_populations for rules in work.rules.all_alerts) else None
    for ident, alert in _standing(dose, OF_ONE_STUDY):
        rule = _rule_of(work.rules, alert)
        if rule is not None and alert.irradiation_event_uid not in _events(due_in_study(dose, rule, born=born)):
            dose.withdraw_alert(ident, why)
    for ident in dose.unfounded():
        dose.withdraw_alert(ident, why)
    rules = work.rules.alerts
    due = [one for rule in rules.rules.values() for one in due_in_study(dose, rule, rules.version, born)]
    return sum(dose.raise_alert(**one) for one in due)


def due_in_study(dose: Dose, rule: AlertRule, version: int = 0, born: str | None = None) -> Iterator[Due]:
    """What is due by one rule on one study, whether or not it was raised. ``born``: whose it is."""
    if rule.kind == STUDY:
        value, report_uid = dose.reports.values([rule.quantity], rule.modalities)[rule.quantity]
        if value is not None and value > rule.threshold:
            moment = dose.reports.moments[report_uid, WHOLE]
            if is_of_population(rule, moment, born):
                yield _due(rule, version, value, report_uid, moment.site)
    elif rule.kind == EXPOSURE:
        for event_uid, value in dose.reports.counted(rule.quantity, rule.modalities).items():
            report_uid = dose.reports.carrier_of(event_uid)
            moment = dose.reports.moments[report_uid, event_uid]
            if value > rule.threshold and is_of_population(rule, moment, born):
                yield _due(rule, version, value, report_uid, moment.site) | {"irradiation_event_uid": event_uid}


def judge_person(work: Work, doses: Sequence[Dose], why: str) -> int:
    """Judge all doses of one person, each study by itself too; returns how many alerts were raised."""
    raised = sum(judge_study(work, dose, why) for dose in doses)
    person = _Person(work, doses)
    held = [_Held(dose, *one) for dose in doses for one in _standing(dose, OVER_STUDIES)]
    _withdraw(work.rules, person, held, why)
    rules = work.rules.alerts
    for rule in rules.more:
        standing = (one for one in held if one.alert.standing and one.alert.kind == rule.name)
        told, _ = _of_causes(person.causes(rule), standing)
        for cause in person.causes(rule):
            if not told[cause.first.key]:
                raised += person.doses[cause.first.study].raise_alert(
                    **_due_over_studies(rule, rules.version, cause, person)
                )
    return raised


class _Held(NamedTuple):
    """An alert that stood on one of a person's doses."""

    dose: Dose
    ident: UUID
    alert: Alert

    @property
    def key(self) -> str:
        """As ``Shot.key``."""
        return self.alert.irradiation_event_uid or self.dose.reports.study_uid

    def may_tell_of(self, cause: Cause) -> bool:
        """Whether its study adds to a cause, and its exposure was read again, or a report came for its image: what took
        their place may name the exposure otherwise. The skin of one region is not that of another.
        """
        reports, event = self.dose.reports, self.alert.irradiation_event_uid
        counts = any(event in held.events for held in reports.kept().values())
        if counts or str(self.dose.study_id) not in cause.studies:
            return False
        if event is None or self.alert.rule_kind == WINDOW:
            return True
        regions = {reports.moments[reports.carrier_of(event), event].region, cause.first.region}
        return None in regions or len(regions) == 1


def _withdraw(rules: RulesInForce, person: "_Person", held: Sequence[_Held], why: str) -> None:
    """Of alerts by one rule: those whose cause is gone, and all but one of each cause."""
    by_rule: dict[AlertRule, list[_Held]] = defaultdict(list)
    for one in held:
        if rule := _rule_of(rules, one.alert):
            by_rule[rule].append(one)
    for rule, alerts in by_rule.items():
        alerts.sort(key=lambda one: (not one.alert.acknowledged, str(one.ident)))
        told, gone = _of_causes(person.causes(rule), alerts)
        for other in (other for of in told.values() for other in of[1:]):
            other.dose.withdraw_alert(other.ident, "told_already")
        for one in gone:
            one.dose.withdraw_alert(one.ident, why)


def _of_causes(found: Sequence[Cause], alerts: Iterable[_Held]) -> tuple[dict[str, list[_Held]], list[_Held]]:
    """By the first exposure of each cause the alerts that tell of it, and those that tell of none.

    An alert is of the cause that begins with its exposure, else of the first one that this adds to: an exposure whose
    region is not known adds to the causes of several. Else of the first one that it may tell of.
    """
    told: dict[str, list[_Held]] = {cause.first.key: [] for cause in found}
    gone: list[_Held] = []
    for one in alerts:
        holds = [cause for cause in found if one.key in cause.keys] or [c for c in found if one.may_tell_of(c)]
        key = one.key if one.key in told else next((cause.first.key for cause in holds), None)
        (gone if key is None else told[key]).append(one)
    return told, gone


class _Person:
    """All doses of one person, by study, and what rules find in them."""

    def __init__(self, work: Work, doses: Sequence[Dose]) -> None:
        self.doses = {str(dose.study_id): dose for dose in sorted(doses, key=lambda one: str(one.study_id))}
        self._reports = settled(dose.reports for dose in doses)
        self._work = work
        self._found: dict[AlertRule, list[Cause]] = {}

    def causes(self, rule: AlertRule) -> list[Cause]:
        """The causes by this rule; none of a rule that is about one study."""
        if rule not in self._found:
            self._found[rule] = causes(shots(self._told(rule), rule), rule) if rule.kind in OVER_STUDIES else []
        return self._found[rule]

    def _told(self, rule: AlertRule) -> list[Told]:
        """By the study's id, which does not change."""
        of = self.doses.values()
        return [Told(self._reports[d.study_id], birth_date(self._work, d) if rule.population else None) for d in of]


def _due(rule: AlertRule, version: int, value: float, report_uid: str, site: str) -> Due:
    return {
        "kind": rule.name,
        "quantity": rule.quantity,
        "value": value,
        "threshold": rule.threshold,
        "report_uid": report_uid,
        "irradiation_event_uid": None,
        "rule": RULE,
        "rule_version": version,
        "rule_kind": rule.kind,
        "site": site,
    }


def _due_over_studies(rule: AlertRule, version: int, cause: Cause, person: "_Person") -> Due:
    first = cause.first
    site = person.doses[first.study].reports.moments[first.report, WHOLE].site
    return _due(rule, version, cause.value, first.report, site) | {
        "irradiation_event_uid": first.event or None,
        "window_days": rule.days,
        "studies": sorted(cause.studies),
    }


def birth_date(work: Work, dose: Dose) -> str | None:
    """When the person was born whose the dose is, as traits hold it; None: not known."""
    if (own := birth_date_of(_stated(work, dose.identity_id))) is not None:
        return own
    members = work.membership.members_of([str(dose.identity_id)])
    return birth_date_of(None, [_stated(work, UUID(member)) for member in members])


def _stated(work: Work, identity_id: UUID) -> str | None:
    identity = work.find(Identity, identity_id)
    return identity.traits.get("birth_date") if identity is not None else None


def _standing(dose: Dose, kinds: Sequence[str]) -> list[tuple[UUID, Alert]]:
    """The alerts by rules of these kinds that stand; those of before a kind was said are about a study."""
    found = ((ident, alert) for ident, alert in dose.alerts.items() if alert.standing and alert.rule == RULE)
    return [(ident, alert) for ident, alert in found if (alert.rule_kind or STUDY) in kinds]


def _rule_of(rules: RulesInForce, alert: Alert) -> AlertRule | None:
    """The rule that raised an alert, in the version that did."""
    found = rules.alerts_of(alert.rule_version)
    return found.rules.get(alert.kind) if found is not None else None


def _events(due: Iterator[Mapping[str, Any]]) -> set[str | None]:
    return {one["irradiation_event_uid"] for one in due}
