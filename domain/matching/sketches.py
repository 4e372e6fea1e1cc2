"""A record at a glance: its birth date, sex, district of birth and initials, packed into one number.

Two records may share a key and contradict each other in so much that they need not be compared. Their sketches tell
that alone, and stand beside the keys: in a large region most of those who share a key are ruled out there. What is not
known contradicts nothing.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple
from zlib import crc32

from domain.matching.birth_places import district
from domain.matching.record import Record


class Field(NamedTuple):
    """Where a trait stands in a sketch: its lowest bit, and how many; 0 is not known."""

    at: int
    bits: int

    def of(self, sketch: int) -> int:
        """The trait in a sketch."""
        return sketch >> self.at & (1 << self.bits) - 1


FIELDS: Final[Mapping[str, Field]] = {
    "sex": Field(0, 2),
    "month": Field(2, 4),
    "day": Field(6, 5),
    "year": Field(11, 12),
    "district": Field(23, 10),
    "family": Field(33, 5),
    "given": Field(38, 5),
}
"""Stored beside keys: with other fields the index needs another version."""
SEX, MONTH, DAY, YEAR, DISTRICT, FAMILY, GIVEN = FIELDS.values()
SEXES: Final = {"M": 1, "F": 2}
"""Indeterminate agrees with either."""


def sketch(record: Record) -> int:
    """The same on every machine. Of a weak date the year alone is known."""
    birth = record.born
    exact = birth is not None and not birth.weak
    return (
        SEXES.get(record.sex or "", 0) << SEX.at
        | (birth.month if birth and exact else 0) << MONTH.at
        | (birth.day if birth and exact else 0) << DAY.at
        | (birth.year if birth else 0) << YEAR.at
        | (_mixed(district(record.place), DISTRICT) if record.place else 0) << DISTRICT.at
        | (_mixed(record.family.sound[:1], FAMILY) if record.family else 0) << FAMILY.at
        | (_mixed(record.given.sound[:1], GIVEN) if record.given else 0) << GIVEN.at
    )


def _mixed(text: str, field: Field) -> int:
    """A number from 1 on. Two texts may have the same one: then they contradict each other unseen."""
    return 1 + crc32(text.encode()) % ((1 << field.bits) - 1)


def contradictions(one: int, other: int) -> int:
    """In how many of sex, date, district and initials two sketches contradict each other."""
    return (
        _differ(SEX.of(one), SEX.of(other))
        + _differ(DISTRICT.of(one), DISTRICT.of(other))
        + _two_dates(one, other)
        + _no_initial_in_common(one, other)
    )


def _differ(one: int, other: int) -> bool:
    return bool(one and other) and one != other


def _two_dates(one: int, other: int) -> bool:
    """Nor the same year, with the same month or day, or with both swapped; nor the same day of years alike."""
    year, year_of_other = YEAR.of(one), YEAR.of(other)
    if not year or not year_of_other:
        return False
    month, day, month_of_other, day_of_other = MONTH.of(one), DAY.of(one), MONTH.of(other), DAY.of(other)
    if not day or not day_of_other:
        return year != year_of_other
    if year != year_of_other:
        return (month, day) != (month_of_other, day_of_other) or not _years_alike(year, year_of_other)
    return month != month_of_other and day != day_of_other and (month, day) != (day_of_other, month_of_other)


def _years_alike(one: int, other: int) -> bool:
    """The decade or the last digit is the same, or the last two are swapped."""
    swapped = one % 10 * 10 + one // 10 % 10 == other % 100
    return one // 10 == other // 10 or one % 10 == other % 10 or swapped


def _no_initial_in_common(one: int, other: int) -> bool:
    """Whichever stands where: names may be swapped."""
    ours, theirs = ((FAMILY.of(sketch), GIVEN.of(sketch)) for sketch in (one, other))
    return all(ours) and all(theirs) and ours[0] not in theirs and ours[1] not in theirs
