"""The Erasure aggregate: whether, on which ground and when one identity is erased, and what is still to follow.

Its id is made from the identity's. ``identity.erased`` is the fact that decides; carrying out alone records it.

F1  An erasure rests on an error, a court order, or the end of retention. On no other ground is a record ended before
    the time for which the rules ``retention`` keep it.
F2  The end of retention is a ground only once retention is over: when it is requested, and when it is carried out.
F3  Two people decide: who approves is not who requested, under whatever role, and neither is a program.
F4  Between approval and carrying out lies the delay that the rules set for the ground.
F5  A legal hold stops approval and carrying out until it is released. There may be several; each is named by its
    reference.
F6  A step follows the one before: one request at a time, which is approved once, and may be cancelled until it is
    carried out; a hold is placed once and released once.
F7  Nothing goes that nobody has looked at. An erasure is not approved where something came to the identity since the
    approver was shown what there is, nor carried out where something came since the approval, on whatever ground: a
    study, images or a report of one, other content of one, an order, its exam or result, a stay; or the identity became
    one person with another.
F8  What F2, F7 or I1 forbids at the time of carrying out is stopped for good, and nobody tries again by themselves: it
    is cancelled, and requested again.
F9  Whoever requested the erasure of an identity, at any time, releases no hold on it that another person placed.
References stay readable for ever, and tell nothing of the person (I8).
Source: RGPD art. 17 (3 b to e: what retention and claims are exempt from), art. 18 2; CSP R.1112-7 (legal action
suspends the time).
"""

from collections.abc import Sequence
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event

from domain.erased_parts import left
from domain.erasure_requests import Request, code_of, refuse_program
from domain.errors import ErasureUnchanged
from domain.ids import Ids
from domain.legal_holds import refuse_if_held, refuse_placing, refuse_releasing
from domain.retention import Ground


class Erasure(Aggregate):
    """Keeps the open request, the holds by reference, and what has followed. One per identity."""

    TOPIC = "erasure"

    class Created(Aggregate.Created):
        TOPIC = "erasure.created"

    class Opened(Created):
        TOPIC = "erasure.opened"
        identity_id: UUID

    class Requested(Aggregate.Event):
        TOPIC = "erasure.requested"
        identity_id: UUID
        request_id: UUID
        ground: str
        reference: str
        by: str
        died: str | None
        rule_version: int

    class Approved(Aggregate.Event):
        TOPIC = "erasure.approved"
        identity_id: UUID
        request_id: UUID
        by: str
        due_at: int
        rule_version: int
        upto: int

    class Stopped(Aggregate.Event):
        TOPIC = "erasure.stopped"
        identity_id: UUID
        request_id: UUID
        rule: str
        rule_version: int

    class Cancelled(Aggregate.Event):
        TOPIC = "erasure.cancelled"
        identity_id: UUID
        request_id: UUID
        by: str
        reason: str

    class Held(Aggregate.Event):
        TOPIC = "erasure.held"
        identity_id: UUID
        reference: str
        by: str
        from_identity_id: UUID | None

    class Released(Aggregate.Event):
        TOPIC = "erasure.released"
        identity_id: UUID
        request_id: UUID | None
        reference: str
        by: str

    class CarriedOut(Aggregate.Event):
        TOPIC = "erasure.carried_out"
        identity_id: UUID
        request_id: UUID
        ground: str
        deadline: int
        rule_version: int

    class Followed(Aggregate.Event):
        TOPIC = "erasure.followed"
        identity_id: UUID
        part: str
        studies: list[str]

    class Completed(Aggregate.Event):
        TOPIC = "erasure.completed"
        identity_id: UUID

    @staticmethod
    def create_id(ids: Ids, identity_id: UUID) -> UUID:
        """One per identity."""
        return ids.of("erasure", str(identity_id))

    @event(Opened)
    def __init__(self, id: UUID, identity_id: UUID) -> None:
        self.identity_id = identity_id
        self.requests = 0
        self.requested_by: set[str] = set()  # codes of all who ever did
        self.request: Request | None = None
        self.holds: dict[str, str] = {}  # reference to who placed it
        self.carried: set[str] = set()  # references of holds that stand here since an identity was split (I18)
        self.deadline: int | None = None
        self.followed: list[str] = []

    @property
    def left(self) -> tuple[str, ...]:
        """What is still to follow."""
        return left(self.followed)

    @property
    def state(self) -> str:
        """How it stands: ``completed`` once nothing is left; ``held`` where a hold stops what would come next;
        ``stopped`` where a rule forbade the carrying out.
        """
        if self.deadline is not None:
            return "following" if self.left else "completed"
        if self.request and self.request.stopped_by:
            return "stopped"
        if self.holds:
            return "held"
        if self.request is None:
            return "cancelled"
        return "requested" if self.request.due_at is None else "approved"

    def waits_for(self, actor: str, ground: Ground, reference: str) -> bool:
        """Whether the actor is a second person who may approve a request with that ground and reference now."""
        request = self.request
        return request is not None and self.state == "requested" and request.is_for(actor, ground, reference)

    def ask(self, *, ground: Ground, reference: str, by: str, died: str | None, rule_version: int) -> None:
        """Record a request. ``rule_version``: of the rules that say whether retention is over.

        Raises ErasureUnchanged (F6), SecondPersonMissing (F3: a program requests).
        """
        self._refuse_if_carried_out()
        if self.request:
            raise ErasureUnchanged(
                f"an erasure of {self.identity_id} is requested already: approve it, or cancel it first"
            )
        refuse_program(by)
        request_id = uuid5(self.id, f"request|{self.requests + 1}")
        self._requested(self.identity_id, request_id, ground.value, reference, by, died, rule_version)

    @event(Requested)
    def _requested(
        self,
        identity_id: UUID,
        request_id: UUID,
        ground: str,
        reference: str,
        by: str,
        died: str | None,
        rule_version: int,
    ) -> None:
        self.requests += 1
        self.requested_by.add(code_of(by))
        self.request = Request(request_id, identity_id, Ground(ground), reference, by, died)

    def approve(
        self,
        *,
        by: str,
        due_at: int,
        rule_version: int,
        upto: int,
        shown: UUID | None = None,
        came: Sequence[str] = (),
    ) -> None:
        """Let it be carried out at ``due_at``. ``upto``: the ledger position up to which this is decided; ``shown``:
        the request that the approver has seen, where that is known; ``came``: what came since.

        Raises ErasureUnchanged (F6), ErasureStopped (F8), SecondPersonMissing (F3), LegalHold (F5), NotLookedAt (F7).
        """
        request = self._going_on()
        request.refuse_approval(by=by, shown=shown)
        refuse_if_held(self.holds, self.identity_id)
        request.refuse_unseen(came)
        self._approved(self.identity_id, request.id, by, due_at, rule_version, upto)

    @event(Approved)
    def _approved(
        self, identity_id: UUID, request_id: UUID, by: str, due_at: int, rule_version: int, upto: int
    ) -> None:
        if self.request:
            self.request.approved_by, self.request.due_at, self.request.upto = by, due_at, upto

    def cancel(self, *, by: str, reason: str) -> None:
        """Take the request back. Raises ErasureUnchanged (F6)."""
        self._cancelled(self.identity_id, self._open().id, by, reason)

    @event(Cancelled)
    def _cancelled(self, identity_id: UUID, request_id: UUID, by: str, reason: str) -> None:
        self.request = None

    def hold(self, *, reference: str, by: str, carried_from: UUID | None = None) -> None:
        """Place a legal hold. ``carried_from``: the identity that it was placed on, which was split.

        Raises ErasureUnchanged (F6).
        """
        self._refuse_if_carried_out()
        refuse_placing(reference, self.holds, self.identity_id)
        self._held(self.identity_id, reference, by, carried_from)

    @event(Held)
    def _held(self, identity_id: UUID, reference: str, by: str, from_identity_id: UUID | None) -> None:
        self.holds[reference] = by
        if from_identity_id:
            self.carried.add(reference)

    def release(self, *, reference: str, by: str) -> None:
        """Take a legal hold away. Raises ErasureUnchanged (F6), HoldOfAnother (F9)."""
        refuse_releasing(reference, by, self.holds, self.requested_by, self.identity_id)
        self._released(self.identity_id, self.request.id if self.request else None, reference, by)

    @event(Released)
    def _released(self, identity_id: UUID, request_id: UUID | None, reference: str, by: str) -> None:
        del self.holds[reference]
        self.carried.discard(reference)

    def end_carried(self, *, by: str) -> list[str]:
        """Take away the holds that a split placed here, as it is taken back and nothing is left to hold. Which."""
        ended = sorted(self.carried)
        for reference in ended:
            self._released(self.identity_id, None, reference, by)
        return ended

    def due(self, *, request_id: UUID, now: int) -> Request:
        """The request, which may be carried out now as far as its steps go. ``now``: µs since 1970, UTC.

        Raises ErasureUnchanged (F6), ErasureStopped (F8), LegalHold (F5), ErasureTooEarly (F4).
        """
        request = self._going_on()
        request.refuse_unapproved(request_id)
        refuse_if_held(self.holds, self.identity_id)
        request.refuse_before_its_time(now)
        return request

    def stop(self, request: Request, *, rule: str, rule_version: int) -> None:
        """Record that a rule forbids to carry the request out: it is not tried again (F8)."""
        self._stopped(self.identity_id, request.id, rule, rule_version)

    @event(Stopped)
    def _stopped(self, identity_id: UUID, request_id: UUID, rule: str, rule_version: int) -> None:
        if self.request:
            self.request.stopped_by = rule

    def carry_out(self, request: Request, *, deadline: int, rule_version: int) -> None:
        """Record that the person is erased; what is left follows until ``deadline``: µs since 1970, UTC."""
        self._carried_out(self.identity_id, request.id, request.ground.value, deadline, rule_version)

    @event(CarriedOut)
    def _carried_out(self, identity_id: UUID, request_id: UUID, ground: str, deadline: int, rule_version: int) -> None:
        self.deadline = deadline

    def follow(self, *, part: str, studies: list[str]) -> None:
        """Record that a part has followed; ``studies``: of instances, the studies whose. Again changes nothing.

        Raises ErasureUnchanged (F6).
        """
        if self.deadline is None:
            raise ErasureUnchanged(f"{self.identity_id} is not erased: nothing follows")
        if part in self.followed:
            return
        self._followed(self.identity_id, part, studies)
        if not self.left:
            self._completed(self.identity_id)

    @event(Followed)
    def _followed(self, identity_id: UUID, part: str, studies: list[str]) -> None:
        self.followed.append(part)

    @event(Completed)
    def _completed(self, identity_id: UUID) -> None:
        pass

    def _open(self) -> Request:
        """Raises ErasureUnchanged (F6)."""
        self._refuse_if_carried_out()
        if self.request is None:
            raise ErasureUnchanged(
                f"no erasure of {self.identity_id} is requested: request it first, with krypton erase request"
            )
        return self.request

    def _going_on(self) -> Request:
        """Raises ErasureUnchanged (F6), ErasureStopped (F8)."""
        request = self._open()
        request.refuse_if_stopped()
        return request

    def _refuse_if_carried_out(self) -> None:
        if self.deadline is not None:
            raise ErasureUnchanged(f"{self.identity_id} is erased already: krypton erase status shows what is left")
