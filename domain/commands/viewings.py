"""Commands that decide and record who may read personal data, before the answer is given.

A refusal is a decision on record too: the answer's ``decision`` is viewed, listed or refused, with the number of the
``rule``. Only a question without a reason, or with an unfit one, is not recorded at all.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from domain.actors import Caller, Role
from domain.aggregates.access import BREAK_GLASS, EMERGENCY, TREATMENT, Access
from domain.aggregates.consent import Consent, Scope
from domain.aggregates.identity import Identity
from domain.aggregates.order import Order
from domain.aggregates.professional import Professional
from domain.aggregates.viewing import REFUSED, VIEWED, Asked, Viewing
from domain.commands.accesses import why
from domain.commands.directory import is_enrolled
from domain.commands.persons import Person, parties
from domain.errors import SameIdentity, UnknownSite
from domain.ids import Ids
from domain.tasks import OF_A_SITE, may
from domain.times import micros
from domain.work import Work

OPEN_ACCESS, SELF, TASK, CARE_TEAM, ORDER = "open access", "self", "task", "care_team", "order"
PURPOSES: Final = {
    Role.PROFESSIONAL: TREATMENT,
    Role.PATIENT: "PATRQT",
    Role.CLERK: "HOPERAT",
    Role.OPERATOR: "SYSADMIN",
    Role.AUDITOR: "HCOMPL",
    Role.SERVICE: "HOPERAT",
}
"""Purpose of use by role (HL7 v3 ActReason)."""
REFUSALS: Final = {
    "X1": "no professional of that RPPS number is registered: krypton professional register RPPS --name …",
    "X2": "the professional does not work for the establishment named, or works for several: say with --site where "
    "they act from",
    "X4": "the professional is suspended",
    "X5": "the person opposes it",
    "X12": "no access of theirs to this person is open: krypton access open REF --reason …",
    "X13": "a patient asks about themself, and this is somebody else",
    "X14": "the identity was erased: nothing of it is left to consult",
    "X20": "the establishment does not know the person, and no order for them is open there",
}
"""Why a question is refused, by rule; says nothing of the person that the caller may not know."""


class Judged(NamedTuple):
    """The decision. ``ground``: why it is answered; None: refused. ``access``: the access it is based on;
    ``exclusions``: what the person's consents leave out of the answer.
    """

    rule: str
    ground: str | None = None
    site: str | None = None
    access: Access | None = None
    exclusions: tuple[str, ...] = ()


def site_of(caller: Caller, professional: Professional | None) -> str | None:
    """The establishment acted from: as stated, or the only one the professional works for."""
    only = [*professional.sites] if professional and len(professional.sites) == 1 else [None]
    return caller.site or only[0]


def standing(work: Work, caller: Caller, task: str) -> Judged | None:
    """Why the caller does not do this task for anybody; None: nothing is against it."""
    if not may(caller.role, task):
        return Judged("W2", site=caller.site)
    if caller.rpps is None:
        return None
    professional = work.find(Professional, Professional.create_id(work.ids, caller.rpps))
    if professional is None:
        return Judged("X1", site=caller.site)
    if caller.site is not None and caller.site not in professional.sites:
        return Judged("X2", site=caller.site)
    return Judged("X4", site=site_of(caller, professional)) if professional.suspended else None


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
        known = {"identity_id": self.identity, "other_id": self.other}
        told: dict[str, Any] = {"viewing": str(self.viewing), "rule": judged.rule, "site": judged.site}
        if judged.ground is None or self.identity is None:
            whom: dict[str, Any] = {**known, "members": members}
            work.add(Viewing.refuse(self.viewing, asked, actor=self.caller.actor, rule=judged.rule, **whom))
            return told | {"decision": REFUSED}
        work.add(
            Viewing.view(
                self.viewing,
                asked,
                identity_id=self.identity,
                other_id=self.other,
                members={*members, *self.spoken_of},
                rule=judged.rule,
                ground=judged.ground,
                access_id=judged.access.id if judged.access else None,
                unsealed=self.unsealed,
            )
        )
        return told | {
            "decision": VIEWED,
            "ground": judged.ground,
            "members": members,
            "exclusions": list(judged.exclusions),
            "feeding": feeding(person.consents),
        }

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


def under_an_access(work: Work, caller: Caller, accesses: Iterable[UUID], person: Person) -> Judged:
    """Whether one of a professional's accesses to the person is open and holds (X12); the one that leaves out least
    comes first (X19), an emergency last.
    """
    now = micros(work.now)
    professional = work.get(Professional, Professional.create_id(work.ids, str(caller.rpps)))
    found = (work.find(Access, one) for one in accesses)
    mine = [one for one in found if one and one.rpps == caller.rpps and one.is_open(now)]
    here = [one for one in mine if caller.site is None or one.site in (None, caller.site)]
    against, open_now = "X12", list[tuple[bool, bool, Judged]]()
    for access in here:
        if str(access.identity_id) not in person.members:
            continue
        site = caller.site or access.site
        stances: list[str | None] = [site] if site else [*sorted(professional.sites)] or [None]
        if ended := person.ended(access, now, stances):
            against = ended
            continue
        excluded = left_out(person, access, stances, now)
        judged = Judged("X12", OPEN_ACCESS, site, access, excluded)
        open_now.append((bool(excluded), access.decision == EMERGENCY, judged))
    return min(open_now, key=lambda one: one[:2])[2] if open_now else Judged(against, site=caller.site)


def for_a_site(work: Work, site: str | None, orders: Iterable[UUID], person: Person) -> Judged:
    """Whether an establishment's own system may ask about a person (X20), and what is left out (X19)."""
    if site is None:
        return Judged("X20")
    party = {f"site:{site}"}
    if person.opposition(party):
        return Judged("X5", site=site)
    found = [order for one in orders if (order := work.find(Order, one)) and order.identity_id in person.living]
    team = person.known_at - {site}
    ordered = any(one.is_open_at(site) and one.is_placed_by(work.ids, team) for one in found)
    ground = CARE_TEAM if site in person.known_at else ORDER if ordered else None
    excluded = tuple(sorted(person.exclusions(party, micros(work.now))))
    return Judged("X20", ground, site, exclusions=excluded)


def left_out(person: Person, access: Access, sites: Iterable[str | None], now: int) -> tuple[str, ...]:
    """What an access of a professional who acts from these sites does not show (X19); an emergency shows all."""
    if access.decision == EMERGENCY:
        return ()
    return tuple(sorted({*access.exclusions, *person.exclusions(parties(access.rpps, sites), now)}))


def feeding(consents: Iterable[Consent]) -> list[list[str]]:
    """Oppositions to feeding that stand: on whose behalf, which statement it was first, to which party, and for whom
    that was said: another one, where it was carried over.
    """
    return [
        [str(consent.identity_id), str(consent.origin(held).statement_id), party, str(consent.origin(held).identity_id)]
        for consent in consents
        for (scope, party), held in consent.oppositions.items()
        if scope == Scope.FEED
    ]


def from_enrolled(work: Work, judged: Judged) -> Judged:
    """The same, without a place that is no enrolled establishment: it is recorded in clear, and may be a name."""
    return judged._replace(site=judged.site if judged.site and is_enrolled(work, judged.site) else None)


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
