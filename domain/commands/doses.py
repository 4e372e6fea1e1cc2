"""Commands on doses: record a dose report, judge a study or a person by the alert rules, acknowledge an alert."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID, uuid5

from domain.aggregates.dose import Dose
from domain.aggregates.study import Study
from domain.commands.directory import professional_of
from domain.dose_alerts import device_checks
from domain.dose_judging import judge_person, judge_study
from domain.dose_reports import CORRECTS, READ_AGAIN
from domain.errors import AlertOfAnotherSite, NotFound, ReadAgain
from domain.ids import Ids
from domain.rules.phantoms import PhantomWords
from domain.rules.plausible import JUDGED
from domain.work import Work

CORRECTED = "corrected"


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


def record_dose(
    work: Work,
    study: Study,
    site: str,
    received: ReceivedDose,
    *,
    corrects: Collection[str] = (),
    again: bool = False,
) -> bool:
    """Record a report under its study, and raise the alerts due under the rules in force.

    False if it is already recorded. ``corrects``: as ``Dose.report`` has it; ``again``: what these state was read
    again, and what a person accepted of it stays accepted.
    """
    dose = work.find(Dose, Dose.create_id(work.ids, study.id))
    if dose is None:
        dose = work.add(Dose(Dose.create_id(work.ids, study.id), study.id, study.identity_id, study.study_uid))
    if received.report_uid in dose.reports.held:
        return False
    report, bounds = asdict(received), work.rules.plausible
    for exposure in report["exposures"]:
        exposure["implausible"] = bounds.above({quantity: exposure.get(quantity) for quantity in JUDGED})
    report |= {"implausible": bounds.above(report["totals"]), "bounds_version": bounds.version}
    report["qa"] = is_test(work.rules.phantoms(work.now.date()), site, received)
    dose.report(site=site, corrects=corrects, again=again, **report)
    if again:
        dose.accept_again(received.report_uid, corrects)
    judge_study(work, dose, CORRECTED)
    for alert in device_checks(report, work.rules.alerts):
        dose.raise_alert(**alert, site=site)
    return True


def is_test(words: PhantomWords, site: str, received: ReceivedDose) -> bool:
    """Whether the report is of a test of a device: its reader says so, or words that were published for it."""
    return received.qa or words.tell(
        site,
        (exposure.get("protocol") for exposure in received.exposures),
        description=received.said.get("study_description"),
        station=received.device.get("station"),
    )


def correct_dose(work: Work, study: Study, site: str, received: ReceivedDose, digest: str) -> None:
    """Record the content of a report that came once more with other content, as the one that stands.

    It goes by a UID made of the report's and of the content's digest: all contents of one UID are kept. It stands for
    the report, as it was read again too, and for each content that was accepted before: the last decision holds. Raises
    OtherReportStands (D5).
    """
    uid = received.report_uid
    before = readings(work.find(Dose, Dose.create_id(work.ids, study.id)), study.id, uid)
    before += [_corrected_uid(study, uid, accepted) for accepted in study.conflicts.accepted.get(uid, ())]
    note = f"{CORRECTS}{uid}, which came once more under its own UID"
    corrected = replace(
        received,
        report_uid=_corrected_uid(study, uid, digest),
        not_understood=[*received.not_understood, note],
    )
    record_dose(work, study, site, corrected, corrects=before)


def _corrected_uid(study: Study, uid: str, digest: str) -> str:
    return f"2.25.{uuid5(study.id, f'{uid}|{digest}').int}"


def reading_uid(study: UUID, report_uid: str, times: int) -> str:
    """What a report goes by since it was read again so often; every reading of it is kept."""
    return f"2.25.{uuid5(study, f'{report_uid}|read|{times}').int}" if times else report_uid


def readings(dose: Dose | None, study: UUID, report_uid: str) -> list[str]:
    """What the readings of one report go by, the first one first; the last one stands for the report."""
    found: list[str] = []
    while dose is not None and (uid := reading_uid(study, report_uid, len(found))) in dose.reports.held:
        found.append(uid)
    return found


@dataclass(frozen=True, kw_only=True)
class RereadDose:
    """Record what a stored dose report states, as it is read now; it takes the place of what was read before.

    ``study``: the study's id; ``compared``: what the reading goes by that the new one was found to differ from; None:
    no dose was read of the report.
    """

    study: UUID
    site: str
    received: ReceivedDose
    compared: str | None

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The study and its doses."""
        return (self.study, Dose.create_id(ids, self.study))

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ReadAgain (D6): somebody read it again meanwhile, or accepted another content; NotFound."""
        study, uid = work.get(Study, self.study), self.received.report_uid
        before = readings(work.find(Dose, Dose.create_id(work.ids, study.id)), study.id, uid)
        if uid in study.conflicts.accepted:
            raise ReadAgain(f"a person accepted another content for dose report {uid}: what they decided stands")
        if (before[-1] if before else None) != self.compared:
            raise ReadAgain(f"dose report {uid} was read again meanwhile: run krypton dose reread again")
        notes = [*self.received.not_understood, *([f"{READ_AGAIN}{uid}"] if before else [])]
        new = replace(self.received, report_uid=reading_uid(study.id, uid, len(before)), not_understood=notes)
        record_dose(work, study, self.site, new, corrects=before, again=True)
        return {"study": str(study.id), "report": new.report_uid}


@dataclass(frozen=True, kw_only=True)
class AcceptValues:
    """Take a report's implausible values for right, so that they count. ``study``: the study's id."""

    study: UUID
    report_uid: str
    note: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ValuesUnchanged (D4), NoteMissing (D7), NotFound. Alerts that are due with the values are raised."""
        if (dose := work.find(Dose, Dose.create_id(work.ids, self.study))) is None:
            raise NotFound(f"no dose of the study {self.study}: see krypton dose reports")
        dose.accept_values(report_uid=self.report_uid, note=self.note)
        return {"study": str(self.study), "report": self.report_uid, "alerts": judge_study(work, dose, CORRECTED)}


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
        return {"study": str(self.study), "alerts": judge_study(work, dose, CORRECTED)}


@dataclass(frozen=True, kw_only=True)
class JudgePerson:
    """Judge all doses of the person of an identity: raise what is due, withdraw what is not any more (ADR 68).

    So it does of whom merged pairs connect to it and a bar holds back: a statement of one pair may part or join others.

    ``why``: a code of ``WITHDRAWN``, of what it withdraws. Whatever changes a person's doses leads to it by itself
    (``policies.alerts``), so it rests on nothing that comes meanwhile; only what it writes does.
    """

    identity: UUID
    why: str

    def decide(self, work: Work) -> dict[str, Any]:
        """It is no error if nothing is due."""
        told = {"identity": str(self.identity)}
        if not any(rules.more for rules in work.rules.all_alerts):  # what is about one study is judged with its report
            return told | {"alerts": 0}
        around = work.membership.around([str(self.identity)])
        persons = {min(person): person for person in around.values()}
        return told | {"alerts": sum(self._judged(work, {*map(UUID, persons[first])}) for first in sorted(persons))}

    def _judged(self, work: Work, members: Collection[UUID]) -> int:
        """How many alerts were raised of one person."""
        ids = {Dose.create_id(work.ids, begun) for member in members for begun in work.begun_for(member)}
        work.fetch(ids)
        found = (work.find(Dose, one) for one in sorted(ids))
        doses = [dose for dose in found if dose is not None and dose.identity_id in members]
        raised = judge_person(work, doses, self.why)
        if any(dose.pending_events for dose in doses):
            work.rests_on(*(dose.id for dose in doses))
        return raised


@dataclass(frozen=True, kw_only=True)
class AcknowledgeAlert:
    """Acknowledge an alert. ``by``: RPPS number of the professional who does."""

    study: UUID
    alert: UUID
    note: str
    by: str | None = None

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises AlertUnchanged (D3), NoteMissing (D7), AlertOfAnotherSite (D8), NotFound."""
        dose = work.get(Dose, Dose.create_id(work.ids, self.study))
        if self.by is not None:
            _refuse_unless_theirs(work, self.by, dose.sites_of_alert(self.alert))
        dose.acknowledge(alert_id=self.alert, note=self.note)
        return {"study": str(self.study), "alert": str(self.alert)}


def _refuse_unless_theirs(work: Work, rpps: str, sites: Collection[str]) -> None:
    """Raises AlertOfAnotherSite (D8), NotFound where the professional is not registered. ``sites``: none: no alert."""
    professional = professional_of(work, rpps)
    if professional.suspended:
        raise AlertOfAnotherSite(f"professional {rpps} is suspended and acknowledges no alert")
    if sites and professional.sites.isdisjoint(sites):
        raise AlertOfAnotherSite(
            f"the alert is for {' or '.join(sorted(sites))}, and professional {rpps} does not work there: "
            "krypton dose alerts shows those of their establishment"
        )
