"""What a rule over studies counts of a person: each exposure once, and the totals that reports state alone.

One study may have come under several identities of the person, each with a Dose of its own: all of them are looked at
together, as ``dose show`` does.
"""

from collections.abc import Iterator, Sequence
from math import fsum
from typing import NamedTuple

from domain.dose_alerts import EXAMS, AlertRule
from domain.dose_causes import Shot
from domain.dose_devices import Device, Stated, counting
from domain.dose_moments import WHOLE, Moment
from domain.dose_standing import Reports


class Told(NamedTuple):
    """The reports of one study under one identity, and when the person was born; None: not known."""

    reports: Reports
    born: str | None


def shots(studies: Sequence[Told], rule: AlertRule) -> list[Shot]:
    """Each irradiation event once, with its greatest value, and of the study that comes first; and of each study as
    one what reports of other devices state alone.
    """
    found: dict[str, Shot] = {}
    by_uid: dict[str, list[Told]] = {}
    for told in studies:
        by_uid.setdefault(told.reports.study_uid, []).append(told)
        for shot in _of_events(told, rule):
            known = found.get(shot.key)
            found[shot.key] = shot if known is None else known._replace(value=max(known.value, shot.value))
    if rule.quantity != EXAMS:
        found |= {shot.key: shot for same in by_uid.values() for shot in _stated_alone(same, rule)}
    return [*found.values()]


def _of_events(told: Told, rule: AlertRule) -> Iterator[Shot]:
    reports, born = told
    if rule.quantity == EXAMS:
        values = dict.fromkeys(sorted({event for held in reports.kept().values() for event in held.events}), 1.0)
    else:
        values = reports.counted(rule.quantity)
    for event_uid, value in values.items():
        report_uid = reports.carrier_of(event_uid)
        if _is_about(rule, reports.moments[report_uid, event_uid], born):
            yield from _shot(reports, report_uid, event_uid, value)


def _stated_alone(same: Sequence[Told], rule: AlertRule) -> Iterator[Shot]:
    """What counts of the totals that reports of one study state alone. Each report counts once, whoever has it."""
    stated: dict[str, tuple[Stated, Reports]] = {}
    known: list[Device] = []
    for reports, born in same:
        alone, devices = reports.alone(rule.quantity)
        known += devices
        for one in alone:
            if _is_about(rule, reports.moments[one.report[1], WHOLE], born):
                stated.setdefault(one.report[1], (one, reports))
    if counts := counting((one for one, _ in stated.values()), known):
        first, reports = stated[counts[0].report[1]]
        yield from _shot(reports, first.report[1], WHOLE, fsum(one.value for one in counts))


def _shot(reports: Reports, report_uid: str, event_uid: str, value: float) -> Iterator[Shot]:
    """Nothing of what has no time."""
    moment = reports.moments[report_uid, event_uid]
    if (at := moment.when()) is not None:
        study = str(reports.study_id)
        yield Shot(at, study, reports.study_uid, event_uid, report_uid, value, moment.modality, moment.region)


def _is_about(rule: AlertRule, moment: Moment, born: str | None) -> bool:
    """Whether a rule is about whom it was made on, and by which modality."""
    return rule.of_modality(moment.modality) and is_of_population(rule, moment, born)


def is_of_population(rule: AlertRule, moment: Moment, born: str | None) -> bool:
    """Whether a rule is about whom it was made on. Who may be either is judged by both."""
    return not rule.population or moment.population(born) in (rule.population, None)
