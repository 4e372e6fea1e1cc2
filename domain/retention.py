"""Retention: until when a record is kept, and on which grounds somebody may be erased.

A record is kept for years after the last exam, stay or order; that of somebody young until an age; that of somebody who
died within years of the last one, for years after the death. Each identity is one establishment's record of a person,
so retention is each identity's own. Source: CSP R.1112-7 (years in ``domain.rules.retention``); RGPD art. 17 3 c.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from domain.errors import BadTraits, UnlawfulGround
from domain.matching import birth_dates


class Ground(StrEnum):
    """On what an erasure rests (F1)."""

    ERROR = "error"
    COURT_ORDER = "court_order"
    END_OF_RETENTION = "end_of_retention"


class Kept(NamedTuple):
    """``until``: the first day on which a record is not kept any more; ``told``: the same in words without a trait."""

    until: date
    told: str


def _on(day: date) -> Kept:
    return Kept(day, f"until {day}")


@dataclass(frozen=True)
class Retention:
    """One version of the rules. ``delay_days``: from approval to carrying out, by ground; ``follow_days``: from then
    on, until all that is left has followed.
    """

    version: int = 1
    years: int = 20
    until_age: int = 28
    years_after_death: int = 10
    follow_days: float = 30
    delay_days: Mapping[str, float] = field(
        default_factory=lambda: {Ground.ERROR.value: 7, Ground.COURT_ORDER.value: 1, Ground.END_OF_RETENTION.value: 30}
    )

    def last_seen(self, stated: str | None, recorded: date, born: date | None, *, by_device: bool) -> date:
        """The day of an exam, as far as retention goes: as stated, unless that is before the birth or ahead. A device
        whose clock is dead says a day of long ago, so what came over the network (``by_device``: C-STORE, STOW-RS) was
        not made longer before it was ``recorded`` than records are kept. An archive that an operator imports may be as
        old as it says.
        """
        believed = years_after(recorded, -self.years) if by_device else date.min
        return dated(stated, recorded, max(born or date.min, believed))

    def kept_until(self, last: date, born: date | None, died: date | None = None) -> Kept:
        """From when the record is not kept any more. ``last``: of the last exam, stay or order.

        Whoever's birth date is not known may have been born on that last day.
        """
        if died is not None and died < years_after(last, self.years_after_death):
            return _on(years_after(died, self.years_after_death))
        over, grown = years_after(last, self.years), years_after(born or last, self.until_age)
        if over >= grown:
            return _on(over)
        return Kept(grown, f"until the person is {self.until_age}" if born else f"until {grown}")


def years_after(day: date, years: int) -> date:
    """The same day so many years later, or earlier; 1 March for 29 February where there is none."""
    year = max(min(day.year + years, date.max.year), date.min.year)
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def lawful(word: str, rules: Retention) -> Ground:
    """The ground of that word. Raises UnlawfulGround (F1)."""
    if word not in [*Ground]:
        raise UnlawfulGround(
            f"records are kept for {rules.years} years (retention@{rules.version}): nobody is erased before, whoever "
            f"asks for it, but on one of the grounds {', '.join(Ground)}"
        )
    return Ground(word)


def birth_day(text: str | None) -> date | None:
    """The day of birth; the last one that it can be where it is known in part, so that nothing is kept too short. None
    where it is not known.
    """
    known = birth_dates.born(text)
    return known.last if known else None


def known_day(text: Any) -> date | None:
    """A day that was written YYYY-MM-DD, at the start of the text; None where there is none."""
    try:
        return date.fromisoformat(text[:10])
    except (TypeError, ValueError):
        return None


def day_of_death(text: str | None, last: date, today: date) -> date | None:
    """The day of death as stated. Raises BadTraits (I1): it is no day, or lies ahead, or before the last exam."""
    if text is None:
        return None
    if (day := known_day(text)) is None or text != day.isoformat():
        raise BadTraits("the day of death is no day: write it YYYY-MM-DD")
    if not last <= day <= today:
        raise BadTraits("the day of death lies before the last exam, or ahead: check it")
    return day


def seen_day(stated: Iterable[str], today: date, born: date | None) -> date:
    """The day on which an establishment had somebody there: the first of those stated that can be, else today.

    What it announces is of now: a day further back than records are kept by law is taken for a slip.
    """
    earliest = max(born or date.min, years_after(today, -Retention.years))
    days = (known_day(one) for one in stated)
    return next((day for day in days if day and earliest <= day <= today), today)


def dated(stated: str | None, recorded: date, earliest: date | None) -> date:
    """The day of an exam: as stated, unless that is before ``earliest`` or ahead; then when it was recorded."""
    day = known_day(stated)
    return day if day and (earliest or date.min) <= day <= recorded else recorded
