"""Computes who was one person with whom after each statement about a pair, over all time.

It steps through the fold of ``domain.membership`` and keeps its state after each statement.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from domain.membership import HELD_BY_EVENT, Membership
from schemas.event import LedgerEvent

Person = tuple[str, ...]
"""Identity ids, earliest registered first."""
ALWAYS: Final = 0
FOREVER: Final = 2**63 - 1


class Step(NamedTuple):
    """The persons from a statement on. ``at``: microseconds since 1970, UTC; ``event`` is None before the first."""

    at: int
    position: int
    event: LedgerEvent | None
    person: dict[str, Person]

    def of(self, identity: str) -> Person:
        """The person of an identity."""
        return self.person.get(identity, (identity,))


class Span(NamedTuple):
    """A period without change of persons: from ``start`` to before ``end`` (µs since 1970, UTC)."""

    start: int
    end: int
    step: Step


@dataclass
class Persons:
    """The persons of some identities over all time."""

    steps: list[Step] = field(default_factory=list)

    @staticmethod
    def of(identities: Iterable[str], events: Iterable[LedgerEvent]) -> "Persons":
        """``events``: in ledger order; those that say nothing of who is who are passed over."""
        known = sorted(identities)
        membership, registered = Membership(), dict.fromkeys(known, FOREVER)
        persons = Persons([Step(ALWAYS, 0, None, {})])
        for event in events:
            if event.type == "identity.registered":
                registered[event.aggregate_id] = event.position
            elif HELD_BY_EVENT.get(event.type):
                membership.apply(event.type, event.position, event.data)
                held = {one: _ordered(membership.person_of(one), registered) for one in known}
                persons.steps.append(Step(event.data["recorded_at"], event.position, event, held))
        return persons

    def before(self, position: int) -> Step:
        """The persons just before a position."""
        found: Step = next(step for step in reversed(self.steps) if step.position < position or step.event is None)
        return found

    def after(self, position: int) -> Step:
        """The persons just after a position."""
        return self.before(position + 1)

    def spans(self, start: int = ALWAYS, end: int = FOREVER) -> Iterator[Span]:
        """The periods from ``start`` to before ``end``, in order; none is empty."""
        ends = [step.at for step in self.steps[1:]] + [FOREVER]
        for step, over in zip(self.steps, ends, strict=True):
            begins, ends_at = max(start, step.at), min(end, over)
            if begins < ends_at:
                yield Span(begins, ends_at, step)


def _ordered(person: set[str], registered: dict[str, int]) -> Person:
    return tuple(sorted(person, key=lambda one: (registered.get(one, FOREVER), one)))
