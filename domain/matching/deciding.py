"""Decides all pairs of a set of records at once: sure merges first, then strict ones, then what a human is shown.

Records stand in the order of their identities' ids, so that the order of their arrival decides nothing. Suspicions are
raised by the groups that sure merges and human ones leave, so that one person's slips raise none. A human's merge says
that two are one person; it makes no rule merge a third, and keeps none out but whose number differs.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.matching.agreement import agreement
from domain.matching.groups import Groups
from domain.matching.levels import Agreement
from domain.matching.model import Model
from domain.matching.record import Record
from domain.matching.suspicions import Suspicions
from domain.matching.tier import Tier
from domain.matching.tiers import Rules, shown, strict, sure


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records by their places, how far they agree, and what that is worth in bits."""

    one: int
    other: int
    found: Agreement
    bits: float


@dataclass(frozen=True, slots=True)
class Decided:
    """Merges with their tier, each of which joined two groups; what is left for a human; and the groups."""

    merges: list[tuple[Pair, Tier]]
    review: list[Pair]
    groups: Groups


class Weighed(NamedTuple):
    """How far two records agree, and what that is worth in bits."""

    found: Agreement
    bits: float


Weigh = Callable[[Record, Record], Weighed]


def weighed(one: Record, other: Record, model: Model) -> Weighed:
    """Symmetric."""
    found = agreement(one, other)
    return Weighed(found, model.bits(found, one, other))


def scored(
    records: Sequence[Record], places: Iterable[tuple[int, int]], model: Model, weigh: Weigh | None = None
) -> list[Pair]:
    """Those pairs that a decision may rest on, with their weight, the heaviest first. ``weigh``: by the same model."""
    found = []
    for one, other in places:
        a, b = records[one], records[other]
        agreed, bits = weigh(a, b) if weigh else weighed(a, b, model)
        if counts(agreed, bits, a, b, model):
            found.append(Pair(one, other, agreed, bits))
    return sorted(found, key=lambda pair: (-pair.bits, pair.one, pair.other))


def counts(found: Agreement, bits: float, one: Record, other: Record, model: Model) -> bool:
    """Whether a pair may be merged or shown; a region has many times more candidates that are neither."""
    return shown(found, bits, model.limits) or sure(found, one, other) or strict(found, model.limits)


def decide(
    records: Sequence[Record], pairs: Sequence[Pair], model: Model, told: Iterable[tuple[int, int]] = ()
) -> Decided:
    """``pairs``: the heaviest first (``scored``); ``told``: the places of those whom a human merged."""
    groups, limits = Groups(records), model.limits
    merges: list[tuple[Pair, Tier]] = []
    for pair in pairs:
        if sure(pair.found, records[pair.one], records[pair.other]) and _joined(groups, pair, model, Tier.SURE):
            merges.append((pair, Tier.SURE))
    persons = groups.copy()
    for one, other in told:
        persons.join(one, other)
    suspicions = Suspicions(([records[place] for place in person] for person in persons), model.given)
    rules = Rules(limits, model.given, suspicions)
    for pair in pairs:
        if groups.same(pair.one, pair.other) or not strict(pair.found, limits):
            continue
        tier = rules.tier(pair.found, pair.bits, records[pair.one], records[pair.other])
        if tier is Tier.STRICT and not persons.two_numbers(pair.one, pair.other) and _joined(groups, pair, model, tier):
            persons.join(pair.one, pair.other)
            merges.append((pair, tier))
    review = [p for p in pairs if shown(p.found, p.bits, limits) and not groups.same(p.one, p.other)]
    return Decided(merges, review, groups)


def _joined(groups: Groups, pair: Pair, model: Model, tier: Tier) -> bool:
    """Join the groups of the two, unless they are one, or hold a pair that cannot be one person."""
    sides = pair.one, pair.other
    if groups.same(*sides) or groups.clash(*sides, model.given, numbers_alone=tier is Tier.SURE):
        return False
    groups.join(*sides)
    return True
