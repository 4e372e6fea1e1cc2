"""The levels of agreement of each trait, from equal to different: numbers are stored, and never change their meaning.

Level 0 is always *not known on one side at least*, which says nothing.
"""

from enum import IntEnum
from typing import NamedTuple


class Family(IntEnum):
    """Family names; the used name stands in where the birth name does not agree."""

    UNKNOWN = 0
    EXACT = 1
    SPELLING = 2  # one slip, another particle, another order, or the same sound
    CROSS = 3  # the birth name of one is the used name of the other
    PART = 4  # MARTIN and MARTIN-DUPONT
    SIMILAR = 5  # more than one slip
    SWAPPED = 6  # family and given name stand in each other's place
    DIFFERENT = 7


class Given(IntEnum):
    """The first given names."""

    UNKNOWN = 0
    EXACT = 1
    LISTED = 2  # one is among the given names of the other
    SPELLING = 3
    SHORT_FORM = 4
    PART = 5  # JEAN and JEAN-MICHEL; an initial
    DIFFERENT = 6


class Birth(IntEnum):
    """Birth dates."""

    UNKNOWN = 0
    EXACT = 1
    WEAK = 2  # equal, and a first of January
    IN_PART = 3  # equal as far as both are known
    SWAPPED = 4  # day and month in each other's place
    ONE_DIGIT = 5
    TWO_PARTS = 6  # of day, month and year two are equal
    YEAR = 7  # the year alone
    DIFFERENT = 8


class Sex(IntEnum):
    """Sexes; indeterminate agrees with either, weakly."""

    UNKNOWN = 0
    EQUAL = 1
    INDETERMINATE = 2
    DIFFERENT = 3


class Place(IntEnum):
    """Birth places."""

    UNKNOWN = 0
    EQUAL = 1
    DEPARTMENT = 2
    DIFFERENT = 3


class Number(IntEnum):
    """National numbers under one authority. *Own*: nothing says that it is somebody else's."""

    UNKNOWN = 0
    OWN = 1
    BORROWED = 2  # equal, and in doubt on one side at least: somebody else's, or it took the place of another
    DOUBTFUL = 3  # they differ, and one at least is somebody else's
    DIFFERENT = 4  # two numbers, each its record's own: two people


class Others(IntEnum):
    """The given names after the first, where both lists hold more than one."""

    UNKNOWN = 0
    EQUAL = 1
    COMMON = 2
    DIFFERENT = 3


class Used(IntEnum):
    """Used names."""

    UNKNOWN = 0
    EQUAL = 1
    DIFFERENT = 2


class Agreement(NamedTuple):
    """How far each trait of two records agrees."""

    family: Family
    given: Given
    birth: Birth
    sex: Sex
    place: Place
    number: Number
    others: Others
    used: Used


FIELDS = Agreement._fields
ENUMS: tuple[type[IntEnum], ...] = (Family, Given, Birth, Sex, Place, Number, Others, Used)
CONTRADICTIONS: tuple[IntEnum, ...] = (
    Birth.DIFFERENT,
    Sex.DIFFERENT,
    Number.DIFFERENT,
    Others.DIFFERENT,
    Used.DIFFERENT,
)
"""Levels that say *two people*, and never speak for one, whatever was learned."""


def contradicts(level: IntEnum) -> bool:
    """Whether it is one of these; levels of two traits may be equal as numbers."""
    return any(level is each for each in CONTRADICTIONS)
