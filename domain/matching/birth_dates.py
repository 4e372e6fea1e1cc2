"""Birth dates whose day or month may not be known, and lunar ones, in the forms that RNIV allows.

``1950-00-00`` and ``1950-03-00`` are known in part. Months 31 to 42 are those of a lunar calendar, and say nothing of a
month of the Gregorian one. A day that never was (30 February) is not known. Source: RNIV 1 v2.0, birth date.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
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
