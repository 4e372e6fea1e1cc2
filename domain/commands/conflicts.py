"""Commands on conflicts of a study: accept what came second, or dismiss it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.doses import ReceivedDose, correct_dose
from domain.commands.pairs import in_review, link_of, links_between
from domain.commands.received_patient import ReceivedPatient, identity_for
from domain.commands.studies import hand_over
from domain.commands.study_protection import Whose
from domain.errors import Erased, HumanMadeIt, NothingToChange
from domain.held import Held
from domain.study_conflicts import Conflict
from domain.traits import received_traits
from domain.work import Work


@dataclass(frozen=True, kw_only=True)
class AcceptConflict:
    """Let what came second stand: the study is the other person's, the traits are corrected, the dose is replaced.

    ``dose``: what the second dose report states, where the conflict is about one; ``protects``: see
    ``ReassignStudy``.
    """

    study: UUID
    conflict: UUID
    reason: str
    dose: ReceivedDose | None = None
    protects: Whose | None = None

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ConflictSettled (S5), ProtectionInDoubt (S6), OtherReportStands (D5), Erased (I7), NotFound."""
        study = work.get(Study, self.study)
        conflict = study.settle(conflict_id=self.conflict, accept=True, reason=self.reason)
        both: dict[str, list[str]] = {}
        if conflict.kind == "patient":
            both = self._reassign(work, study, conflict)
        elif conflict.kind == "traits":
            _correct(work, conflict, self.reason)
        elif self.dose is not None:
            correct_dose(work, study, conflict.site, self.dose, conflict.digest or "")
        return {"study": str(study.id), "conflict": str(self.conflict), "identity": str(study.identity_id), **both}

    def _reassign(self, work: Work, study: Study, conflict: Conflict) -> dict[str, list[str]]:
        patient, named = _patient(work, conflict), work.find(Identity, conflict.other_identity_id)
        identity = identity_for(work, conflict.site, patient, conflict.other_study_uid, named)
        if identity.id == study.identity_id:
            return {}  # somebody reassigned it meanwhile
        return hand_over(work, study, identity, self.protects, self.reason)


@dataclass(frozen=True, kw_only=True)
class DismissConflict:
    """Let what came first stand."""

    study: UUID
    conflict: UUID
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ConflictSettled (S5), NotFound."""
        work.get(Study, self.study).settle(conflict_id=self.conflict, accept=False, reason=self.reason)
        return {"study": str(self.study), "conflict": str(self.conflict)}


@dataclass(frozen=True, kw_only=True)
class FindSharedEvent:
    """Put it on the list that two persons claim one irradiation event. ``other``: the study that had it before."""

    study: UUID
    other: UUID
    irradiation_event: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Nothing is recorded where both are one person's by now. Raises NotFound."""
        study, other = work.get(Study, self.study), work.get(Study, self.other)
        one_person = str(other.identity_id) in work.membership.person_of(str(study.identity_id))
        if not one_person and not other.conflicts.claims(self.irradiation_event, study.identity_id):
            said = Conflict("", self.irradiation_event, None, other.identity_id, other.study_uid, None)
            study.find_conflict(kind="event", instances=0, differing=[], said=said)
        return {"study": str(self.study)}


@dataclass(frozen=True, kw_only=True)
class ProposeSameStudy:
    """Ask a human whether two are one person, who each have a study of one Study Instance UID; never a merge."""

    study: UUID
    other: UUID

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NothingToChange (L2), HumanMadeIt (L5), Erased (I7), NotFound."""
        one, other = (work.get(Study, study).identity_id for study in (self.study, self.other))
        link = link_of(work, one, other)
        if link.held is not Held.OPEN:
            raise NothingToChange(f"link {link.id} is decided already: nothing to propose")
        for side in (one, other):
            work.get(Identity, side).refuse_if_erased()
        links = links_between(work, one, other)
        for parted in (known for known in links if known.parted_by_human):
            raise HumanMadeIt(f"link {parted.id} was unmerged or dismissed by a human: only a human merges it again")
        if in_review(work, links):
            raise NothingToChange(f"a pair of the two persons waits in review already: link {link.id} is not needed")
        link.request_review(
            reason="each has a study of one Study Instance UID",
            rule="same-study",
            rule_version=1,
            score=None,
            compared=["study_uid"],
        )
        return {"link": str(link.id), "outcome": "proposed"}


def _patient(work: Work, conflict: Conflict) -> ReceivedPatient:
    other = work.find(Identity, conflict.other_identity_id)
    if not isinstance(conflict.stated, dict) or (other and other.erased):
        raise Erased("what came second names somebody who was erased: dismiss the conflict")
    return ReceivedPatient(**conflict.stated)


def _correct(work: Work, conflict: Conflict, reason: str) -> None:
    """Correct the traits of whom the instances came as; the study may be somebody else's by now."""
    identity = work.get(Identity, conflict.other_identity_id)
    stated = received_traits(work.now, **_patient(work, conflict).stated)
    new = identity.traits | {name: value for name, value in stated.items() if value}
    if new != identity.traits:
        identity.correct(traits=new, reason=reason)
