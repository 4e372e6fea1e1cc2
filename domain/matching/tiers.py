"""The tier of a pair: merged surely, merged by strict traits, shown to a human, or left.

SURE: one national number, its own on both sides, the same given name, no other sex and no other birth date. STRICT: all
strict traits agree, one name may have one slip, nothing contradicts. REVIEW: the weight is over a threshold, and a name
or a number speaks of the two. Where a guard or a suspicion forbids a merge the pair goes to review. Two own numbers
that differ are never merged. Source: RNIV 1 v2.0, strict traits.
"""

from dataclasses import dataclass
from typing import Final

from domain.matching.frequencies import Shares
from domain.matching.guards import a_generation_apart, contradictions, doubtful_name, two_given_names
from domain.matching.levels import Agreement, Birth, Family, Given, Number, Others, Place, Sex, Used
from domain.matching.limits import Limits, Placeless
from domain.matching.record import Record
from domain.matching.suspicions import Suspicions
from domain.matching.tier import Tier

SAME_FAMILY: Final = frozenset({Family.EXACT, Family.SPELLING, Family.CROSS, Family.SWAPPED})
NUMBERED_FAMILY: Final = SAME_FAMILY | {Family.PART}
NUMBERED_GIVEN: Final = frozenset({Given.SPELLING, Given.SHORT_FORM, Given.PART})


def sure(found: Agreement, one: Record, other: Record) -> bool:
    """One number, each record's own, the same given name, no other sex, and no other birth date.

    The number alone may be a twin's or a parent's, and a parent may have the child's name: of both the number says sex
    and month, where they were born in one month.
    """
    if found.number is not Number.OWN or found.sex is Sex.DIFFERENT or found.others is Others.DIFFERENT:
        return False
    named = found.given in (Given.EXACT, Given.LISTED) or found.family is Family.SWAPPED
    return named and found.birth is not Birth.DIFFERENT and not a_generation_apart(one, other)


def strict(found: Agreement, limits: Limits) -> bool:
    """Whether a merge without a human is possible: by strict traits, or by number and another form of the given name.

    Guards come on top.
    """
    if found.birth is not Birth.EXACT or found.sex is not Sex.EQUAL or any(contradictions(found)):
        return False
    if found.number is Number.OWN and found.family in NUMBERED_FAMILY and found.given in NUMBERED_GIVEN:
        return True
    slips = (found.family is Family.SPELLING) + (found.given is Given.SPELLING)
    named = found.given in (Given.EXACT, Given.LISTED, Given.SPELLING) or found.family is Family.SWAPPED
    unquestioned = found.number in (Number.UNKNOWN, Number.OWN)
    return unquestioned and named and found.family in SAME_FAMILY and slips <= 1 and _placed(found, limits.placeless)


def _placed(found: Agreement, placeless: Placeless) -> bool:
    if found.place is not Place.UNKNOWN:
        return found.place is Place.EQUAL
    return placeless is Placeless.ALWAYS or (placeless is Placeless.LISTED and found.others is Others.EQUAL)


def shown(found: Agreement, bits: float, limits: Limits) -> bool:
    """Whether a human is asked, unless a rule merges the two. ``bits``: as in ``Rules.tier``.

    Of BÉBÉ DE FICTIVE and of INCONNU a birth date and a place are those of all who were born there that day: where no
    name is known on both sides, and no number is the same, nothing speaks of the two.
    """
    return bits >= limits.review_bits and (
        found.family is not Family.UNKNOWN
        or found.given is not Given.UNKNOWN
        or found.used is Used.EQUAL
        or found.number in (Number.OWN, Number.BORROWED)
    )


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides the tier of a pair beside its weight."""

    limits: Limits
    region: Shares
    suspicions: Suspicions

    def tier(self, found: Agreement, bits: float, one: Record, other: Record) -> Tier:
        """``bits``: the weight of the agreement, the prior and terms among them."""
        if sure(found, one, other):
            return Tier.SURE
        if strict(found, self.limits) and bits >= self.limits.strict_bits and not self.guarded(found, one, other):
            return Tier.STRICT
        return Tier.REVIEW if shown(found, bits, self.limits) else Tier.LEFT

    def guarded(self, found: Agreement, one: Record, other: Record) -> bool:
        """Whether two given names or a suspicion keep a rule from merging; an equal married name lifts suspicions."""
        if two_given_names(found, one, other, self.region) or doubtful_name(found, one, other):
            return True
        if found.family is Family.CROSS or found.used is Used.EQUAL:
            return False
        if self.suspicions.twins(one) or self.suspicions.twins(other):
            return True
        settled = {"place"} if found.place is Place.EQUAL else set()
        settled |= {"first_names"} if found.others is Others.EQUAL else set()
        return any(self.suspicions.homonyms(each) - settled for each in (one, other))
