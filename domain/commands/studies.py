"""Commands on studies: record a batch of received instances, reassign, withdraw."""

from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from domain.aggregates.dose import Dose
from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.doses import ReceivedDose, record_dose
from domain.commands.received_patient import ReceivedPatient, identity_for, named_by, under_number
from domain.commands.study_protection import Whose, protect
from domain.dose_reports import REPORT
from domain.errors import Contended
from domain.ids import Ids
from domain.study_conflicts import Conflict
from domain.texts import received_accession
from domain.work import Work

PERSONAL = frozenset(
    {
        *("PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence"),
        *("PatientName", "PatientBirthDate", "PatientSex"),
    }
)
"""The attributes that say whose an instance is."""


@dataclass(frozen=True, kw_only=True)
class ReceivedReport:
    """A report found in the batch. ``kind``: ``SR``, ``PDF``, ``CDA``, ``KOS``, ``DOSE``.

    ``unread``: why no dose could be read of a dose report.
    """

    report_uid: str
    kind: str
    title: str | None
    unread: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReceivedConflict:
    """Instances received once more with other content: what differs, by keyword, and what the second says.

    ``uid``, ``digest``: of one of them; ``reports``: whether one is a dose report.
    """

    patient: ReceivedPatient
    study_uid: str
    differing: list[str]
    instances: int
    uid: str
    digest: str
    reports: bool = False

    def record(self, work: Work, study: Study, site: str) -> None:
        """Record it on the study that has the first ones."""
        other = named_by(work, site, self.patient, self.study_uid).id
        said = asdict(self.patient) if PERSONAL.intersection(self.differing) else None
        study.find_conflict(
            kind=self._kind(work, study, other),
            instances=self.instances,
            differing=self.differing,
            said=Conflict(site, self.uid, self.digest, other, self.study_uid, said),
        )

    def _kind(self, work: Work, study: Study, other: UUID) -> str:
        if self.study_uid != study.study_uid:
            return "study"
        if other != study.identity_id:
            return "patient"
        if PERSONAL.intersection(self.differing):
            return "traits"
        if "SeriesInstanceUID" in self.differing:
            return "series"
        return "report" if self.reports and "ContentSequence" in self.differing else "content"


@dataclass(frozen=True, kw_only=True)
class ReceiveStudy:
    """Record one closed batch of new instances of one study of one person.

    ``series``: ``{"series_uid", "modality", "instances"}`` with counts of this batch; ``instances`` their sum;
    ``root``: hex of the SHA-256 over the sorted instance digests; ``started_at`` as encoded, ISO 8601 without zone.
    ``accession`` is None if it is not a valid one (``domain.texts``).
    """

    site: str
    patient: ReceivedPatient
    study_uid: str
    accession: str | None
    started_at: str | None
    description: str | None
    modalities: list[str]
    series: list[dict[str, Any]]
    instances: int
    root: str
    reports: list[ReceivedReport] = field(default_factory=list)
    doses: list[ReceivedDose] = field(default_factory=list)
    conflicts: list[ReceivedConflict] = field(default_factory=list)

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The identity it most likely belongs to, who bears the number second, its study and its doses."""
        identity_id, second = (Identity.create_id(ids, self.site, self.patient.local_id, one) for one in (1, 2))
        study_id = Study.create_id(ids, identity_id, self.study_uid)
        return (identity_id, second, study_id, *([Dose.create_id(ids, study_id)] if self.doses else []))

    def decide(self, work: Work) -> dict[str, Any]:
        """Registers the identity if it is new; records the study or its new instances, its reports, doses and
        conflicts. Raises Contended where it holds conflicts alone, and their study is not recorded yet.
        """
        if self.conflicts and not self.instances:
            return self._conflicts_alone(work)
        identity = identity_for(work, self.site, self.patient, self.study_uid)
        study_id = Study.create_id(work.ids, identity.id, self.study_uid)
        if study := work.find(Study, study_id):
            outcome = "extended"
            study.extend(modalities=self.modalities, series=self.series, instances=self.instances, root=self.root)
        else:
            outcome = "arrived"
            study = work.add(self._arrival(study_id, identity.id))
        for report in self.reports:
            if report.report_uid not in study.reports:
                study.add_report(**vars(report))
        recorded = [dose for dose in self.doses if record_dose(work, study, self.site, dose)]
        for conflict in self.conflicts:
            conflict.record(work, study, self.site)
        return {
            "identity": str(identity.id),
            "study": str(study.id),
            "outcome": outcome,
            "dose_reports": sum(dose.source == REPORT for dose in recorded),
        }

    def _conflicts_alone(self, work: Work) -> dict[str, Any]:
        for identity in under_number(work, self.site, self.patient):
            if study := work.find(Study, Study.create_id(work.ids, identity.id, self.study_uid)):
                for conflict in self.conflicts:
                    conflict.record(work, study, self.site)
                return {"identity": str(identity.id), "study": str(study.id), "outcome": "conflict", "dose_reports": 0}
        raise Contended("the study of an instance that came twice is not recorded yet: ask again")

    def _arrival(self, study_id: UUID, identity_id: UUID) -> Study:
        return Study(
            study_id,
            identity_id,
            self.study_uid,
            self.site,
            received_accession(self.accession),
            self.started_at,
            self.modalities,
            self.description,
            self.series,
            self.instances,
            self.root,
        )


def move(work: Work, study: Study, to_identity: UUID, reason: str) -> None:
    """State that a study is another identity's, and its doses. Raises AlreadyThere (S4)."""
    study.reassign(to_identity_id=to_identity, reason=reason)
    move_doses(work, study)


def hand_over(
    work: Work, study: Study, identity: Identity, protects: Whose | None, reason: str
) -> dict[str, list[str]]:
    """Move a study to an identity that is known, as a human says; returns what protects both, for the answer.

    Raises as ``move``, and ProtectionInDoubt (S6).
    """
    former = work.get(Identity, study.identity_id)
    move(work, study, identity.id, reason)
    told = protect(work, former, identity, protects, reason)
    return {"for_both": told} if told else {}


def move_doses(work: Work, study: Study) -> None:
    """The doses of a study that has just moved follow it."""
    if dose := work.find(Dose, Dose.create_id(work.ids, study.id)):
        dose.reassign(to_identity_id=study.identity_id)


@dataclass(frozen=True, kw_only=True)
class ReassignStudy:
    """Reassign a study made under the wrong identity. Its doses follow.

    ``protects``: whom protects what was said for that identity; the answer has under ``for_both`` what protects both
    from now on.
    """

    study: UUID
    to_identity: UUID
    reason: str
    protects: Whose | None = None

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises AlreadyThere (S4), ProtectionInDoubt (S6), Erased (I7), NotFound."""
        study, identity = work.get(Study, self.study), work.get(Identity, self.to_identity)
        identity.refuse_if_erased()
        both = hand_over(work, study, identity, self.protects, self.reason)
        return {"study": str(study.id), "identity": str(identity.id), **both}


@dataclass(frozen=True, kw_only=True)
class WithdrawStudy:
    """Hide a study from readers. Its dose stays: the irradiation happened."""

    study: UUID
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises StudyWithdrawn (S3)."""
        work.get(Study, self.study).withdraw(reason=self.reason)
        return {"study": str(self.study)}
