"""Commands on doses: record a dose report, judge a study under the alert rules in force, acknowledge an alert."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID, uuid5

from domain.aggregates.dose import Dose
from domain.aggregates.study import Study
from domain.dose_alerts import QUANTITIES, device_checks, over
from domain.ids import Ids
from domain.work import Work


@dataclass(frozen=True, kw_only=True)
class ReceivedDose:
    """One structured dose report in canonical units, shaped as in the schema ``dose.reported``; or the doses of images.

    Without ``exposures`` it reports accumulated dose alone: ``totals`` is all it states (D2). ``source``: ``report``,
    or ``image`` for doses that were taken from image headers; ``said``: words of the report (``domain.dose_words``);
    ``warnings``: codes of what is to be looked at; ``tolerances``: how often each was needed to read it.
    """

    report_uid: str
    reported_at: str | None
    modality: str
    device: dict[str, str | None]
    exposures: list[dict[str, Any]]
    totals: dict[str, float | None]
    qa: bool = False
    not_understood: list[str] = field(default_factory=list)
    source: str = "report"
    sop_class: str = ""
    warnings: list[str] = field(default_factory=list)
    tolerances: dict[str, int] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)


def record_dose(work: Work, study: Study, site: str, received: ReceivedDose, *, corrects: Collection[str] = ()) -> bool:
    """Record a report under its study, and raise the alerts due under the rules in force.

    False if it is already recorded. ``corrects``: as ``Dose.report`` has it.
    """
    dose = work.find(Dose, Dose.create_id(work.ids, study.id))
    if dose is None:
        dose = work.add(Dose(Dose.create_id(work.ids, study.id), study.id, study.identity_id, study.study_uid))
    if received.report_uid in dose.reports:
        return False
    report, bounds = asdict(received), work.rules.plausible
    for exposure in report["exposures"]:
        exposure["implausible"] = bounds.above({quantity: exposure.get(quantity) for quantity in QUANTITIES})
    report |= {"implausible": bounds.above(report["totals"]), "bounds_version": bounds.version}
    dose.report(site=site, corrects=corrects, **report)
    for alert in (*over(dose.values(), work.rules.alerts), *device_checks(report, work.rules.alerts)):
        dose.raise_alert(**alert)
    return True


def correct_dose(work: Work, study: Study, site: str, received: ReceivedDose, digest: str) -> None:
    """Record the content of a report that came once more with other content, as the one that stands.

    It goes by a UID made of the report's and of the content's digest: all contents of one UID are kept. It stands for
    the report and for each content that was accepted before: the last decision holds. Raises OtherReportStands (D5).
    """
    uid = received.report_uid
    before = [_corrected_uid(study, uid, accepted) for accepted in study.accepted.get(uid, ())]
    note = f"report: corrects {uid}, which came once more under its own UID"
    corrected = replace(
        received,
        report_uid=_corrected_uid(study, uid, digest),
        not_understood=[*received.not_understood, note],
    )
    record_dose(work, study, site, corrected, corrects=[uid, *before])


def _corrected_uid(study: Study, uid: str, digest: str) -> str:
    return f"2.25.{uuid5(study.id, f'{uid}|{digest}').int}"


@dataclass(frozen=True, kw_only=True)
class AcceptValues:
    """Take a report's implausible values for right, so that they count. ``study``: the study's id."""

    study: UUID
    report_uid: str
    note: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ValuesUnchanged (D4), NotFound. Alerts that were not due without the values are raised."""
        dose = work.get(Dose, Dose.create_id(work.ids, self.study))
        dose.accept_values(report_uid=self.report_uid, note=self.note)
        before = len(dose.alerts)
        for alert in over(dose.values(), work.rules.alerts):
            dose.raise_alert(**alert)
        return {"study": str(self.study), "report": self.report_uid, "alerts": len(dose.alerts) - before}


@dataclass(frozen=True, kw_only=True)
class JudgeDose:
    """Raise the alerts of a study that are due under the rules in force and not raised yet; used after rules change.

    ``study``: the study's id. Alerts raised or acknowledged under other rules stand; alert levels set on the site's
    device are not Krypton's rules and are not judged again.
    """

    study: UUID

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The study's doses."""
        return (Dose.create_id(ids, self.study),)

    def decide(self, work: Work) -> dict[str, Any]:
        """It is no error if nothing is due. Raises NotFound."""
        dose = work.get(Dose, Dose.create_id(work.ids, self.study))
        before = len(dose.alerts)
        for alert in over(dose.values(), work.rules.alerts):
            dose.raise_alert(**alert)
        return {"study": str(self.study), "alerts": len(dose.alerts) - before}


@dataclass(frozen=True, kw_only=True)
class AcknowledgeAlert:
    """Acknowledge an alert."""

    study: UUID
    alert: UUID
    note: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises AlertUnchanged (D3), NotFound."""
        work.get(Dose, Dose.create_id(work.ids, self.study)).acknowledge(alert_id=self.alert, note=self.note)
        return {"study": str(self.study), "alert": str(self.alert)}
