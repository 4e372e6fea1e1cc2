"""Birth dates whose day or month may not be known, and lunar ones, in the forms that RNIV allows.

``1950-00-00`` and ``1950-03-00`` are known in part. Months 31 to 42 are those of a lunar calendar, and say nothing of a
month of the Gregorian one. A day that never was (30 February) is not known. Source: RNIV 1 v2.0, birth date.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from domain.matching import unknown

FORM: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
FIRST, LAST = 1850, 2199  # a year outside them is a slip; whether it is in the future is asked of the traits
LUNAR: Final = range(31, 43)


@dataclass(frozen=True, slots=True)
class Born:
    """A birth date of which the year at least is known; month and day are 0 where they are not."""

    year: int
    month: int
    day: int
    lunar: bool

    @property
    def whole(self) -> bool:
        """Whether day, month and year are known, by the Gregorian calendar."""
        return bool(self.day) and not self.lunar

    @property
    def last(self) -> date:
        """The last day that it can stand for."""
        month = 12 if self.lunar or not self.month else self.month
        return date(self.year, month, self.day if self.whole else monthrange(self.year, month)[1])

    def may_be(self, other: "Born") -> bool:
        """Whether both can be one date, as far as they are known. A lunar month is any."""
        if self.year != other.year:
            return False
        if self.lunar or other.lunar:
            return not (self.lunar and other.lunar) or (self.month, self.day) == (other.month, other.day)
        parts = ((self.month, other.month), (self.day, other.day))
        return all(not mine or not theirs or mine == theirs for mine, theirs in parts)

    @property
    def weak(self) -> bool:
        """Whether so many share it that it says little: the first of January stands where only the year is known."""
        return not self.whole or (self.month, self.day) == (1, 1)


@lru_cache(maxsize=100_000)  # a region's people were born on some forty thousand days
def born(text: str | None) -> Born | None:
    """Of ``YYYY-MM-DD``; None where no year is known."""
    found = FORM.fullmatch((text or "").strip())
    if not found or found[0] in unknown.DATES:
        return None
    year, month, day = map(int, found.groups())
    if not FIRST <= year <= LAST:
        return None
    if month in LUNAR:
        return Born(year, month, day, True)
    if not 1 <= month <= 12:
        return Born(year, 0, 0, False)
    return Born(year, month, day if day <= monthrange(year, month)[1] else 0, False)
