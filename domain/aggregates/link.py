"""The Link aggregate: the current decision on one pair of local identities: merged, open, or barred from merging.

L1  A link joins two different identities; (a, b) and (b, a) are the same link.
L2  A statement changes the state: no second merge, no unmerge without a merge; otherwise any order, at any time. What a
    rule merged a human may merge as well: it is a human's from then on.
L3  A barred pair is not merged. If the bar is with a third record, rules' merges give way to a human's merge. Where
    merges by humans stand against it, it is held back, and counts once the bar is lifted. A rule's waits for review.
L4  A merged pair is not barred: unmerge it first.
L5  A rule does not undo what a human merged, unmerged or dismissed; a human may, with a reason. A bar set and lifted
    since, or a bar with a third record, does not change that. Nor does a rule join the two through a third record: it
    proposes instead.
L6  A human who merges identities whose known sex or birth date differ names what differs; that is kept. A rule merges
    none whose sex differs, and of those whose birth dates differ only two of one own number and one given name, less
    than 13 years apart.
L7  A rule merges or proposes two only while they agree by it, and takes no merge back that one number of their own
    makes sure, as the ledger knows the two when the statement is stored.
L8  Only a rule of the version in force decides.
L9  Two who are one person by other pairs than theirs are parted by these pairs, and not dismissed: the refusal names
    which hold the two, and the one to cut.
L10 What waits for a human, a pair or one identity, may be postponed, and assigned to a clerk; what is decided or asked
    of it next ends both.
L11 It is postponed to a time to come, a year ahead at most.
Source: RNIV (the national identity-vigilance reference), duplicates and collisions.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.deferred import Deferred
from domain.errors import HumanMadeIt, NothingToChange, PairBarred, SameIdentity, StillMerged
from domain.held import HUMAN, Held
from domain.ids import Ids


@lru_cache(maxsize=20_000)  # one decision names a pair some six times
def _id(ids: Ids, low: str, high: str) -> UUID:
    return ids.of("link", low, high)


class Link(Aggregate):
    """One pair. Evidence, scores and reasons are in the events, for the read models.

    Events that change membership repeat the pair and both sides' registration positions, so that a reader of
    ``krypton.links`` alone can name each person by its earliest member.
    """

    TOPIC = "link"

    class Created(Aggregate.Created):
        TOPIC = "link.created"

    class Proposed(Created):
        TOPIC = "link.proposed"
        low: UUID
        high: UUID
        low_registered: int
        high_registered: int

    class Said(Aggregate.Event):
        TOPIC = "link.said"
        low: UUID
        high: UUID
        low_registered: int
        high_registered: int
        reason: str

    class Merged(Said):
        TOPIC = "link.merged"
        rule: str
        rule_version: int
        score: float | None
        compared: list[str]
        differing: list[str]

    class ReviewRequested(Said):
        TOPIC = "link.review_requested"
        rule: str
        rule_version: int
        score: float | None
        compared: list[str]

    class Unmerged(Said):
        TOPIC = "link.unmerged"
        rule: str
        rule_version: int

    class Barred(Said):
        TOPIC = "link.barred"

    class Unbarred(Said):
        TOPIC = "link.unbarred"

    class Dismissed(Said):
        TOPIC = "link.dismissed"

    class Postponed(Said):
        TOPIC = "link.postponed"
        until: int | None

    class Assigned(Said):
        TOPIC = "link.assigned"
        assigned_to: str | None

    @classmethod
    def propose(cls, ids: Ids, one: tuple[UUID, int], other: tuple[UUID, int]) -> "Link":
        """Open the link of a pair, in either order, each side with its registration position.

        Raises SameIdentity (L1).
        """
        if one[0] == other[0]:
            raise SameIdentity(f"{one[0]} was given twice: name two identities")
        (low, low_registered), (high, high_registered) = sorted((one, other))
        return cls(cls.create_id(ids, low, high), low, high, low_registered, high_registered)

    @staticmethod
    def create_id(ids: Ids, low: UUID | str, high: UUID | str) -> UUID:
        """The link's id: the same pair always has the same one. ``low`` sorts first (L1)."""
        return _id(ids, str(low), str(high))

    deferred: Deferred

    @event(Proposed)
    def __init__(self, id: UUID, low: UUID, high: UUID, low_registered: int, high_registered: int) -> None:
        self.pair: dict[str, Any] = {
            "low": low,
            "high": high,
            "low_registered": low_registered,
            "high_registered": high_registered,
        }
        self.held = Held.OPEN
        self.merged_by_human = False
        self.merged_because = ""
        self.parted_by_human = False  # unmerged or dismissed, and no human has merged it, or asked to, since
        self.dismissed = False
        self.in_review = False
        self._on_the_list(waits=True)

    @property
    def decided_by_human(self) -> bool:
        """Whether the two are barred, or a human merged them."""
        return self.held is Held.BARRED or (self.held is Held.MERGED and self.merged_by_human)

    def merge(
        self,
        *,
        reason: str,
        rule: str = HUMAN,
        rule_version: int = 0,
        score: float | None = None,
        compared: list[str],
        differing: list[str] | None = None,
    ) -> None:
        """Merge the two into one person; ``score`` in [0, 1], None for a human; ``differing``: what differs (L6).

        What a rule merged a human may merge, too. Raises PairBarred (L3), NothingToChange (L2), HumanMadeIt (L5).
        """
        self.refuse_if_barred()
        if self.held is Held.MERGED and (self.merged_by_human or rule != HUMAN):
            raise NothingToChange(f"link {self.id} is merged already: nothing to do")
        self._refuse_if_parted(rule)
        said: dict[str, Any] = {
            "reason": reason,
            "rule": rule,
            "rule_version": rule_version,
            "score": score,
            "compared": compared,
        }
        self._merged(**self.pair, **said, differing=differing or [])

    def refuse_if_barred(self) -> None:
        """Raises PairBarred (L3)."""
        if self.held is Held.BARRED:
            raise PairBarred(f"link {self.id} is barred: lift the bar first, if it was a mistake")

    @event(Merged)
    def _merged(
        self,
        low: UUID,
        high: UUID,
        low_registered: int,
        high_registered: int,
        reason: str,
        rule: str,
        rule_version: int,
        score: float | None,
        compared: list[str],
        differing: list[str],
    ) -> None:
        self.held = Held.MERGED
        self.merged_by_human = rule == HUMAN
        self.merged_because = reason
        self.parted_by_human = self.dismissed = self.in_review = False
        self._on_the_list(waits=False)

    def request_review(
        self, *, reason: str, rule: str, rule_version: int, score: float | None, compared: list[str]
    ) -> None:
        """Leave a merge to a human (L3); a repeat while it waits changes nothing. Raises HumanMadeIt (L5)."""
        self._refuse_if_parted(rule)
        if not self.in_review:
            self._review_requested(
                **self.pair, reason=reason, rule=rule, rule_version=rule_version, score=score, compared=compared
            )

    @event(ReviewRequested)
    def _review_requested(
        self,
        low: UUID,
        high: UUID,
        low_registered: int,
        high_registered: int,
        reason: str,
        rule: str,
        rule_version: int,
        score: float | None,
        compared: list[str],
    ) -> None:
        self.in_review = True
        self.parted_by_human = self.dismissed = False
        self._on_the_list(waits=True)

    def unmerge(self, *, reason: str, rule: str = HUMAN, rule_version: int = 0) -> None:
        """Undo the merge, at any time; ``rule_version`` of the rule, 0 for a human.

        Raises NothingToChange (L2), HumanMadeIt (L5).
        """
        if self.held is not Held.MERGED:
            raise NothingToChange(f"link {self.id} is not merged: see its history")
        if self.merged_by_human and rule != HUMAN:
            raise HumanMadeIt(f"link {self.id} was merged by a human: only a human can undo that")
        self._unmerged(**self.pair, reason=reason, rule=rule, rule_version=rule_version)

    @event(Unmerged)
    def _unmerged(
        self,
        low: UUID,
        high: UUID,
        low_registered: int,
        high_registered: int,
        reason: str,
        rule: str,
        rule_version: int,
    ) -> None:
        self.held = Held.OPEN
        self.parted_by_human = rule == HUMAN
        self._on_the_list(waits=False)

    def bar(self, *, reason: str) -> None:
        """Bar the two from ever being merged. Raises StillMerged (L4), NothingToChange (L2)."""
        if self.held is Held.MERGED:
            raise StillMerged(f"link {self.id} is merged: unmerge it, then bar it")
        if self.held is Held.BARRED:
            raise NothingToChange(f"link {self.id} is barred already: nothing to do")
        self._barred(**self.pair, reason=reason)

    @event(Barred)
    def _barred(self, low: UUID, high: UUID, low_registered: int, high_registered: int, reason: str) -> None:
        self.held = Held.BARRED
        self.dismissed = self.in_review = False
        self._on_the_list(waits=False)

    def unbar(self, *, reason: str) -> None:
        """Lift the bar. Raises NothingToChange (L2)."""
        if self.held is not Held.BARRED:
            raise NothingToChange(f"link {self.id} is not barred: nothing to lift")
        self._unbarred(**self.pair, reason=reason)

    @event(Unbarred)
    def _unbarred(self, low: UUID, high: UUID, low_registered: int, high_registered: int, reason: str) -> None:
        self.held = Held.OPEN
        self._on_the_list(waits=False)

    def dismiss(self, *, reason: str) -> None:
        """Remove an open proposal from the worklist. Raises NothingToChange (L2)."""
        if self.held is not Held.OPEN:
            what = "unmerge it instead" if self.held is Held.MERGED else "the two are two persons already"
            raise NothingToChange(f"link {self.id} is {self.held}: only an open proposal is dismissed; {what}")
        if self.dismissed:
            raise NothingToChange(f"link {self.id} is dismissed already: nothing to do")
        self._dismissed(**self.pair, reason=reason)

    @event(Dismissed)
    def _dismissed(self, low: UUID, high: UUID, low_registered: int, high_registered: int, reason: str) -> None:
        self.parted_by_human = self.dismissed = True
        self.in_review = False
        self._on_the_list(waits=False)

    def postpone(self, *, until: int | None, reason: str) -> None:
        """Take the pair off the worklist until then, µs since 1970; None: it is back. Raises NothingToChange (L2)."""
        self.deferred.refuse_postponing(f"link {self.id}", until)
        self._postponed(**self.pair, reason=reason, until=until)

    @event(Postponed)
    def _postponed(
        self, low: UUID, high: UUID, low_registered: int, high_registered: int, reason: str, until: int | None
    ) -> None:
        self.deferred = replace(self.deferred, until=until)

    def assign(self, *, assigned_to: str | None, reason: str) -> None:
        """Give the pair to a clerk; None: to nobody any more. Raises NothingToChange (L2)."""
        self.deferred.refuse_assigning(f"link {self.id}", assigned_to)
        self._assigned(**self.pair, reason=reason, assigned_to=assigned_to)

    @event(Assigned)
    def _assigned(
        self, low: UUID, high: UUID, low_registered: int, high_registered: int, reason: str, assigned_to: str | None
    ) -> None:
        self.deferred = replace(self.deferred, assigned_to=assigned_to)

    def _on_the_list(self, *, waits: bool) -> None:
        self.waits = waits
        self.deferred = Deferred()

    def _refuse_if_parted(self, rule: str) -> None:
        if self.parted_by_human and rule != HUMAN:
            raise HumanMadeIt(f"link {self.id} was unmerged or dismissed by a human: only a human merges it again")
