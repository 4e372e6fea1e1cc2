"""Whether somebody may be shown what is known of a person, and by which rule; of the refusals, what the caller is told.

What comes of it is recorded by the commands on questions (``viewings``, ``listings``).
"""

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

from domain.actors import Caller
from domain.aggregates.access import EMERGENCY, Access
from domain.aggregates.consent import Consent
from domain.aggregates.order import Order
from domain.aggregates.professional import Professional
from domain.commands.directory import is_enrolled
from domain.commands.persons import Person, parties
from domain.consent_statements import Scope
from domain.tasks import may
from domain.times import micros
from domain.work import Work

OPEN_ACCESS, SELF, TASK, CARE_TEAM, ORDER = "open access", "self", "task", "care_team", "order"
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
