"""Figures of practice: quartiles, outliers, trend and histogram of one group of exposures, and what may be told of it.

A quartile is interpolated between the two values beside it, as most programs do it. An outlier lies more than one and a
half times the distance of the quartiles outside them (Tukey). A box is drawn from the 10th to the 90th percentile, so
that neither end is one person's value.

A figure of fewer than ``LEAST`` persons is not told: who they are might be known by it. Months of fewer have no median,
and bars of a histogram are so wide that each holds as many. A period is one of whole months: two answers that differ by
a day would tell what was given to who came on that day.
"""

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from math import floor, fsum, log10
from typing import Any, Final, NamedTuple

LEAST: Final = 5
"""Persons."""
FENCE: Final = 1.5
BARS: Final = 20
PERCENTILES: Final[Mapping[str, float]] = {"p10": 0.1, "q1": 0.25, "median": 0.5, "q3": 0.75, "p90": 0.9}
DIGITS: Final = 12  # below what any device states, above the noise of adding binary fractions
Document = dict[str, Any]


class Value(NamedTuple):
    """One value of a quantity: how much, of whom, in which month (YYYY-MM; None where it is not known)."""

    value: float
    person: str
    month: str | None = None


def whole_months(since: str | None, until: str | None) -> tuple[str | None, str | None]:
    """The days of a period from the first of its first month to the last of its last one. None: without that bound."""
    first = None if since is None else f"{since[:7]}-01"
    if until is None:
        return first, None
    last = date.fromisoformat(until)
    return first, last.replace(day=monthrange(last.year, last.month)[1]).isoformat()


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which that share lies, interpolated. ``ordered``: ascending, not empty."""
    place = (len(ordered) - 1) * share
    low = floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def persons(values: Iterable[Value]) -> int:
    """How many different persons there are."""
    return len({one.person for one in values})


def figures(values: Sequence[Value]) -> Document:
    """What is told of a group: counts always; all else where there are enough persons, else ``too_small``."""
    people = persons(values)
    told: Document = {"exposures": len(values), "persons": people, "too_small": people < LEAST}
    if people < LEAST:
        return told | dict.fromkeys((*PERCENTILES, "mean", "outliers", "histogram", "months"))
    ordered = sorted(one.value for one in values)
    found = {name: rounded(percentile(ordered, share)) for name, share in PERCENTILES.items()}
    reach = FENCE * (found["q3"] - found["q1"])
    inside = bisect_right(ordered, found["q3"] + reach) - bisect_left(ordered, found["q1"] - reach)
    return told | {
        **found,
        "mean": rounded(fsum(ordered) / len(ordered)),
        "outliers": len(ordered) - inside,
        "histogram": histogram(values),
        "months": months(values),
    }


def months(values: Iterable[Value]) -> list[Document]:
    """By month: how many exposures and persons, and the median where there are enough persons."""
    by_month: dict[str, list[Value]] = {}
    for one in values:
        if one.month is not None:
            by_month.setdefault(one.month, []).append(one)
    return [
        {
            "month": month,
            "exposures": len(some),
            "persons": persons(some),
            "median": rounded(percentile(sorted(one.value for one in some), 0.5)) if persons(some) >= LEAST else None,
        }
        for month, some in sorted(by_month.items())
    ]


def histogram(values: Sequence[Value]) -> list[Document]:
    """Bars of round bounds, each with how many exposures; those of too few persons are joined with the next."""
    low, high = min(one.value for one in values), max(one.value for one in values)
    step = _step((high - low) / BARS)
    first = floor(low / step)
    bins: list[list[Value]] = [[] for _ in range(floor(high / step) - first + 1)]
    for one in values:
        bins[floor(one.value / step) - first].append(one)
    bars: list[tuple[int, int, list[Value]]] = []
    start, held = 0, list[Value]()
    for place, some in enumerate(bins, 1):
        held = held + some
        if persons(held) >= LEAST:
            bars.append((start, place, held))
            start, held = place, []
    if held:
        begin, _, last = bars.pop()
        bars.append((begin, len(bins), last + held))
    return [
        {"from": rounded(step * (first + begin)), "to": rounded(step * (first + end)), "exposures": len(some)}
        for begin, end, some in bars
    ]


def _step(width: float) -> float:
    """The round number at or above a width: 1, 2 or 5 times a power of ten."""
    if width <= 0:
        return 1.0
    power = 10.0 ** floor(log10(width))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= width)


def rounded(value: float) -> float:
    """A figure as it is told: without the noise of adding binary fractions."""
    return float(f"{value:.{DIGITS}g}")
