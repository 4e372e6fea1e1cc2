"""Commands on the worklist of pairs: postpone one, or give it to a clerk; both are undone by saying so again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain.actors import actor, role_of
from domain.aggregates.identity import Identity
from domain.aggregates.link import Held, Link
from domain.commands.links import link_of
from domain.errors import BadDelay, NothingWaits
from domain.tasks import check
from domain.times import micros
from domain.work import Work

LONGEST: Final = timedelta(days=366)
COLLISION: Final = "collision"


@dataclass(frozen=True, kw_only=True)
class Postpone:
    """Take a pair off the worklist until a time with its zone; None: it is back at once."""

    one: UUID
    other: UUID
    until: datetime | None
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NothingWaits (L10), BadDelay (L11), NothingToChange (L2), NotFound."""
        link = waiting(work, self.one, self.other)
        if self.until is not None and not work.now < self.until <= work.now + LONGEST:
            raise BadDelay("a pair is postponed to a time to come, a year ahead at most: choose another day")
        link.postpone(until=None if self.until is None else micros(self.until), reason=self.reason)
        return {"link": str(link.id), "outcome": "postponed" if self.until else "back"}


@dataclass(frozen=True, kw_only=True)
class Assign:
    """Give a pair to one clerk, who is to decide; None: to nobody any more."""

    one: UUID
    other: UUID
    assigned_to: str | None
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NothingWaits (L10), BadActor (W1), NotForRole (W2), NothingToChange (L2), NotFound."""
        link = waiting(work, self.one, self.other)
        if self.assigned_to is not None:
            check(role_of(actor(self.assigned_to)), "identity.review.accept")
        link.assign(assigned_to=self.assigned_to, reason=self.reason)
        return {"link": str(link.id), "outcome": "assigned" if self.assigned_to else "nobody's"}


def waiting(work: Work, one: UUID, other: UUID) -> Link:
    """The link of a pair that is on the worklist. Raises NothingWaits (L10), SameIdentity (L1), NotFound."""
    link = link_of(work, one, other)
    known = link.version > 1 or not link.pending_events
    held_back = link.held is Held.MERGED and str(other) not in work.membership.person_of(str(one))
    if (known and link.waits) or held_back or _collide(work, link):
        return link
    raise NothingWaits(f"{one} and {other} do not wait for a decision: krypton identity review list shows who does")


def _collide(work: Work, link: Link) -> bool:
    """Whether an assigner gave the two one number, and nobody said yet who they are."""
    low, high = (work.get(Identity, link.pair[side]) for side in ("low", "high"))
    one_number = (low.assigner, low.local_id) == (high.assigner, high.local_id)
    return link.held is Held.OPEN and not link.dismissed and one_number and COLLISION in low.flags | high.flags
