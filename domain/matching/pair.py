"""What a model says of one pair alone: the tiers that it may be merged or shown by, and the evidence for it.

Its neighbours may forbid what the pair alone allows: suspicions and groups are asked where they are known
(``domain.matching.deciding``).
"""

from typing import Final

from domain.matching import deciding
from domain.matching.deciding import Pair
from domain.matching.guards import doubtful_name, two_given_names
from domain.matching.levels import ENUMS, FIELDS, Agreement
from domain.matching.model import Model
from domain.matching.record import Record
from domain.matching.tier import Tier
from domain.matching.tiers import shown, strict, sure

NAMES: Final = [
    {level: f"{field} {level.name.lower()}" for level in enum} for field, enum in zip(FIELDS, ENUMS, strict=True)
]
"""Of each field the names of its levels: one text each, however many decisions keep it."""


def weighed(one: Record, other: Record, model: Model) -> Pair:
    """How far two records agree, and what that is worth."""
    return Pair(0, 1, *deciding.weighed(one, other, model))


def tiers(one: Record, other: Record, pair: Pair, model: Model) -> tuple[Tier, ...]:
    """The tiers that hold of the pair alone, the strongest first."""
    limits = model.limits
    held = {
        Tier.SURE: sure(pair.found, one, other),
        Tier.STRICT: strict(pair.found, limits)
        and pair.bits >= limits.strict_bits
        and not two_given_names(pair.found, one, other, model.given)
        and not doubtful_name(pair.found, one, other),
        Tier.REVIEW: shown(pair.found, pair.bits, limits),
    }
    return tuple(tier for tier, holds in held.items() if holds)


def evidence(pair: Pair) -> tuple[str, ...]:
    """The level of each trait that both sides know, and the weight in bits: kept with a decision."""
    return (*levels(pair.found), f"weight {pair.bits:.1f}")


def levels(found: Agreement) -> list[str]:
    """Such as ``birth exact``; never a value."""
    return [names[level] for names, level in zip(NAMES, found, strict=True) if level]
