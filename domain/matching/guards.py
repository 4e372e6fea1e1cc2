"""What keeps a rule from merging a pair however much it agrees: contradictions, two names, weak dates.

Each guard looks at one pair alone; those that look at its neighbours are in ``suspicions``. A guard never merges.
"""

from collections.abc import Iterator
from typing import Final

from domain.matching.frequencies import Shares
from domain.matching.given_names import Given as GivenNames
from domain.matching.levels import Agreement, Birth, Family, Given, Number, Others, Sex, Used
from domain.matching.lexicon import is_name
from domain.matching.record import Record

GENERATION: Final = 13
"""Years from which on one may be the other's parent."""


def contradictions(found: Agreement) -> Iterator[str]:
    """What says that the two are two people. Their own numbers that differ always do."""
    if found.number is Number.DIFFERENT:
        yield "number"
    if found.sex is Sex.DIFFERENT:
        yield "sex"
    if found.birth in (Birth.TWO_PARTS, Birth.YEAR, Birth.DIFFERENT):
        yield "birth_date"
    if found.others is Others.DIFFERENT:
        yield "first_names"
    if found.used is Used.DIFFERENT:
        yield "used_name"


def a_generation_apart(one: Record, other: Record) -> bool:
    """Whether two birth years are those of parent and child, who may have one name, and one number of the parent's."""
    if one.born is None or other.born is None:
        return False
    return abs(one.born.year - other.born.year) >= GENERATION


def two_given_names(found: Agreement, one: Record, other: Record, region: Shares) -> bool:
    """Lexicon: a slip makes a word that is no name. Where both are names, they are two names.

    LUCAS and LUCA, JEAN and JEAN-MICHEL, MARIE and MARIA are not slips of each other, and twins may be ANNE CLAIRE and
    CLAIRE. Where family and given name are swapped, both must be equal.
    """
    if found.family is Family.SWAPPED:
        return not (one.family and other.given and one.given and other.family) or (
            (one.family.whole, one.given.whole) != (other.given.whole, other.family.whole)
        )
    if found.given not in (Given.LISTED, Given.SPELLING, Given.SHORT_FORM, Given.PART):
        return found.given is Given.DIFFERENT
    return all(each.given is not None and is_name(each.given, region) for each in (one, other))


def doubtful_name(found: Agreement, one: Record, other: Record) -> bool:
    """No lexicon has all names: two that differ by a slip and sound otherwise may be two, and twins may have each
    other's names in their lists. One number of their own says that they are one.
    """
    if found.number is Number.OWN or one.given is None or other.given is None:
        return False
    if found.given is Given.LISTED:
        return not (_begins(one.given, other.given) or _begins(other.given, one.given))
    return found.given is Given.SPELLING and one.given.sound != other.given.sound


def _begins(name: GivenNames, list_of: GivenNames) -> bool:
    """Whether a given name is the first of a list, or its first ones run together."""
    listed = list_of.listed
    return any("".join(listed[:end]) == name.whole for end in range(1, len(listed) + 1))
