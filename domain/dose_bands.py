"""Of which population an exposure is, adult or child, and in which bands of age and weight, as it was made.

Views, alerts and levels ask here, so that all give one answer. An age of 18 years or more is an adult's. The birth date
of the identity whose the exposure is decides, where it is known; else one that all other identities of the person
state alike (``birth_date_of``); else the age that the report states. What is not known stays unknown: without an age
nobody is taken for an adult, whatever the weight, and a birth date that is known in part gives what holds for all days
that it may be. Who compares says what becomes of the unknown: reference levels of either population are compared with
none of them; alert rules of both are, for too many alerts are looked at, too few are not.

Source: European Commission, Radiation Protection 185 (2018), diagnostic reference levels for paediatric imaging: bands
of weight for the body, and the ages that stand for them where no weight is known. The weights of the French texts are
those of each level (``domain.rules.levels``).
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from math import isfinite
from typing import Any, Final

from domain.matching.birth_dates import born
from domain.traits import first_day

ADULT, CHILD = "adult", "child"
POPULATIONS: Final = (ADULT, CHILD)
ADULT_MONTHS: Final = 18 * 12
OLDEST_MONTHS: Final = 130 * 12
"""Above it a birth date or an age is a slip."""
HEAVIEST_KG: Final = 700.0
WEIGHTS: Final = ((5, "<5 kg"), (15, "5-<15 kg"), (30, "15-<30 kg"), (50, "30-<50 kg"), (80, "50-<80 kg"))
"""Upper bound, exclusive, and name of each band of a child's weight; a heavier child is in none."""
AGES: Final = (
    *((1, "<1 month"), (4 * 12, "1 month-<4 years"), (10 * 12, "4-<10 years"), (14 * 12, "10-<14 years")),
    (ADULT_MONTHS, "14-<18 years"),
)
"""The same of a child's age, in completed months."""


@dataclass(frozen=True)
class Band:
    """Whose an exposure is. ``population``: ``adult``, ``child``, or None where that is not known.

    ``age``, ``weight``: a child's bands by name, None where not known; an adult has none.
    """

    population: str | None = None
    age: str | None = None
    weight: str | None = None


UNKNOWN: Final = Band()


def birth_date_of(own: str | None, others: Iterable[str | None] = ()) -> str | None:
    """By which birth date an exposure is judged; None: none is known. ``own``: of the identity whose it is; ``others``:
    of the other identities of the person, which are asked where it says nothing, and where they state the same.
    """
    if born(own) is not None:
        return own
    stated = {other for other in others if born(other) is not None}
    return stated.pop() if len(stated) == 1 else None


def band(
    *,
    birth_date: str | None = None,
    exposed_at: str | None = None,
    age_days: float | None = None,
    weight_kg: float | None = None,
) -> Band:
    """The population and bands of an exposure: by the birth date, else, or where it leaves adult and child open, by the
    age as stated.

    ``birth_date``: YYYY-MM-DD, as traits have it; ``exposed_at``: ISO 8601. A text that is no date, a birth after the
    exposure and an age that nobody reaches are as good as not known.
    """
    if (months := months_at(birth_date, exposed_at, age_days)) is None:
        return UNKNOWN
    youngest, oldest = months
    if youngest >= ADULT_MONTHS:
        return Band(ADULT)
    if oldest >= ADULT_MONTHS:
        return UNKNOWN
    ages = {_named(AGES, youngest), _named(AGES, oldest)}
    weight = _named(WEIGHTS, weight_kg) if weight_kg is not None and 0 < weight_kg <= HEAVIEST_KG else None
    return Band(CHILD, ages.pop() if len(ages) == 1 else None, weight)


def as_of_birth(row: Mapping[str, Any], birth_date: str | None) -> Mapping[str, Any]:
    """A row of the census of practice, whose population and band of weight are of the age that its report states, with
    those of the birth date where that decides. ``birth_date``: by ``birth_date_of``.
    """
    of = of_birth(row["population"], birth_date, row["day"], row["weight_kg"])
    return row if of is None else {**row, "population": of.population, "weight": of.weight}


def of_birth(population: str | None, birth_date: str | None, day: str | None, weight_kg: float | None) -> Band | None:
    """Where the birth date says of which population an exposure is, otherwise than its report: that, with the bands.

    None: what the report states holds. Who is an adult by the report and was born 19 calendar years before or more is
    one by the birth date too, or by nothing else that is known: of most exposures no more is looked at.
    """
    if birth_date is None or day is None or (population == ADULT and birth_date[:4] <= _nineteen_before(day[:4])):
        return None
    of = band(birth_date=birth_date, exposed_at=day, weight_kg=weight_kg)
    return None if of.population is None else of


@cache
def _nineteen_before(year: str) -> str:
    return f"{int(year) - 19:04}" if year.isdecimal() else ""


def months_at(birth_date: str | None, exposed_at: str | None, age_days: float | None) -> tuple[int, int] | None:
    """The age in completed months, the fewest and the most that it may be; as ``band`` has it."""
    months, stated = _between(birth_date, exposed_at), _stated(age_days)
    is_open = months is not None and months[0] < ADULT_MONTHS <= months[1]
    return stated if months is None or (is_open and stated is not None) else months


def _named(bands: tuple[tuple[int, str], ...], value: float) -> str | None:
    return next((name for below, name in bands if value < below), None)


def _stated(days: float | None) -> tuple[int, int] | None:
    """Completed months of an age in days: twelve to a year of 365.25 days."""
    months = int(days * 12 // 365.25) if days is not None and isfinite(days) else -1
    return (months, months) if 0 <= months <= OLDEST_MONTHS else None


def _between(birth_date: str | None, exposed_at: str | None) -> tuple[int, int] | None:
    """Completed months from birth to exposure: the fewest and the most that the birth date may mean."""
    first, known, day = first_day(birth_date or ""), born(birth_date), _day(exposed_at)
    if first is None or known is None or day is None or first > day:
        return None
    fewest, most = completed_months(min(known.last, day), day), completed_months(first, day)
    return (fewest, most) if most <= OLDEST_MONTHS else None


def _day(at: str | None) -> date | None:
    try:
        return date.fromisoformat((at or "")[:10])
    except ValueError:
        return None


def completed_months(birth: date, day: date) -> int:
    """From birth to a day: who was born on the 31st is a month older on the last day of a shorter month."""
    due = min(birth.day, monthrange(day.year, day.month)[1])
    return (day.year - birth.year) * 12 + day.month - birth.month - (day.day < due)
