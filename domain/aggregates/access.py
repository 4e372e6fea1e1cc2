"""The Access aggregate: a professional's request to see a person's record, and the decision on it.

Granted or denied, it is recorded.

X1  The professional is registered; else there is no one to decide about, and nothing is recorded.
X2  They act from an establishment they work for.
X3  They give a reason, always, in words that can be seen.
X4  A suspended professional is denied, an emergency included.
X5  An opposition to the professional, to the establishment they act from, or to everyone, on any identity of the
    person, denies: it wins over care team, consent and code.
X6  Inside the care team consultation is presumed: they work for an establishment that knows the person, by an identity
    that it gave out and that was not erased. An order, an appointment or a reading asked of it is no such thing.
X7  Outside it, a consent to them or to the establishment they act from, on any identity of the person that was not
    erased, grants.
X8  So does a one-time code of the person's, which is then spent.
X9  Nothing collected is neither yes nor no: outside the care team it denies.
X10 An emergency goes past X5 and X9 for a short time; it is shown while it lasts, and is closed once, by whoever opened
    it, or ends by itself.
X14 An identity that was erased has no record left to consult: that is denied, an emergency included.
X16 An emergency that nobody closed is closed when it runs out, and waits for a review.
X17 It is reviewed once, by somebody other than the professional who opened it, who says what they found.
What is then read under an access is recorded too: see ``viewing`` (X11 to X13).
Source: CSP L1110-4, L1111-17 III, R1111-46; IHE PCF ITI-108 (purpose of use BTG); DICOM PS3.16 DCM 110127.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.errors import EmergencyGoesOn, NoOpenEmergency, NothingToReview

TREATMENT = "TREATMENT"
BREAK_GLASS = "BTG"
GRANTED, EMERGENCY, DENIED = "granted", "emergency", "denied"


@dataclass(frozen=True, kw_only=True)
class Request:
    """The request: for whom, who was the same person then (``members``: identity ids), by whom, from where, why."""

    identity_id: UUID
    members: list[str]
    rpps: str
    site: str | None
    purpose: str
    reason: str


class Access(Aggregate):
    """Keeps who opened it, until when and on which ground; the opening event says what was decided."""

    TOPIC = "access"

    class Created(Aggregate.Created):
        TOPIC = "access.created"

    class Decided(Created):
        TOPIC = "access.decided"
        identity_id: UUID
        members: list[str]
        rpps: str
        site: str | None
        purpose: str
        reason: str
        rule: str

    class Granted(Decided):
        TOPIC = "access.granted"
        ground: str
        consenting_id: UUID | None
        statement_id: UUID | None
        exclusions: list[str]
        expires_at: int

    class Denied(Decided):
        TOPIC = "access.denied"
        opposing_id: UUID | None
        statement_id: UUID | None

    class EmergencyOpened(Decided):
        TOPIC = "access.emergency_opened"
        expires_at: int

    class EmergencyClosed(Aggregate.Event):
        TOPIC = "access.emergency_closed"
        identity_id: UUID
        rpps: str
        note: str | None

    class EmergencyLapsed(Aggregate.Event):
        TOPIC = "access.emergency_lapsed"
        identity_id: UUID
        rpps: str

    class EmergencyReviewed(Aggregate.Event):
        TOPIC = "access.emergency_reviewed"
        identity_id: UUID
        rpps: str
        note: str

    def __init__(
        self,
        identity_id: UUID,
        purpose: str,
        rule: str,
        rpps: str,
        site: str | None = None,
        ground: str | None = None,
        expires_at: int | None = None,
        consenting_id: UUID | None = None,
        statement_id: UUID | None = None,
        exclusions: Iterable[str] = (),
    ) -> None:
        self.identity_id = identity_id
        self.rpps = rpps
        self.site = site
        self.rule = rule
        self.ground = ground
        self.expires_at = expires_at
        self.consenting_id = consenting_id
        self.statement_id = statement_id
        self.exclusions = tuple(exclusions)
        allowed = EMERGENCY if purpose == BREAK_GLASS else GRANTED
        self.decision = DENIED if expires_at is None else allowed
        self.closed = False
        self.lapsed = False
        self.reviewed = False

    @classmethod
    def grant(
        cls,
        access_id: UUID,
        request: Request,
        *,
        ground: str,
        rule: str,
        expires_at: int,
        consenting_id: UUID | None = None,
        statement_id: UUID | None = None,
        exclusions: Iterable[str] = (),
    ) -> "Access":
        """Record that the record may be seen until ``expires_at`` (µs since 1970, UTC), and what that rests on."""
        return cls._create(
            cls.Granted,
            id=access_id,
            **asdict(request),
            ground=ground,
            rule=rule,
            expires_at=expires_at,
            consenting_id=consenting_id,
            statement_id=statement_id,
            exclusions=list(exclusions),
        )

    @classmethod
    def deny(
        cls,
        access_id: UUID,
        request: Request,
        *,
        rule: str,
        opposing_id: UUID | None = None,
        statement_id: UUID | None = None,
    ) -> "Access":
        """Record that the record may not be seen, by which rule and opposition."""
        stated: dict[str, Any] = {"rule": rule, "opposing_id": opposing_id, "statement_id": statement_id}
        return cls._create(cls.Denied, id=access_id, **asdict(request), **stated)

    @classmethod
    def open_emergency(cls, access_id: UUID, request: Request, *, expires_at: int) -> "Access":
        """Record that the record is seen in an emergency, until ``expires_at`` (µs since 1970, UTC) at most (X10)."""
        return cls._create(cls.EmergencyOpened, id=access_id, **asdict(request), rule="X10", expires_at=expires_at)

    def is_open(self, now: int) -> bool:
        """Whether its professional may still use it at ``now`` (µs), as far as it can tell itself (X12)."""
        return not self.closed and self.expires_at is not None and now < self.expires_at

    def close_emergency(self, *, rpps: str, note: str | None, now: int) -> None:
        """Close the emergency access. Raises NoOpenEmergency (X10)."""
        if self.decision != EMERGENCY or self.expires_at is None:
            raise NoOpenEmergency(f"access {self.id} is no emergency access: nothing to close")
        if self.closed or now >= self.expires_at:
            raise NoOpenEmergency(f"emergency access {self.id} is over already: nothing to close")
        if rpps != self.rpps:
            raise NoOpenEmergency(f"emergency access {self.id} was opened by another professional: they close it")
        self._emergency_closed(self.identity_id, self.rpps, note)

    @event(EmergencyClosed)
    def _emergency_closed(self, identity_id: UUID, rpps: str, note: str | None) -> None:
        self.closed = True

    def lapse(self, *, now: int) -> None:
        """Close an emergency that was left open. Raises NoOpenEmergency (X10), EmergencyGoesOn (X16)."""
        if self.decision != EMERGENCY or self.expires_at is None or self.closed:
            raise NoOpenEmergency(f"access {self.id} is no emergency access that is open: nothing to close")
        if now < self.expires_at:
            raise EmergencyGoesOn(
                f"emergency access {self.id} has not run out: its professional closes it", not_before=self.expires_at
            )
        self._emergency_lapsed(self.identity_id, self.rpps)

    @event(EmergencyLapsed)
    def _emergency_lapsed(self, identity_id: UUID, rpps: str) -> None:
        self.closed = self.lapsed = True

    def review(self, *, by: str, note: str) -> None:
        """Record what the review of an emergency access found. Raises NothingToReview (X17)."""
        if not self.lapsed or self.reviewed:
            raise NothingToReview(f"access {self.id} waits for no review: see krypton access review list")
        if by == f"rpps:{self.rpps}":
            raise NothingToReview(f"emergency access {self.id} was opened by the same professional: another reviews it")
        self._emergency_reviewed(self.identity_id, self.rpps, note)

    @event(EmergencyReviewed)
    def _emergency_reviewed(self, identity_id: UUID, rpps: str, note: str) -> None:
        self.reviewed = True
