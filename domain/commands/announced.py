"""What an establishment's own system announces of a patient: who bears a number, and what is known of them.

``content`` is a digest of what was announced: it goes back with the answer, so that whoever repeats a command id can be
told from who uses it for something else. What is announced again changes nothing, and is no error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain import ins
from domain.aggregates.identity import Identity
from domain.commands.bearers import bearer, of_number, refuse_stranger
from domain.commands.meant import told_apart
from domain.commands.pairs import are_one
from domain.commands.received_patient import ReceivedPatient, meant_by, registered_beside, under_number
from domain.errors import AlreadyRegistered
from domain.identity_flags import FORCES_PROV
from domain.identity_status import Status, undoubted
from domain.ids import Ids
from domain.ins_doubt import SAID
from domain.retention import birth_day, seen_day
from domain.same_number import names_agree, says_a_name, telling
from domain.traits import corrected, refuse_mistyped_id
from domain.unlike import SEX, unlike
from domain.work import Work

IN_DOUBT = "in_doubt"
"""Outcome where the status does not hold as stated."""


@dataclass(frozen=True, kw_only=True)
class Matricule:
    """A national health identity as announced. ``mode``: how it was retrieved; None: not said."""

    number: str
    oid: str
    mode: str | None = None


@dataclass(frozen=True, kw_only=True)
class AnnouncedPatient:
    """A patient as announced: what is not stated stays as it is, and what is stated as None is not known any more. What
    says nothing, as INCONNU does, takes the place of nothing that is known.

    ``status``: None: not stated. ``flags``: of DOUT, FICT and HOMA.
    """

    local_id: str
    stated: Mapping[str, str | None]
    matricule: Matricule | None = None
    without_matricule: bool = False
    status: Status | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AnnouncePatient:
    """Register the patient, or correct what is known of them.

    ``corrects``: it is announced as a correction, so that another birth date under the same names is one. ``only_new``:
    who is registered already stays as they are. ``beside``: numbers that must be known, or nothing is written.
    ``seen``: the person is there, on the first of these days that can be (YYYY-MM-DD); None: it does not say so.
    """

    site: str
    patient: AnnouncedPatient
    content: str
    corrects: bool = False
    only_new: bool = False
    beside: tuple[str, ...] = ()
    seen: tuple[str, ...] | None = None

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """Who bears the numbers first, and whoever bears them second, of whom there is nobody most often."""
        numbers = (self.patient.local_id, *self.beside)
        return tuple(Identity.create_id(ids, self.site, one, ordinal) for one in numbers for ordinal in (1, 2))

    def decide(self, work: Work) -> dict[str, Any]:
        """The identity. Somebody who cannot be the person known under the number is another identity, flagged
        ``collision`` (I2).

        Raises UnknownSite (S1), BadTraits (I1), BadIns (I5), OtherAuthority (I9), StatusNotAllowed (I4), KeyMissing
        (K1), NotFound; AlreadyRegistered (I2) where a correction may be of several who bear the number.
        """
        refuse_stranger(work, self.site)
        refuse_mistyped_id(self.patient.local_id)
        corrected(work.now, {}, **self.patient.stated)
        for number in self.beside:
            bearer(work, self.site, number)
        if self.only_new and any(not one.is_closed for one in of_number(work, self.site, self.patient.local_id)):
            known, outcome = bearer(work, self.site, self.patient.local_id), "known"
        else:
            known, outcome = self._registered(work)
        if outcome == "registered" or not self.only_new:
            outcome = outcome if _state(work, known, self.patient) else IN_DOUBT
        if self.seen is not None:
            known.see(seen_day(self.seen, work.now.date(), birth_day(known.traits.get("birth_date"))))
        return {"identity": str(known.id), "outcome": outcome, "content": self.content}

    def _registered(self, work: Work) -> tuple[Identity, str]:
        stated = dict(self.patient.stated)
        sent = self.patient.matricule
        ins, oid = (sent.number, sent.oid) if sent else (None, None)
        received = ReceivedPatient(local_id=self.patient.local_id, issuer=None, stated=stated, ins=ins, ins_oid=oid)
        known = meant_by(work, self.site, received)
        if self.corrects and not (known and says_a_name(known.traits)):
            known = self._corrected(work, received) or known
        if known:
            return known, "known"
        return registered_beside(work, self.site, received), "registered"

    def _corrected(self, work: Work, received: ReceivedPatient) -> Identity | None:
        """Whose birth date is corrected: they have a name, and it is stated again, with no other sex. Raises
        AlreadyRegistered (I2).
        """
        stated = received.stated
        if not says_a_name(stated):
            return None
        known = told_apart(work, [*under_number(work, self.site, received)])
        named = (one for one in known if says_a_name(one.traits) and names_agree(one.traits, stated))
        same = [one for one in named if SEX not in unlike(one.traits, stated)]
        if not are_one(work, same):
            raise AlreadyRegistered(
                "several people who bear the number can be meant: a clerk says whose it is, krypton identity correct"
            )
        return same[0] if same else None


def _state(work: Work, known: Identity, patient: AnnouncedPatient) -> bool:
    """Whatever differs becomes as stated. Returns whether the status holds as stated: QUAL does not while the matricule
    is in doubt, for a clerk decides (I4).
    """
    for flag in _excluded(known.flags, patient):
        known.clear_flag(flag=flag, reason=SAID)
    traits = corrected(work.now, known.traits, **telling(known.traits, patient.stated))
    if any(traits[name] != known.traits.get(name) for name in traits):
        known.correct(traits=traits, reason=SAID)
    for flag in patient.flags:
        if flag not in known.flags:
            known.flag(flag=flag, reason=SAID)
    if stated := patient.matricule:
        _attach(work, known, stated)
    elif patient.without_matricule and known.has_ins:
        known.detach_ins(reason=SAID)
    if patient.status is None:
        return True
    holds = undoubted(patient.status, known.flags)
    if holds is not known.status:
        known.set_status(status=holds, reason=SAID)
    return holds is patient.status


def _excluded(flags: set[str], patient: AnnouncedPatient) -> list[str]:
    """Those of these flags that the stated status, or a stated flag, excludes."""
    raised = patient.status not in (None, Status.PROV)
    excluded = {*FORCES_PROV} if raised else {FORCES_PROV.get(flag) for flag in patient.flags}
    return sorted(flag for flag in flags - {*patient.flags} if flag in excluded)


def _attach(work: Work, known: Identity, stated: Matricule) -> None:
    checked = ins.matricule(stated.number, stated.oid, work.authorities)
    same = known.ins == ins.qualified(checked, stated.oid)
    if not same or stated.mode not in (None, known.ins_mode):
        known.attach_ins(matricule=checked, oid=stated.oid, mode=stated.mode or "SITE", looked_up=False)
