"""Says in words how far two records agree, and which is worth most: what a clerk reads beside two people.

Words name the trait and the level, never a value, so that they may stand where values may not.
"""

from enum import IntEnum
from typing import Final

from domain.matching.levels import ENUMS, FIELDS, Agreement, Birth, Family, Given, Number, Others, Place, Sex, Used
from domain.matching.record import Record
from domain.matching.weights import Weights

SAID: Final[tuple[tuple[IntEnum, str], ...]] = (
    (Family.EXACT, "same family name"),
    (Family.SPELLING, "family names are spellings of each other"),
    (Family.CROSS, "the family name of one is the used name of the other"),
    (Family.PART, "one family name is part of the other"),
    (Family.SIMILAR, "family names are similar"),
    (Family.SWAPPED, "family and given name stand in each other's place"),
    (Family.DIFFERENT, "family names differ"),
    (Given.EXACT, "same given name"),
    (Given.LISTED, "the given name of one is among those of the other"),
    (Given.SPELLING, "given names are spellings of each other"),
    (Given.SHORT_FORM, "one given name is a short form of the other"),
    (Given.PART, "one given name is part of the other"),
    (Given.DIFFERENT, "given names differ"),
    (Birth.EXACT, "same birth date"),
    (Birth.WEAK, "same birth date, a first of January"),
    (Birth.IN_PART, "birth dates agree as far as they are known"),
    (Birth.SWAPPED, "day and month of birth are swapped"),
    (Birth.ONE_DIGIT, "birth dates differ by one digit"),
    (Birth.TWO_PARTS, "birth dates agree in two of day, month and year"),
    (Birth.YEAR, "birth dates agree in the year alone"),
    (Birth.DIFFERENT, "birth dates differ"),
    (Sex.EQUAL, "same sex"),
    (Sex.INDETERMINATE, "sex is indeterminate"),
    (Sex.DIFFERENT, "sexes differ"),
    (Place.EQUAL, "same birth place"),
    (Place.DEPARTMENT, "birth places are in one department"),
    (Place.DIFFERENT, "birth places differ"),
    (Number.OWN, "same INS"),
    (Number.BORROWED, "same INS, in doubt"),
    (Number.DOUBTFUL, "INS differ, in doubt"),
    (Number.DIFFERENT, "INS differ"),
    (Others.EQUAL, "same list of given names"),
    (Others.COMMON, "lists of given names have one in common"),
    (Others.DIFFERENT, "lists of given names differ"),
    (Used.EQUAL, "same used name"),
    (Used.DIFFERENT, "used names differ"),
)
WORDS: Final = {(type(level), level): words for level, words in SAID}
"""Of each level that is known. Levels of two traits may be equal as numbers, so the type is in the key."""

KEPT: Final = {
    f"{field} {level.name.lower()}": WORDS[type(level), level]
    for field, enum in zip(FIELDS, ENUMS, strict=True)
    for level in enum
    if level
}
"""What a decision keeps of each level (``domain.matching.pair``), and the words for it."""


def in_words(kept: str) -> str:
    """Words for what a decision kept; what rules of equal fields kept, a field's name, stays as it is."""
    return KEPT.get(kept, f"{kept} bits" if kept.startswith("weight ") else kept)


def evidence(found: Agreement, weights: Weights, one: Record, other: Record) -> list[tuple[str, str, float]]:
    """Trait, words and bits of each that is known on both sides; what speaks loudest, for or against, comes first."""
    told = [
        (
            field,
            WORDS[type(level), level] + (_doubt(one, other) if field == "number" else ""),
            weights.bits[place][level],
        )
        for place, (field, level) in enumerate(zip(FIELDS, found, strict=True))
        if level
    ]
    return sorted(told, key=lambda each: -abs(each[2]))


def _doubt(*sides: Record) -> str:
    """Why a number is in doubt, where one is."""
    numbers = [side.number for side in sides if side.number]
    said = {
        "seems to be somebody else's": any(not number.own for number in numbers),
        "took the place of another": any(number.replaced for number in numbers),
    }
    why = " and ".join(words for words, holds in said.items() if holds)
    return f": one {why}" if why else ""
