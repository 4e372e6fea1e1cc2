"""Commands that decide and record who may read personal data, before the answer is given.

A refusal is a decision on record too: the answer's ``decision`` is viewed, listed or refused, with the number of the
``rule``. Only a question without a reason, or with an unfit one, is not recorded at all.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from domain.actors import Caller, Role
from domain.aggregates.access import BREAK_GLASS, EMERGENCY, TREATMENT
from domain.aggregates.consent import Consent
from domain.aggregates.identity import Identity
from domain.aggregates.professional import Professional
from domain.aggregates.viewing import REFUSED, VIEWED, Asked, Viewing
from domain.commands.accesses import why
from domain.commands.directory import is_enrolled
from domain.commands.judging import SELF, TASK, Judged, feeding, for_a_site, from_enrolled, standing, under_an_access
from domain.commands.persons import Person
from domain.errors import SameIdentity, UnknownSite
from domain.ids import Ids
from domain.tasks import OF_A_SITE
from domain.work import Work

PURPOSES: Final = {
    Role.PROFESSIONAL: TREATMENT,
    Role.PATIENT: "PATRQT",
    Role.CLERK: "HOPERAT",
    Role.OPERATOR: "SYSADMIN",
    Role.AUDITOR: "HCOMPL",
    Role.SERVICE: "HOPERAT",
}
"""Purpose of use by role (HL7 v3 ActReason)."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A question about a person.

    ``task``: what is asked, a key of ``domain.tasks``; ``other``: the second identity of a question about two;
    ``asked``: its limits as text (``by=rpps:…``); ``spoken_of``: further identities the answer may be about;
    ``accesses``: those a professional may be reading under; ``orders``: those under which an establishment's system may
    ask; ``expected``: the person's likely identities, so that all are fetched in one query. ``identity`` is None if the
    question names nobody the ledger knows: that is always refused.
    """

    caller: Caller
    task: str
    identity: UUID | None
    other: UUID | None = None
    asked: tuple[str, ...] = ()
    spoken_of: tuple[str, ...] = ()
    unsealed: bool = False
    accesses: tuple[UUID, ...] = ()
    orders: tuple[UUID, ...] = ()
    expected: tuple[str, ...] = ()
    viewing: UUID = field(default_factory=uuid4)

    def touches(self, ids: Ids) -> set[UUID]:
        """Whom it is about, their statements, and what the caller may be asking under."""
        people = {UUID(one) for one in self.expected} | {one for one in (self.identity, self.other) if one}
        mine = {Professional.create_id(ids, self.caller.rpps)} if self.caller.rpps else set()
        return people | {Consent.create_id(ids, one) for one in people} | {*self.accesses, *self.orders} | mine

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NotFound, ReasonMissing (X3), SameIdentity (L1), UnknownSite (S1)."""
        reason = why(self.caller.reason or "")
        if self.identity is not None and self.identity == self.other:
            raise SameIdentity(f"{self.identity} was given twice: name two identities")
        people = [one for one in (self.identity, self.other) if one]
        for identity in people:
            work.get(Identity, identity)
        members = work.membership.members_of(map(str, people))
        person = Person(work, members)
        judged = standing(work, self.caller, self.task) or self._judged(work, person)
        judged = from_enrolled(work, judged)
        asked = asked_as(work, self.caller, self.task, self.asked, reason, judged)
        told = {"viewing": str(self.viewing), "rule": judged.rule, "site": judged.site}
        if judged.ground is None or self.identity is None:
            known: dict[str, Any] = {"identity_id": self.identity, "other_id": self.other, "members": members}
            work.add(Viewing.refuse(self.viewing, asked, actor=self.caller.actor, rule=judged.rule, **known))
            return {**told, "decision": REFUSED}
        work.add(self._viewing(asked, judged, judged.ground, self.identity, members))
        exclusions, fed = list(judged.exclusions), feeding(person.consents)
        answered = {"ground": judged.ground, "members": members, "exclusions": exclusions, "feeding": fed}
        return {**told, "decision": VIEWED, **answered}

    def _viewing(self, asked: Asked, judged: Judged, ground: str, identity: UUID, members: Collection[str]) -> Viewing:
        """That it is answered, on record."""
        return Viewing.view(
            self.viewing,
            asked,
            identity_id=identity,
            other_id=self.other,
            members={*members, *self.spoken_of},
            rule=judged.rule,
            ground=ground,
            access_id=judged.access.id if judged.access else None,
            unsealed=self.unsealed,
        )

    def _judged(self, work: Work, person: Person) -> Judged:
        """The answer to somebody whose task it is."""
        if self.identity is None:
            return Judged("W2", site=self.caller.site)
        if self.caller.role is Role.PATIENT:
            mine = self.caller.actor.partition(":")[2] in person.members
            return Judged("X13", SELF if mine else None)
        of_a_site = self.task in OF_A_SITE and self.caller.role is Role.SERVICE
        if self.caller.rpps is None and not of_a_site:
            return Judged("W2", TASK, self.caller.site)
        if work.get(Identity, self.identity).erased:
            return Judged("X14", site=self.caller.site)
        if of_a_site:
            return for_a_site(work, self.caller.site, self.orders, person)
        return under_an_access(work, self.caller, self.accesses, person)


def _limits(work: Work, limits: Iterable[str], *, answered: bool) -> Iterator[str]:
    """The limits as they are recorded, in clear: of a question that is refused, without places that are none.

    Raises UnknownSite (S1).
    """
    for limit in limits:
        name, _, value = limit.partition("=")
        if name != "site" or is_enrolled(work, value):
            yield limit
        elif answered:
            raise UnknownSite("no establishment of the code given is enrolled: see krypton site list")


def asked_as(work: Work, caller: Caller, task: str, limits: tuple[str, ...], reason: str, judged: Judged) -> Asked:
    """The question as it is recorded. Raises UnknownSite (S1): a limit names a place that is none."""
    emergency = judged.access is not None and judged.access.decision == EMERGENCY
    asked = [*_limits(work, limits, answered=judged.ground is not None)]
    purpose = BREAK_GLASS if emergency else PURPOSES[caller.role]
    return Asked(
        role=caller.role,
        kind=task,
        site=judged.site,
        purpose=purpose,
        asked=asked,
        reason=reason,
        situation=caller.situation,
    )
