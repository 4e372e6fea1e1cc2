"""Commands on erasures: request, approve, cancel, hold, release; for the policy: carry out, and note what followed."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.aggregates.erasure import Erasure
from domain.aggregates.identity import Identity
from domain.commands.care import came_since, refuse_if_kept, theirs
from domain.erasure_requests import Request
from domain.errors import BadTraits, ErasureUnchanged, NotFound, StillRetained
from domain.grounds import reference as unnaming
from domain.retention import Ground, Retention, lawful
from domain.times import iso, micros
from domain.work import Work

UNSEEN = "F7"
"""The rule that forbids what nobody has looked at."""


@dataclass(frozen=True, kw_only=True)
class RequestErasure:
    """Ask for an identity to be erased.

    ``ground``: a word of ``domain.retention.Ground``; ``reference``: where that is written, without naming the person;
    ``died``: day of death as YYYY-MM-DD, where it ends retention earlier.
    """

    identity: UUID
    ground: str
    reference: str
    died: str | None = None

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises UnlawfulGround (F1), StillRetained (F2), SecondPersonMissing (F3), ErasureUnchanged (F6), UnfitGround
        (I8), Erased (I7), BadTraits (I1), NotFound.
        """
        person = work.get(Identity, self.identity)
        person.refuse_if_erased()
        rules = _rules(work)
        ground = lawful(self.ground, rules)
        reference = _checked(work, person, self.reference)
        erasure = erasure_of(work, self.identity)
        if ground is Ground.END_OF_RETENTION:
            refuse_if_kept(work, person, rules, self.died)
        erasure.ask(ground=ground, reference=reference, by=work.actor, died=self.died, rule_version=rules.version)
        return _told(self.identity, erasure.request)


@dataclass(frozen=True, kw_only=True)
class ApproveErasure:
    """Approve a request, as the second person: it is carried out once the delay of its ground is over. ``request``: the
    one that was shown to them; None: whichever is open. ``seen``: the ledger position as of which they were shown what
    is to go; None: they were shown nothing, and answer for what is there now.
    """

    identity: UUID
    request: UUID | None = None
    seen: int | None = None

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises SecondPersonMissing (F3), LegalHold (F5), ErasureUnchanged (F6), NotLookedAt (F7), NotFound, and
        ErasureStopped (F8).
        """
        erasure, rules, upto = _begun(work, self.identity), _rules(work), work.head
        delay = timedelta(days=rules.delay_days[erasure.request.ground] if erasure.request else 0)
        erasure.approve(
            by=work.actor,
            due_at=micros(work.now + delay),
            rule_version=rules.version,
            upto=upto,
            shown=self.request,
            came=self._unseen(work, erasure, upto),
        )
        return _told(self.identity, erasure.request)

    def _unseen(self, work: Work, erasure: Erasure, upto: int) -> list[str]:
        """What came since it was shown; the request, too, may be a later one."""
        if self.seen is None:
            return []
        if self.seen > upto:
            raise NotFound(f"ledger position {self.seen} is not there yet: say the one that krypton erase status told")
        asked = work.brought_to(self.identity, [erasure.id], (Erasure.Requested.TOPIC,), after=self.seen)
        came = ["its request" for _, topic in asked if topic == Erasure.Requested.TOPIC]
        return came + came_since(work, self.identity, self.seen)


@dataclass(frozen=True, kw_only=True)
class CancelErasure:
    """Take a request back, approved or not."""

    identity: UUID
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ErasureUnchanged (F6)."""
        _begun(work, self.identity).cancel(by=work.actor, reason=self.reason)
        return {"identity": str(self.identity)}


@dataclass(frozen=True, kw_only=True)
class HoldErasure:
    """Place a legal hold: nobody erases the identity until it is released. ``reference``: names it, not the person.

    It stops one identity; the answer lists the person's others that no hold of that reference stops.
    """

    identity: UUID
    reference: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ErasureUnchanged (F6), UnfitGround (I8), Erased (I7)."""
        person = work.get(Identity, self.identity)
        person.refuse_if_erased()
        reference = _checked(work, person, self.reference)
        erasure_of(work, self.identity).hold(reference=reference, by=work.actor)
        others = _without_hold(work, self.identity, reference)
        return {"identity": str(self.identity), "reference": reference, "others_not_held": others}


@dataclass(frozen=True, kw_only=True)
class ReleaseHold:
    """Take a legal hold away."""

    identity: UUID
    reference: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ErasureUnchanged (F6), HoldOfAnother (F9)."""
        _begun(work, self.identity).release(reference=self.reference.strip(), by=work.actor)
        return {"identity": str(self.identity)}


@dataclass(frozen=True, kw_only=True)
class CarryOutErasure:
    """Erase the person: their key may be destroyed from here on, and must be. Or stop the erasure for good, where a
    rule forbids it by now (F8). Asked by the policy, at its time.
    """

    identity: UUID
    request: UUID

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ErasureTooEarly (F4), LegalHold (F5), ErasureUnchanged (F6), ErasureStopped (F8)."""
        person, erasure, rules = work.get(Identity, self.identity), _begun(work, self.identity), _rules(work)
        request = erasure.due(request_id=self.request, now=micros(work.now))
        if rule := _forbidden_by(work, person, request, rules):
            erasure.stop(request, rule=rule, rule_version=rules.version)
            return {"identity": str(self.identity), "outcome": f"stopped by {rule}"}
        deadline = micros(work.now + timedelta(days=rules.follow_days))
        erasure.carry_out(request, deadline=deadline, rule_version=rules.version)
        person.erase(reason=f"{request.ground}: {request.reference}")
        return {"identity": str(self.identity), "outcome": "erased"}


@dataclass(frozen=True, kw_only=True)
class NoteFollowed:
    """A part of what follows an erasure is done. ``studies``: ids of those whose instances were deleted."""

    identity: UUID
    part: str
    studies: list[str] = field(default_factory=list)

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ErasureUnchanged (F6)."""
        _begun(work, self.identity).follow(part=self.part, studies=self.studies)
        return {"identity": str(self.identity), "outcome": f"{self.part} followed"}


def erasure_of(work: Work, identity: UUID) -> Erasure:
    """The identity's erasure aggregate, opened if there is none."""
    erasure_id = Erasure.create_id(work.ids, identity)
    return work.find(Erasure, erasure_id) or work.add(Erasure(erasure_id, identity))


def _checked(work: Work, person: Identity, stated: str) -> str:
    """A reference, compared with all that is known of the person: their other identities, orders and exams too.

    Raises UnfitGround (I8).
    """
    members = {UUID(one) for one in work.membership.person_of(str(person.id))} - {person.id}
    work.fetch(members)
    people = [person, *(work.get(Identity, one) for one in members)]
    numbers = {one.local_id for one in people}.union(*(each.numbers for one in people for each in theirs(work, one.id)))
    return unnaming(stated, [one.traits for one in people], numbers)


def _forbidden_by(work: Work, person: Identity, request: Request, rules: Retention) -> str | None:
    """The rule by which the request must not be carried out any more: F7, F2 or I1; None: it may be."""
    if came_since(work, person.id, request.upto):
        return UNSEEN
    if request.ground is Ground.END_OF_RETENTION:
        try:
            refuse_if_kept(work, person, rules, request.died)
        except (StillRetained, BadTraits) as forbids:
            return forbids.rule
    return None


def _without_hold(work: Work, identity: UUID, reference: str) -> list[str]:
    """The other identities of a person that can be erased though one is held under that reference."""
    found = [UUID(one) for one in sorted(work.membership.person_of(str(identity))) if one != str(identity)]
    erasures = {one: Erasure.create_id(work.ids, one) for one in found}
    work.fetch([*found, *erasures.values()])
    free = (one for one in found if not work.get(Identity, one).erased)
    return [str(one) for one in free if not ((held := work.find(Erasure, erasures[one])) and reference in held.holds)]


def _begun(work: Work, identity: UUID) -> Erasure:
    """Raises NotFound (no such identity), ErasureUnchanged (F6)."""
    work.get(Identity, identity)
    if (erasure := work.find(Erasure, Erasure.create_id(work.ids, identity))) is None:
        raise ErasureUnchanged(f"no erasure of {identity} is requested: request it first, with krypton erase request")
    return erasure


def _rules(work: Work) -> Retention:
    return work.rules.retention(work.now.date())


def _told(identity: UUID, request: Request | None) -> dict[str, Any]:
    assert request is not None, "it was just requested or approved"
    return {"identity": str(identity), "request": str(request.id), "due_at": iso(request.due_at)}
