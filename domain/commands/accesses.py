"""Commands on accesses: open one (decided at once, recorded either way), close, lapse and review emergencies.

What is then read is asked of ``viewings``.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.aggregates.access import BREAK_GLASS, DENIED, TREATMENT, Access, Request
from domain.aggregates.identity import Identity
from domain.aggregates.professional import Professional
from domain.commands.consents import said
from domain.commands.persons import Person, parties
from domain.errors import NotAffiliated, ReasonMissing, UnknownProfessional
from domain.times import iso, micros
from domain.work import Work

GRANTED_FOR = timedelta(hours=24)
EMERGENCY_FOR = timedelta(hours=4)
DENIALS = {
    "X4": "the professional is suspended",
    "X5": "the person opposes it",
    "X8": "the code is wrong, over or used",
    "X9": "outside the care team, and no consent was collected",
    "X14": "the identity was erased: nothing of it is left to consult",
}
"""Why a request is denied, by rule; says nothing of the person that the professional may not know."""


def why(reason: str) -> str:
    """The reason, trimmed. Raises ReasonMissing (X3)."""
    if (given := said(reason)) is None:
        raise ReasonMissing("an access needs a reason: say why the record is needed")
    return given


def answer(access: Access) -> dict[str, Any]:
    """A decision in the callers' form: ``decision`` granted, emergency or denied, why, and until when (ISO 8601)."""
    told = {"decision": access.decision, "rule": access.rule, "site": access.site}
    if access.decision == DENIED:
        return told | {"why": DENIALS[access.rule]}
    return told | {"ground": access.ground or access.decision, "expires_at": iso(access.expires_at)}


@dataclass(frozen=True, kw_only=True)
class OpenAccess:
    """A professional asks to see a person's record.

    ``rpps``: 11 digits; ``site``: the establishment they act from, where they work for several; ``code``: a one-time
    code the person gave them; ``emergency``: break the glass. The answer's ``decision`` is granted, emergency or
    denied, with the number of the ``rule``: a denial is a decision on record, not a refusal.
    """

    identity: UUID
    rpps: str
    reason: str
    site: str | None = None
    code: str | None = field(default=None, repr=False)
    emergency: bool = False
    access: UUID = field(default_factory=uuid4)

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NotFound, UnknownProfessional (X1), NotAffiliated (X2), ReasonMissing (X3)."""
        identity = work.get(Identity, self.identity)
        professional = self._professional(work)
        access = work.add(Decision(work, self, professional, why(self.reason)).make(erased=identity.erased))
        return {"access": str(access.id), "identity": str(self.identity), **answer(access)}

    def _professional(self, work: Work) -> Professional:
        if (found := work.find(Professional, Professional.create_id(work.ids, self.rpps))) is None:
            raise UnknownProfessional(
                "no professional of that RPPS number: krypton professional register RPPS --name …"
            )
        if self.site is not None and self.site not in found.sites:
            raise NotAffiliated(f"professional {self.rpps} does not work for the establishment named: see their sites")
        return found


def only(stances: list[str | None]) -> str | None:
    """The site acted from, where no other is possible; None where it is not known."""
    return stances[0] if len(stances) == 1 else None


class Decision:
    """One request on its way to a decision by the rules X4 to X10 and X14.

    A *stance* is a site the professional may act from, or None where they work for none; one suffices.
    """

    def __init__(self, work: Work, asked: OpenAccess, professional: Professional, reason: str) -> None:
        self.work = work
        self.asked = asked
        self.reason = reason
        self.suspended = professional.suspended
        self.now = micros(work.now)
        self.me = f"rpps:{asked.rpps}"
        self.person = Person(work, sorted(work.membership.person_of(str(asked.identity))))
        self.stances: list[str | None] = [asked.site] if asked.site else [*sorted(professional.sites)] or [None]

    def make(self, *, erased: bool) -> Access:
        """The access, as decided. ``erased``: whether the identity asked for is."""
        if self.suspended or erased:
            return self._denied("X4" if self.suspended else "X14")
        if self.asked.emergency:
            request = self._request(only(self.stances))
            return Access.open_emergency(self.asked.access, request, expires_at=micros(self.work.now + EMERGENCY_FOR))
        opposed = {stance: self._opposition(stance) for stance in self.stances}
        free = [stance for stance in self.stances if opposed[stance] is None]
        if not free:
            return self._denied("X5", opposed[self.stances[0]])
        access = self._by_care_team(free) or self._by_consent(free) or self._by_code(free)
        return access or self._denied("X8" if self.asked.code else "X9")

    def _opposition(self, stance: str | None) -> tuple[UUID, UUID] | None:
        """Whose opposition stands against that stance, and which statement it is (X5)."""
        return self.person.opposition(parties(self.asked.rpps, [stance]))

    def _by_care_team(self, free: list[str | None]) -> Access | None:
        known_at = next((stance for stance in free if stance in self.person.known_at), None)
        return self._granted(known_at, ground="care_team", rule="X6") if known_at else None

    def _by_consent(self, free: list[str | None]) -> Access | None:
        to_me = [(only(free), {self.me})]
        for site, told in to_me + [(stance, parties(self.asked.rpps, [stance])) for stance in free]:
            for consent in self.person.granting:
                if held := consent.consent_to(told, self.now):
                    return self._granted(
                        site,
                        ground="consent",
                        rule="X7",
                        ends=held.expires_at,
                        consenting_id=consent.identity_id,
                        statement_id=held.id,
                    )
        return None

    def _by_code(self, free: list[str | None]) -> Access | None:
        for consent in self.person.granting if self.asked.code else ():
            if code_id := consent.code_of(self.asked.code or "", self.now):
                consent.use_code(code_id=code_id, access_id=self.asked.access, rpps=self.asked.rpps)
                return self._granted(
                    only(free), ground="code", rule="X8", consenting_id=consent.identity_id, statement_id=code_id
                )
        return None

    def _granted(self, stance: str | None, *, ends: int | None = None, **stated: Any) -> Access:
        day = micros(self.work.now + GRANTED_FOR)
        expires_at = day if ends is None else min(day, ends)  # no access outlives the consent it rests on
        stated["exclusions"] = sorted(self.person.exclusions(parties(self.asked.rpps, [stance]), self.now))
        return Access.grant(self.asked.access, self._request(stance), expires_at=expires_at, **stated)

    def _denied(self, rule: str, opposition: tuple[UUID, UUID] | None = None) -> Access:
        opposing_id, statement_id = opposition or (None, None)
        request = self._request(only(self.stances))
        return Access.deny(self.asked.access, request, rule=rule, opposing_id=opposing_id, statement_id=statement_id)

    def _request(self, stance: str | None) -> Request:
        return Request(
            identity_id=self.asked.identity,
            members=self.person.members,
            rpps=self.asked.rpps,
            site=stance,
            purpose=BREAK_GLASS if self.asked.emergency else TREATMENT,
            reason=self.reason,
        )


@dataclass(frozen=True, kw_only=True)
class CloseEmergency:
    """The professional who opened an emergency access closes it."""

    access: UUID
    rpps: str
    note: str | None = None

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NotFound, NoOpenEmergency (X10)."""
        access = work.get(Access, self.access)
        access.close_emergency(rpps=self.rpps, note=said(self.note), now=micros(work.now))
        return {"access": str(self.access), "identity": str(access.identity_id)}


@dataclass(frozen=True, kw_only=True)
class LapseEmergency:
    """Close an emergency access that ran out."""

    access: UUID

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NotFound, NoOpenEmergency (X10), EmergencyGoesOn (X16)."""
        access = work.get(Access, self.access)
        access.lapse(now=micros(work.now))
        return {"access": str(self.access), "identity": str(access.identity_id)}


@dataclass(frozen=True, kw_only=True)
class ReviewEmergency:
    """Record the review of an emergency access that was left open. ``by``: the actor; ``note``: the finding."""

    access: UUID
    by: str
    note: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NotFound, NothingToReview (X17), ReasonMissing (X3)."""
        if (found := said(self.note)) is None:
            raise ReasonMissing("a review needs a note: say what was found")
        access = work.get(Access, self.access)
        access.review(by=self.by, note=found)
        return {"access": str(self.access), "identity": str(access.identity_id)}
