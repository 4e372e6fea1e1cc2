"""The command that decides and records who may read a list of several people (see ``viewings``)."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from domain.actors import Caller
from domain.aggregates.consent import Consent
from domain.aggregates.identity import Identity
from domain.aggregates.professional import Professional
from domain.aggregates.viewing import LISTED, REFUSED, Viewing
from domain.commands.accesses import why
from domain.commands.judging import TASK, Judged, from_enrolled, site_of, standing, under_an_access
from domain.commands.persons import Person, parties
from domain.commands.viewings import asked_as
from domain.errors import UnfitReason
from domain.grounds import LONGEST, tells_of
from domain.ids import Ids
from domain.sight import Seen
from domain.times import micros
from domain.work import Work


@dataclass(frozen=True, kw_only=True)
class ListPeople:
    """Somebody asks for a list of several people. ``shown``: the identities on it; ``asked``: which limits it has.

    ``accesses``: those that a professional may be reading under; ``expected``: the likely identities of all who are on
    it, so that all are fetched in one query.
    """

    caller: Caller
    task: str
    shown: tuple[UUID, ...] = ()
    asked: tuple[str, ...] = ()
    accesses: tuple[UUID, ...] = ()
    expected: tuple[str, ...] = ()
    viewing: UUID = field(default_factory=uuid4)

    def touches(self, ids: Ids) -> set[UUID]:
        """Who is on it, and who asks; for a professional, what decides how much they see of each."""
        if self.caller.rpps is None:
            return {*self.shown}
        people = {*self.shown, *map(UUID, self.expected)}
        mine = {Professional.create_id(ids, self.caller.rpps), *self.accesses}
        return people | self._statements(ids, people) | mine

    @staticmethod
    def _statements(ids: Ids, people: Iterable[UUID]) -> set[UUID]:
        return {Consent.create_id(ids, one) for one in people}

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ReasonMissing (X3), UnfitReason (X15), UnknownSite (S1)."""
        reason = why(self.caller.reason or "")
        judged = standing(work, self.caller, self.task) or self._judged(work)
        seen = self._seen(work, judged.site) if judged.ground else {}
        if judged.ground is not None:
            self._refuse_names(work, reason, {*seen["unnamed"], *seen["withheld"]})
        judged = from_enrolled(work, judged)
        asked = asked_as(work, self.caller, self.task, self.asked, reason, judged)
        told: dict[str, Any] = {"viewing": str(self.viewing), "rule": judged.rule, "site": judged.site}
        if judged.ground is None:
            nobody: dict[str, Any] = {"identity_id": None, "other_id": None, "members": ()}
            work.add(Viewing.refuse(self.viewing, asked, actor=self.caller.actor, rule=judged.rule, **nobody))
            return told | {"decision": REFUSED}
        on_it: dict[str, Any] = {"identities": self._on_it(seen), "rule": judged.rule, "ground": judged.ground}
        work.add(Viewing.list_people(self.viewing, asked, actor=self.caller.actor, **on_it))
        return told | {"decision": LISTED, "ground": judged.ground, **seen}

    def _on_it(self, _: dict[str, Any]) -> Iterable[str]:
        """Who is shown, by how much is seen of each: a row whose person is not named is on a worklist all the same."""
        return map(str, self.shown)

    def _seen(self, work: Work, site: str | None) -> dict[str, Any]:
        """How much a professional sees of whom: all of those who are not named here (X18, X19)."""
        told: dict[str, Any] = {"unnamed": [], "withheld": [], "exclusions": {}}
        if self.caller.rpps is None:
            return told
        here = replace(self.caller, site=site)
        work.membership.load(map(str, self.shown))
        for identity in map(str, self.shown):
            person = Person(work, sorted(work.membership.person_of(identity)))
            seen, excluded = seen_of(work, here, self.accesses, person)
            if seen is not Seen.WHOLE:
                told[seen.name.lower()].append(identity)
            if excluded:
                told["exclusions"][identity] = list(excluded)
        return told

    def _judged(self, work: Work) -> Judged:
        """A professional's list is that of the establishment they act from (X2)."""
        if self.caller.rpps is None:
            return Judged("W2", TASK, self.caller.site)
        professional = work.get(Professional, Professional.create_id(work.ids, self.caller.rpps))
        site = site_of(self.caller, professional)
        return Judged("W2", TASK, site) if site else Judged("X2")

    def _refuse_names(self, work: Work, reason: str, hidden: set[str]) -> None:
        """``hidden``: who is not named to the reader; a refusal would tell whether a name was guessed.

        Raises UnfitReason (X15).
        """
        if len(reason) > LONGEST:
            raise UnfitReason(f"the reason for a list has up to {LONGEST} characters: say it in short")
        people = (work.get(Identity, one) for one in self.shown if str(one) not in hidden)
        if any(tells_of(reason, identity.traits, [identity.local_id]) for identity in people):
            raise UnfitReason(
                "the reason for a list stays readable, and this one holds a name, a birth date or a number of "
                "somebody who is on it: say it without"
            )


def seen_of(work: Work, caller: Caller, accesses: Iterable[UUID], person: Person) -> tuple[Seen, tuple[str, ...]]:
    """How much a professional who acts from a site sees of a person's rows, and what is left out of them (X18).

    All under an open access, or where they are of the care team (X6); without an access, nothing clinical against an
    opposition to consultation (X5).
    """
    judged = under_an_access(work, caller, accesses, person)
    if judged.ground is not None:
        return Seen.WHOLE, judged.exclusions
    told = parties(str(caller.rpps), [caller.site])
    if person.opposition(told):
        return Seen.WITHHELD, ()
    excluded = tuple(sorted(person.exclusions(told, micros(work.now))))
    return (Seen.WHOLE if caller.site in person.known_at else Seen.UNNAMED), excluded
