"""Commands on studies: record a batch of received instances, reassign, withdraw."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from domain.aggregates.dose import Dose
from domain.aggregates.identity import FORCES_PROV, Identity
from domain.aggregates.study import Conflict, Study
from domain.commands.doses import ReceivedDose, record_dose
from domain.errors import BadIns, Contended, NothingNew, UnknownSite
from domain.ins import AUTHORITIES, matricule
from domain.texts import received_accession
from domain.traits import (
    can_be_one_person,
    completed,
    dates_differ,
    names_agree,
    received_traits,
    refuse_odd_id,
)
from domain.work import Work

MOST_COLLISIONS = 100
PERSONAL = frozenset(
    {
        *("PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence"),
        *("PatientName", "PatientBirthDate", "PatientSex"),
    }
)
"""The attributes that say whose an instance is."""


@dataclass(frozen=True, kw_only=True)
class ReceivedPatient:
    """The person as the sender wrote them. ``issuer``: Issuer of Patient ID, where present.

    ``ins``, ``ins_oid``: the national health identity sent with them. Where it is all that was sent, it is the local id
    too, and the authority of INS its issuer.
    """

    local_id: str
    issuer: str | None
    stated: dict[str, str | None]
    ins: str | None = None
    ins_oid: str | None = None


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
        other = would_be(work, site, self.patient)
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

    def touches(self) -> tuple[UUID, ...]:
        """The identity it most likely belongs to, its study and its doses."""
        identity_id = Identity.create_id(self.site, self.patient.local_id)
        study_id = Study.create_id(identity_id, self.study_uid)
        return (identity_id, study_id, *([Dose.create_id(study_id)] if self.doses else []))

    def decide(self, work: Work) -> dict[str, Any]:
        """Registers the identity if it is new; records the study or its new instances, its reports, doses and
        conflicts. Raises Contended where it holds conflicts alone, and their study is not recorded yet.
        """
        if self.conflicts and not self.instances:
            return self._conflicts_alone(work)
        identity = identity_for(work, self.site, self.patient)
        study_id = Study.create_id(identity.id, self.study_uid)
        if study := work.find(Study, study_id):
            outcome = "extended"
            study.extend(modalities=self.modalities, series=self.series, instances=self.instances, root=self.root)
        else:
            outcome = "arrived"
            study = work.add(self._arrival(identity.id))
        for report in self.reports:
            if report.report_uid not in study.reports:
                study.add_report(**vars(report))
        doses = [record_dose(work, study, self.site, dose) for dose in self.doses]
        for conflict in self.conflicts:
            conflict.record(work, study, self.site)
        return {
            "identity": str(identity.id),
            "study": str(study.id),
            "outcome": outcome,
            "dose_reports": sum(doses),
        }

    def _conflicts_alone(self, work: Work) -> dict[str, Any]:
        for identity in under_number(work, self.site, self.patient):
            if study := work.find(Study, Study.create_id(identity.id, self.study_uid)):
                for conflict in self.conflicts:
                    conflict.record(work, study, self.site)
                return {"identity": str(identity.id), "study": str(study.id), "outcome": "conflict", "dose_reports": 0}
        raise Contended("the study of an instance that came twice is not recorded yet: ask again")

    def _arrival(self, identity_id: UUID) -> Study:
        return Study(
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


def identity_for(work: Work, site: str, patient: ReceivedPatient) -> Identity:
    """The identity of a received person: the site's, unless the issuer is an enrolled establishment.

    The same number with a name and birth date that cannot be the same person is a distinct identity, flagged
    ``collision`` (I2). Nothing is added to an erased identity: a later person under its number is a separate identity,
    without a collision. Raises UnknownSite (S1), BadTraits (I1: the local id).
    """
    if work.directory.site(site) is None:
        raise UnknownSite(f"no establishment {site} is enrolled: krypton site enroll {site} --name …")
    refuse_odd_id(patient.local_id)
    stated = received_traits(work.now, **patient.stated)
    others: list[Identity] = []
    for known in under_number(work, site, patient):
        if _is_of(known, stated):
            _learn(known, stated)
            break
        others.append(known)
    else:
        known = _registered(work, _assigner(work, site, patient), patient.local_id, stated, others)
    _attach_ins(known, patient)
    return known


def under_number(work: Work, site: str, patient: ReceivedPatient) -> Iterator[Identity]:
    """The identities that bear a received number, in the order in which they were registered.

    Raises NothingNew where there are too many.
    """
    assigner = _assigner(work, site, patient)
    for ordinal in range(1, MOST_COLLISIONS):
        known = work.find(Identity, Identity.create_id(assigner, patient.local_id, ordinal))
        if known is None:
            return
        yield known
    raise NothingNew(
        f"{assigner} has {MOST_COLLISIONS} persons under one number: ask the site to correct its numbering"
    )


def would_be(work: Work, site: str, patient: ReceivedPatient) -> UUID:
    """The id of the identity that a received person is or would be; nobody is registered."""
    stated, under = received_traits(work.now, **patient.stated), list(under_number(work, site, patient))
    known = next((one.id for one in under if _is_of(one, stated)), None)
    return known or Identity.create_id(_assigner(work, site, patient), patient.local_id, len(under) + 1)


def _assigner(work: Work, site: str, patient: ReceivedPatient) -> str:
    """Who gave out a received number: its issuer, where that is an establishment or an authority of INS."""
    issuer = patient.issuer
    known = issuer and (issuer in AUTHORITIES.values() or work.directory.site(issuer))
    return issuer if issuer and known else site


def _attach_ins(identity: Identity, patient: ReceivedPatient) -> None:
    """The INS that was received with a person; one that is malformed, or a flagged identity's, is left out."""
    if patient.ins and patient.ins_oid and not identity.has_ins and not identity.flags & FORCES_PROV.keys():
        with suppress(BadIns):
            checked = matricule(patient.ins, patient.ins_oid)
            identity.attach_ins(matricule=checked, oid=patient.ins_oid, mode="DICOM")


def _registered(
    work: Work, assigner: str, local_id: str, stated: dict[str, str | None], others: list[Identity]
) -> Identity:
    """A new identity. ``others``: those that had the number before."""
    collides = not all(other.erased for other in others)
    source = "received_anew" if others and not collides else "received"
    new = work.add(Identity(assigner, local_id, len(others) + 1, stated, source))
    if collides:
        new.flag(flag="collision", reason="the number is in use for another person")
    return new


def _is_of(known: Identity, stated: dict[str, str | None]) -> bool:
    """Whether a statement can be about a person, judging by number and traits.

    A different name is accepted if the birth date agrees, and a different birth date if the name agrees; never both in
    one identity, or two different people could meet in it. Its flags show which differed.
    """
    if known.erased or not can_be_one_person(known.traits, stated):
        return False
    if names_agree(known.traits, stated):
        return not (dates_differ(known.traits, stated) and "names_differ" in known.flags)
    return "traits_differ" not in known.flags


def _learn(known: Identity, stated: dict[str, str | None]) -> None:
    """Flag differences; otherwise add newly known traits, so that later statements are compared with them too."""
    if not names_agree(known.traits, stated):
        _flag(known, "names_differ", "received under another name with the same birth date")
        return
    if differs := [
        n for n in ("birth_date", "sex") if known.traits.get(n) and stated[n] not in (None, known.traits[n])
    ]:
        _flag(known, "traits_differ", f"received with another {' and '.join(differs)}")
    if (traits := completed(known.traits, stated)) != known.traits:
        known.correct(traits=traits, reason="received with a study, and not known before")


def _flag(known: Identity, flag: str, reason: str) -> None:
    if flag not in known.flags:
        known.flag(flag=flag, reason=reason)


@dataclass(frozen=True, kw_only=True)
class ReassignStudy:
    """Reassign a study made under the wrong identity. Its doses follow."""

    study: UUID
    to_identity: UUID
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises AlreadyThere (S4), StudyWithdrawn (S3), NotFound."""
        study = work.get(Study, self.study)
        work.get(Identity, self.to_identity)
        study.reassign(to_identity_id=self.to_identity, reason=self.reason)
        if dose := work.find(Dose, Dose.create_id(study.id)):
            dose.reassign(to_identity_id=self.to_identity)
        return {"study": str(study.id), "identity": str(self.to_identity)}


@dataclass(frozen=True, kw_only=True)
class WithdrawStudy:
    """Hide a study from readers. Its dose stays: the irradiation happened."""

    study: UUID
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises StudyWithdrawn (S3)."""
        work.get(Study, self.study).withdraw(reason=self.reason)
        return {"study": str(self.study)}
