"""What was said of a pair, and of two persons, as commands on pairs look it up; and in what two people differ."""

from collections.abc import Collection, Iterable
from uuid import UUID

from domain.aggregates.identity import Identity
from domain.aggregates.link import Link
from domain.errors import OnePersonAlready, SameIdentity, TraitsDiffer
from domain.unlike import in_words, unlike
from domain.work import Work


def link_of(work: Work, one: UUID, other: UUID) -> Link:
    """The pair's link, created if there is none. Raises SameIdentity (L1), NotFound."""
    if one == other:
        raise SameIdentity(f"{one} was given twice: name two identities")
    if known := work.find(Link, Link.create_id(work.ids, *sorted((one, other)))):
        return known
    for side in (one, other):
        work.get(Identity, side)  # so that the id of a study or an order is never taken for an identity
    return work.add(Link.propose(work.ids, (one, work.registered(one)), (other, work.registered(other))))


def ids_between(work: Work, one: UUID, other: UUID) -> list[UUID]:
    """The ids of the links of all pairs of two persons; none where they are one."""
    mine, theirs = (work.membership.person_of(str(side)) for side in (one, other))
    if mine & theirs:
        return []
    return [Link.create_id(work.ids, *sorted((UUID(a), UUID(b)))) for a in mine for b in theirs]


def links_between(work: Work, one: UUID, other: UUID) -> list[Link]:
    """What was said of the two persons: the links of all pairs of their identities. Raises OnePersonAlready (L2)."""
    work.membership.load((str(one), str(other)))
    if not (pairs := ids_between(work, one, other)):
        raise OnePersonAlready(f"{one} and {other} are one person already: nothing to do")
    work.fetch(pairs)
    return [link for pair in pairs if (link := work.find(Link, pair))]


def in_review(work: Work, links: Iterable[Link]) -> bool:
    """Whether a human is asked about any of these pairs: of who was erased nobody is asked any more."""
    waiting = [link for link in links if link.in_review]
    work.fetch(side for link in waiting for side in _sides(link))
    return any(not any(work.get(Identity, side).erased for side in _sides(link)) for link in waiting)


def _sides(link: Link) -> tuple[UUID, UUID]:
    return link.pair["low"], link.pair["high"]


def differing(work: Work, one: UUID, other: UUID, known: Collection[str]) -> list[str]:
    """What two differ in of sex and birth date; what is not known differs from nothing.

    Raises TraitsDiffer (L6), which names what differs and no value, where that is not all ``known`` to the caller.
    """
    mine, theirs = (work.get(Identity, side).traits for side in (one, other))
    differ = unlike(mine, theirs)
    if not {*differ} <= {*known}:
        say = " ".join(f"--even-though {trait.replace('_', '-')}" for trait in differ)
        said = f"the two differ in {in_words(differ)}: compare them again, then say {say}"
        raise TraitsDiffer(said, differing=tuple(differ))
    return differ
