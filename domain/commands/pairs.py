"""What was said of a pair, and of two persons, as commands on pairs look it up; and in what two people differ."""

from collections.abc import Collection, Iterable
from itertools import combinations
from typing import Final
from uuid import UUID

from domain.aggregates.identity import Identity
from domain.aggregates.link import Link
from domain.errors import OnePersonAlready, SameIdentity, TraitsDiffer
from domain.unlike import in_words, unlike
from domain.work import Work

FEW: Final = 20
"""Identities that merges make one person, of whom all pairs are looked up together: their number grows with the square.
"""


def are_one(work: Work, living: Collection[Identity]) -> bool:
    """Whether the identities are one person."""
    if len(living) < 2:
        return True
    ids = [str(one.id) for one in living]
    work.membership.load(ids)
    return {*ids} <= work.membership.person_of(ids[0])


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
    return [] if mine & theirs else _ids(work, mine, theirs)


def _ids(work: Work, mine: Collection[str], theirs: Collection[str]) -> list[UUID]:
    return [Link.create_id(work.ids, *sorted((a, b))) for a in mine for b in theirs]


def ids_among(work: Work, asked: Collection[tuple[UUID, UUID]]) -> set[UUID]:
    """The ids of the links that ``links_between`` is asked for where all these are merged, one after the other."""
    near: dict[frozenset[str], set[frozenset[str]]] = {}
    found = set[UUID]()
    for pair in asked:
        one, other = (frozenset(work.membership.person_of(str(side))) for side in pair)
        found.update(() if one & other else _ids(work, one, other))
        near.setdefault(one, set()).add(other)
        near.setdefault(other, set()).add(one)
    while near:
        persons = _joined(near)
        if 2 < sum(map(len, persons)) <= FEW:
            found.update(link for one, other in combinations(persons, 2) for link in _ids(work, one, other))
    return found


def _joined(near: dict[frozenset[str], set[frozenset[str]]]) -> set[frozenset[str]]:
    """Some of the persons that are near each other; they are taken out."""
    first = next(iter(near))
    found, frontier = {first}, [first]
    while frontier:
        more = near.pop(frontier.pop()) - found
        found |= more
        frontier += more
    return found


def links_between(work: Work, one: UUID, other: UUID) -> list[Link]:
    """What was said of the two persons: the links of all pairs of their identities. Raises OnePersonAlready (L2)."""
    work.membership.load((str(one), str(other)))
    if not (pairs := ids_between(work, one, other)):
        raise OnePersonAlready(f"{one} and {other} are one person already: nothing to do")
    return _known(work, pairs)


def links_across(work: Work, one: UUID, other: UUID) -> list[Link]:
    """What was said of all who may be one person once the two are merged: those as well whom a bar holds back by now,
    for it may be lifted. Raises OnePersonAlready (L2).
    """
    mine, theirs = (work.membership.around((str(side),)).keys() for side in (one, other))
    if mine & theirs:  # merged pairs connect them already: merging the two brings nobody else together
        return links_between(work, one, other)
    return _known(work, _ids(work, mine, theirs))


def _known(work: Work, links: Collection[UUID]) -> list[Link]:
    """Those of which something was said, looked up together."""
    work.fetch(links)
    return [link for one in links if (link := work.find(Link, one))]


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
