"""How far two records agree, trait by trait: ``agreement`` of names, birth date, sex, place and national number.

Symmetric, and total on any two records. A level is a fact about two texts; what it is worth is in ``weights``.
"""

from rapidfuzz.distance import OSA

from domain.matching import agreeing_names as names
from domain.matching.birth_dates import Born
from domain.matching.birth_places import department, same_place
from domain.matching.levels import Agreement, Birth, Family, Given, Number, Place, Sex
from domain.matching.numbers import Number as NationalNumber
from domain.matching.record import Record


def agreement(one: Record, other: Record) -> Agreement:
    """The level of each trait. Where the names are swapped, that one level speaks for both of them."""
    family = names.family(one, other)
    return Agreement(
        family,
        Given.UNKNOWN if family is Family.SWAPPED else names.given(one, other),
        birth(one.born, other.born),
        sex(one.sex, other.sex),
        place(one.place, other.place),
        number(one.number, other.number),
        names.others(one, other),
        names.used(one, other),
    )


def birth(one: Born | None, other: Born | None) -> Birth:
    """The level of two birth dates."""
    if not one or not other:
        return Birth.UNKNOWN
    if not (one.whole and other.whole):
        return _in_part(one, other)
    if one == other:
        return Birth.WEAK if one.weak else Birth.EXACT
    if one.year == other.year and (one.month, one.day) == (other.day, other.month):
        return Birth.SWAPPED
    return _slipped(one, other)


def _in_part(one: Born, other: Born) -> Birth:
    if one.year != other.year:
        return Birth.DIFFERENT
    return Birth.IN_PART if one.may_be(other) else Birth.YEAR


def _slipped(one: Born, other: Born) -> Birth:
    a, b = (f"{each.year:04}{each.month:02}{each.day:02}" for each in (one, other))
    if OSA.distance(a, b, score_cutoff=1) <= 1:
        return Birth.ONE_DIGIT
    equal = (one.year == other.year) + (one.month == other.month) + (one.day == other.day)
    if equal == 2:
        return Birth.TWO_PARTS
    return Birth.YEAR if one.year == other.year else Birth.DIFFERENT


def sex(one: str | None, other: str | None) -> Sex:
    """The level of two sexes."""
    if not one or not other:
        return Sex.UNKNOWN
    if one == other != "I":
        return Sex.EQUAL
    return Sex.INDETERMINATE if "I" in (one, other) else Sex.DIFFERENT


def place(one: str | None, other: str | None) -> Place:
    """The level of two birth places."""
    if not one or not other:
        return Place.UNKNOWN
    if same_place(one, other):
        return Place.EQUAL
    return Place.DEPARTMENT if department(one) == department(other) else Place.DIFFERENT


def number(one: NationalNumber | None, other: NationalNumber | None) -> Number:
    """The level of two national numbers; those of two authorities are never compared.

    Numbers that nearly agree are two numbers: a slip of one digit, or two swapped, does not fit the key, and is refused
    where a number comes in. They are twins' more often than anybody else's. One that took the place of another counts
    as borrowed where it is equal, and as a number where it differs: in doubt nobody is joined.
    """
    if not one or not other or one.authority != other.authority:
        return Number.UNKNOWN
    own = one.own and other.own
    if one.matricule == other.matricule:
        return Number.OWN if own and not (one.replaced or other.replaced) else Number.BORROWED
    return Number.DIFFERENT if own else Number.DOUBTFUL
