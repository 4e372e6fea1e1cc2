"""Commands on the worklist: postpone what waits there, or give it to a clerk; both are undone by saying so again.

A pair waits, or one identity by itself (``domain.worklist``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, takewhile
from typing import Any, Final
from uuid import UUID

from domain.actors import actor, role_of
from domain.aggregates.identity import Identity
from domain.aggregates.link import Link
from domain.commands.pairs import link_of
from domain.errors import BadDelay, NothingWaits
from domain.held import Held
from domain.tasks import check
from domain.times import micros
from domain.work import Work
from domain.worklist import COLLISION, MAY_BE_MIXED, NUMBER_OF_TWO, STATEMENTS_OF_TWO, kinds_of

LONGEST: Final = timedelta(days=366)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two identities that wait for one decision."""

    one: UUID
    other: UUID


@dataclass(frozen=True, kw_only=True)
class Alone:
    """One identity that waits by itself. ``kind``: of ``domain.worklist``, for what; None where that is one thing."""

    identity: UUID
    kind: str | None = None


@dataclass(frozen=True, kw_only=True)
class Postpone:
    """Take what waits off the worklist until a time with its zone; None: it is back at once."""

    what: Pair | Alone
    until: datetime | None
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NothingWaits (L10), BadDelay (L11), NothingToChange (L2), NotFound."""
        if self.until is not None and not work.now < self.until <= work.now + LONGEST:
            raise BadDelay("what waits is postponed to a time to come, a year ahead at most: choose another day")
        until = None if self.until is None else micros(self.until)
        outcome = {"outcome": "postponed" if self.until else "back"}
        if isinstance(self.what, Pair):
            link = waiting(work, self.what.one, self.what.other)
            link.postpone(until=until, reason=self.reason)
            return {"link": str(link.id)} | outcome
        held, kind = waiting_alone(work, self.what)
        held.postpone(kind=kind, until=until, reason=self.reason)
        return {"identity": str(held.id), "kind": kind} | outcome


@dataclass(frozen=True, kw_only=True)
class Assign:
    """Give what waits to one clerk, who is to decide; None: to nobody any more."""

    what: Pair | Alone
    assigned_to: str | None
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NothingWaits (L10), BadActor (W1), NotForRole (W2), NothingToChange (L2), NotFound."""
        if self.assigned_to is not None:
            check(role_of(actor(self.assigned_to)), "identity.review.accept")
        outcome = {"outcome": "assigned" if self.assigned_to else "nobody's"}
        if isinstance(self.what, Pair):
            link = waiting(work, self.what.one, self.what.other)
            link.assign(assigned_to=self.assigned_to, reason=self.reason)
            return {"link": str(link.id)} | outcome
        held, kind = waiting_alone(work, self.what)
        held.assign(kind=kind, assigned_to=self.assigned_to, reason=self.reason)
        return {"identity": str(held.id), "kind": kind} | outcome


def waiting(work: Work, one: UUID, other: UUID) -> Link:
    """The link of a pair that is on the worklist. Raises NothingWaits (L10), SameIdentity (L1), NotFound."""
    link = link_of(work, one, other)
    sides = [work.get(Identity, link.pair[side]) for side in ("low", "high")]
    known = link.version > 1 or not link.pending_events
    held_back = link.held is Held.MERGED and str(other) not in work.membership.person_of(str(one))
    waits = (known and link.waits) or held_back or _collide(work, link, *sides)
    if waits and not any(side.erased for side in sides):
        return link
    raise NothingWaits(f"{one} and {other} do not wait for a decision: krypton identity review list shows who does")


def waiting_alone(work: Work, asked: Alone) -> tuple[Identity, str]:
    """An identity that is on the worklist by itself, and for what. Raises NothingWaits (L10), NotFound."""
    held = work.get(Identity, asked.identity)
    found = [kind for kind in kinds_of(held.flags) if not held.erased and _waits_alone(work, held, kind)]
    wanted = [kind for kind in found if asked.kind in (None, kind)]
    if len(wanted) > 1:
        which = " or ".join(f"--kind {kind}" for kind in wanted)
        raise NothingWaits(f"two things wait of identity {held.id} alone: say which, {which}")
    if not wanted:
        what = f"nothing of kind {asked.kind}" if asked.kind else "nothing"
        raise NothingWaits(
            f"{what} waits of identity {held.id} alone: krypton identity review list shows what waits; a pair is named "
            "by both identities, or by its link"
        )
    return held, wanted[0]


def _waits_alone(work: Work, held: Identity, kind: str) -> bool:
    """Whoever came in under a number in use waits beside who had it first, as a pair; alone where nobody has it, or
    where another flag says so.
    """
    if kind != COLLISION or held.flags & {*MAY_BE_MIXED, STATEMENTS_OF_TWO}:
        return True
    return not any(_had_it_before(work, held))


def _had_it_before(work: Work, held: Identity) -> Iterator[Identity]:
    """Those who bore its number before it, without whom nothing is of any more."""
    numbered = (Identity.create_id(work.ids, held.assigner, held.local_id, ordinal) for ordinal in count(1))
    for one in takewhile(lambda each: each != held.id, numbered):
        if (found := work.find(Identity, one)) is None:
            return
        if not found.is_closed:
            yield found


def _collide(work: Work, link: Link, low: Identity, high: Identity) -> bool:
    """Whether one of the two came in under the number of the other, and nobody said yet who they are."""
    came_in = any(
        NUMBER_OF_TWO in one.flags and not one.erased and other in _had_it_before(work, one)
        for one, other in ((low, high), (high, low))
    )
    return came_in and link.held is Held.OPEN and not link.dismissed
