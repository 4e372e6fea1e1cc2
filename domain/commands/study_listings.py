"""The command that decides and records whose studies a search finds that names no one patient.

Unlike a worklist (``listings``), it shows nothing of whom its caller does not read of: their studies are not found.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.actors import Role
from domain.aggregates.access import Access
from domain.aggregates.identity import Identity
from domain.aggregates.professional import Professional
from domain.commands.judging import TASK, Judged, feeding, for_a_site, site_of, under_an_access
from domain.commands.listings import ListPeople
from domain.commands.persons import Person
from domain.ids import Ids
from domain.work import Work


@dataclass(frozen=True, kw_only=True)
class ListStudies(ListPeople):
    """Somebody searches for studies. ``shown``: whose they are; ``orders``: those by which a program may be shown
    somebody's.

    The answer has by identity what leaves out some of its studies: ``exclusions``, ``feeding``, and the ``sites`` acted
    from; ``withheld`` are those of which nothing is shown, and who are not recorded as found.
    """

    orders: tuple[UUID, ...] = ()

    def touches(self, ids: Ids) -> set[UUID]:
        """See ``ListPeople``; the statements of everybody count for a program, too."""
        people = {*self.shown, *map(UUID, self.expected)}
        return super().touches(ids) | people | self._statements(ids, people) | {*self.orders}

    def _on_it(self, seen: dict[str, Any]) -> Iterable[str]:
        return (one for one in map(str, self.shown) if one not in seen["withheld"])

    def _seen(self, work: Work, site: str | None) -> dict[str, Any]:
        told: dict[str, Any] = {"unnamed": [], "withheld": [], "exclusions": {}, "sites": {}, "feeding": {}}
        work.membership.load(map(str, self.shown))
        judged: dict[frozenset[str], tuple[Person, Judged]] = {}
        opened = self._opened(work)
        for identity in map(str, self.shown):
            members = frozenset(work.membership.person_of(identity))
            if members not in judged:
                person = Person(work, sorted(members))
                mine = [access for one in members for access in opened.get(one, ())]
                judged[members] = person, self._of(work, person, mine)
            person, decided = judged[members]
            if decided.ground is None or work.get(Identity, UUID(identity)).erased:
                told["withheld"].append(identity)
                continue
            told["sites"][identity] = decided.site
            if decided.exclusions:
                told["exclusions"][identity] = list(decided.exclusions)
            if opposed := feeding(person.consents):
                told["feeding"][identity] = opposed
        return told

    def _opened(self, work: Work) -> dict[str, list[UUID]]:
        """The accesses, by the identity that each was opened for."""
        found: dict[str, list[UUID]] = {}
        for one in self.accesses:
            if (access := work.find(Access, one)) is not None:
                found.setdefault(str(access.identity_id), []).append(one)
        return found

    def _of(self, work: Work, person: Person, accesses: Iterable[UUID]) -> Judged:
        """Whether the caller is shown studies of that person."""
        if self.caller.rpps is not None:
            return under_an_access(work, self.caller, accesses, person)
        return for_a_site(work, self.caller.site, self.orders, person)

    def _judged(self, work: Work) -> Judged:
        """The search itself: each person is decided on alone. A program searches for its establishment (X20)."""
        if self.caller.rpps is not None:
            professional = work.get(Professional, Professional.create_id(work.ids, self.caller.rpps))
            return Judged("X12", TASK, site_of(self.caller, professional))
        if self.caller.role is Role.SERVICE and self.caller.site is None:
            return Judged("X20")
        return Judged("W2", TASK, self.caller.site)
