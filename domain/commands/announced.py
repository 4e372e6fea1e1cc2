"""What an establishment's own system announces of its patients: who bears a number, and which numbers are one person's.

An establishment says so of the numbers that it gave out itself, and of no others. ``content`` of each command is a
digest of what was announced: it goes back with the answer, so that whoever repeats a command id can be told from who
uses it for something else. What is announced again changes nothing, and is no error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain import ins
from domain.aggregates.identity import Identity
from domain.aggregates.link import Link
from domain.commands.directory import is_enrolled
from domain.commands.links import Merge, Unmerge
from domain.commands.pairs import link_of
from domain.commands.received_patient import ReceivedPatient, meant_by, registered_beside, under_number
from domain.errors import AlreadyRegistered, NotFound, NothingToChange, UnknownSite
from domain.held import HUMAN, Held
from domain.identity_flags import NUMBER_SWAPPED, forcing_prov
from domain.identity_status import Status
from domain.ids import Ids
from domain.retention import birth_day, seen_day
from domain.same_number import names_agree
from domain.traits import corrected, refuse_mistyped_id
from domain.unlike import unlike
from domain.work import Work

SAID = "stated by the establishment's own system"
FOR_A_HUMAN = ("review", "swapped")
"""Outcomes of a merge that is not made as announced."""


@dataclass(frozen=True, kw_only=True)
class Matricule:
    """A national health identity as announced. ``mode``: how it was retrieved; None: not said."""

    number: str
    oid: str
    mode: str | None = None


@dataclass(frozen=True, kw_only=True)
class AnnouncedPatient:
    """A patient as announced: what is not stated stays as it is, and what is stated as None is not known any more.

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
        (K1), NotFound.
        """
        refuse_stranger(work, self.site)
        refuse_mistyped_id(self.patient.local_id)
        corrected(work.now, {}, **self.patient.stated)
        for number in self.beside:
            bearer(work, self.site, number)
        if self.only_new and any(not one.is_closed for one in _under(work, self.site, self.patient.local_id)):
            known, outcome = bearer(work, self.site, self.patient.local_id), "known"
        else:
            known, outcome = self._registered(work)
        if outcome == "registered" or not self.only_new:
            _state(work, known, self.patient)
        if self.seen is not None:
            known.see(seen_day(self.seen, work.now.date(), birth_day(known.traits.get("birth_date"))))
        return {"identity": str(known.id), "outcome": outcome, "content": self.content}

    def _registered(self, work: Work) -> tuple[Identity, str]:
        stated = dict(self.patient.stated)
        received = ReceivedPatient(local_id=self.patient.local_id, issuer=None, stated=stated)
        if known := meant_by(work, self.site, received):
            return known, "known"
        if self.corrects and (same := self._corrected(work, received)):
            return same, "known"
        return registered_beside(work, self.site, received), "registered"

    def _corrected(self, work: Work, received: ReceivedPatient) -> Identity | None:
        living = [one for one in under_number(work, self.site, received) if not one.is_closed]
        return next((one for one in living if names_agree(one.traits, received.stated)), None)


def _state(work: Work, known: Identity, patient: AnnouncedPatient) -> None:
    """Whatever differs becomes as stated; flags that exclude the status go first."""
    if patient.status not in (None, Status.PROV):
        for flag in forcing_prov(known.flags - set(patient.flags)):
            known.clear_flag(flag=flag, reason=SAID)
    traits = corrected(work.now, known.traits, **patient.stated)
    if any(traits[name] != known.traits.get(name) for name in traits):
        known.correct(traits=traits, reason=SAID)
    for flag in patient.flags:
        if flag not in known.flags:
            known.flag(flag=flag, reason=SAID)
    if stated := patient.matricule:
        _attach(work, known, stated)
    elif patient.without_matricule and known.has_ins:
        known.detach_ins(reason=SAID)
    if patient.status not in (None, known.status):
        known.set_status(status=patient.status, reason=SAID)


def _attach(work: Work, known: Identity, stated: Matricule) -> None:
    checked = ins.matricule(stated.number, stated.oid, work.authorities)
    same = known.ins == ins.qualified(checked, stated.oid)
    if not same or stated.mode not in (None, known.ins_mode):
        known.attach_ins(matricule=checked, oid=stated.oid, mode=stated.mode or "SITE")


@dataclass(frozen=True, kw_only=True)
class AnnounceMerge:
    """The establishment keeps one of two numbers for a person, and gives up the other. ``pairs``: kept, given up."""

    site: str
    pairs: tuple[tuple[str, str], ...]
    content: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Merge each pair; where sex or birth date differ, or a bar stands between, leave it to a human, and where the
        other of the two numbers was kept before (I13).

        Raises UnknownSite (S1), NotFound, AlreadyRegistered (I2), SameIdentity (L1), PairBarred (L3).
        """
        refuse_stranger(work, self.site)
        found = [self._merged(work, kept, gone) for kept, gone in self.pairs]
        return {"outcome": next((one for one in FOR_A_HUMAN if one in found), "merged"), "content": self.content}

    def _merged(self, work: Work, kept: str, gone: str) -> str:
        stays, goes = bearer(work, self.site, kept), bearer(work, self.site, gone)
        link = link_of(work, stays.id, goes.id)
        if link.held is Held.MERGED and link.merged_because == _given_up(stays, goes):
            if NUMBER_SWAPPED not in goes.flags:
                goes.flag(flag=NUMBER_SWAPPED, reason=_given_up(goes, stays))
            return "swapped"
        return _joined(work, link, stays, goes, _given_up(goes, stays))


@dataclass(frozen=True, kw_only=True)
class AnnounceLink:
    """Two numbers of the establishment are one person's, and both are kept."""

    site: str
    one: str
    other: str
    content: str

    def decide(self, work: Work) -> dict[str, Any]:
        """As ``AnnounceMerge``. Raises UnknownSite (S1), NotFound, AlreadyRegistered (I2), SameIdentity (L1),
        PairBarred (L3).
        """
        refuse_stranger(work, self.site)
        one, other = bearer(work, self.site, self.one), bearer(work, self.site, self.other)
        link = link_of(work, one.id, other.id)
        reason = "the establishment says that both numbers are one person's"
        return {"outcome": _joined(work, link, one, other, reason), "content": self.content}


@dataclass(frozen=True, kw_only=True)
class AnnounceUnlink:
    """Two numbers of the establishment are not one person's."""

    site: str
    one: str
    other: str
    content: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Undo their merge. Raises UnknownSite (S1), NotFound, AlreadyRegistered (I2), SameIdentity (L1),
        NothingToChange (L2): other links hold the two.
        """
        refuse_stranger(work, self.site)
        one, other = bearer(work, self.site, self.one), bearer(work, self.site, self.other)
        known = work.find(Link, Link.create_id(work.ids, *sorted((one.id, other.id))))
        if known and known.held is Held.MERGED:
            Unmerge(one=one.id, other=other.id, reason="the establishment says that they are two people").decide(work)
            return {"outcome": "unmerged", "content": self.content}
        if one.id == other.id:
            link_of(work, one.id, other.id)
        work.membership.load((str(one.id), str(other.id)))
        if str(other.id) in work.membership.person_of(str(one.id)):
            raise NothingToChange(
                f"{one.id} and {other.id} are one person by links of other pairs: undo those, krypton identity show "
                "--links names them"
            )
        return {"outcome": "apart", "content": self.content}


def refuse_stranger(work: Work, site: str) -> None:
    """Raises UnknownSite (S1)."""
    if not is_enrolled(work, site):
        raise UnknownSite("the sender's establishment is not enrolled: krypton site enroll")


def bearer(work: Work, site: str, local_id: str) -> Identity:
    """The one person who bears an establishment's number. Raises BadTraits (I1), NotFound; AlreadyRegistered (I2)
    where there are several, for to take one would be a guess.
    """
    refuse_mistyped_id(local_id)
    living = [one for one in _under(work, site, local_id) if not one.is_closed]
    if not living:
        raise NotFound(f"{site} never announced one of the numbers: announce the patient first")
    if len(living) > 1:
        raise AlreadyRegistered(
            f"{len(living)} people bear one of the numbers of {site}: a clerk tells them apart, krypton identity show"
        )
    return living[0]


def _under(work: Work, site: str, local_id: str) -> Iterator[Identity]:
    return under_number(work, site, ReceivedPatient(local_id=local_id, issuer=None, stated={}))


def _given_up(goes: Identity, stays: Identity) -> str:
    """Why two were merged; it tells which was kept, so that the other way round is seen."""
    return f"the establishment gave up the number of {goes.id} for that of {stays.id}"


def _joined(work: Work, link: Link, one: Identity, other: Identity, reason: str) -> str:
    if link.held is Held.MERGED:
        return "merged"
    if link.held is Held.OPEN and unlike(one.traits, other.traits):
        link.request_review(reason=reason, rule=HUMAN, rule_version=0, score=None, compared=[])
        return "review"
    found = Merge(one=one.id, other=other.id, reason=reason).decide(work)["outcome"]
    return "merged" if found == "merged" else "review"
