"""One request of an erasure: on which ground and by whom, and whether it may be approved or carried out now.

The rules (F) are those of ``domain.aggregates.erasure``, which records what is decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.actors import Role, role_of
from domain.errors import ErasureStopped, ErasureTooEarly, ErasureUnchanged, NotLookedAt, SecondPersonMissing
from domain.retention import Ground
from domain.times import iso


@dataclass
class Request:
    """A request that was not cancelled. ``due_at``: µs since 1970, UTC; None: not approved. ``upto``: the ledger
    position up to which the approval was decided; ``stopped_by``: the rule that forbade the carrying out.
    """

    id: UUID
    identity_id: UUID
    ground: Ground
    reference: str
    by: str
    died: str | None
    approved_by: str | None = None
    due_at: int | None = None
    upto: int = 0
    stopped_by: str | None = None

    def is_for(self, actor: str, ground: Ground, reference: str) -> bool:
        """Whether it has that ground and reference, and the actor is a second person."""
        return (self.ground, self.reference) == (ground, reference) and code_of(self.by) != code_of(actor)

    def refuse_if_stopped(self) -> None:
        """Raises ErasureStopped (F8)."""
        if self.stopped_by:
            raise ErasureStopped(
                f"the erasure of {self.identity_id} was stopped ({self.stopped_by}): cancel it, and request it "
                "again where it still is right"
            )

    def refuse_approval(self, *, by: str, shown: UUID | None) -> None:
        """Raises ErasureUnchanged (F6): it is approved, or is another one than the approver was ``shown``;
        SecondPersonMissing (F3).
        """
        if self.due_at is not None:
            raise ErasureUnchanged(f"the erasure of {self.identity_id} is approved already: nothing to do")
        if shown not in (None, self.id):
            raise ErasureUnchanged(
                f"another erasure of {self.identity_id} is requested by now than was shown: look at it, then approve"
            )
        refuse_program(by)
        if code_of(by) == code_of(self.by):
            raise SecondPersonMissing(
                f"the erasure of {self.identity_id} was requested by the same person: let somebody else approve it"
            )

    def refuse_unseen(self, came: Sequence[str]) -> None:
        """Raises NotLookedAt (F7). ``came``: in words what came since the approver was shown what there is."""
        if came:
            raise NotLookedAt(
                f"something came to {self.identity_id} since it was shown ({', '.join(came)}): look at it, then approve"
            )

    def refuse_unapproved(self, request_id: UUID) -> None:
        """Raises ErasureUnchanged (F6): it is not approved, or not the one that is meant."""
        if self.id != request_id or self.due_at is None:
            raise ErasureUnchanged(f"the erasure of {self.identity_id} is not approved: approve it first")

    def refuse_before_its_time(self, now: int) -> None:
        """Raises ErasureTooEarly (F4). ``now``: µs since 1970, UTC."""
        if self.due_at is not None and now < self.due_at:
            raise ErasureTooEarly(
                f"the erasure of {self.identity_id} may be cancelled until {iso(self.due_at)}: ask then",
                not_before=self.due_at,
            )


def code_of(actor: str) -> str:
    """Who somebody is, under whatever role."""
    return actor.partition(":")[2]


def refuse_program(by: str) -> None:
    """Raises SecondPersonMissing (F3)."""
    if role_of(by) is Role.SERVICE:
        raise SecondPersonMissing("a program requests and approves no erasure: let two people do it")
