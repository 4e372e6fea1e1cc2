"""Places the figures of one group on pictures: coordinates of SVG, and nothing drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Group = Mapping[str, Any]
ROOM: Final = 1.08
"""Above the greatest that is shown."""
BOX_WIDTH, PAD = 640, 8
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 320, 150, 8, 18, 26
MARGIN: Final = 36
"""At the right of a trend, for the names of levels."""
APART: Final = 12.0
"""Between two of them."""


@dataclass(frozen=True)
class Line:
    """A level: where it lies, and what it is called by (``nrd``, ``vgd``). ``label``: where its name is written."""

    name: str
    at: float
    value: float
    label: float


@dataclass(frozen=True)
class Box:
    """From the 10th to the 90th percentile, with the quartiles and the median between. ``top``: the end of the line."""

    places: Mapping[str, float]
    lines: Sequence[Line]
    top: float


@dataclass(frozen=True)
class Trend:
    """``points``: of months with a median: x, y, month, median, persons, and where its value is written (None: not);
    ``parts``: polylines of months in a row.
    """

    points: Sequence[tuple[float, float, str, float, int, float | None]]
    parts: Sequence[str]
    lines: Sequence[Line]
    ends: tuple[str, str]


@dataclass(frozen=True)
class Bars:
    """``bars``: x, y, width, height, and what each stands for; the area is the count."""

    bars: Sequence[tuple[float, float, float, float, Mapping[str, Any]]]
    lines: Sequence[Line]
    ends: tuple[float, float]


def _levels(group: Group) -> list[tuple[str, float]]:
    level = group["level"] or {}
    return [
        (name, value) for name, key in (("nrd", "value"), ("vgd", "guide")) if (value := level.get(key)) is not None
    ]


def box(group: Group) -> Box:
    """On a line that begins at zero."""
    levels = _levels(group)
    top = max([group["p90"], *(value for _, value in levels)]) * ROOM or 1.0

    def place(value: float) -> float:
        return float(round(PAD + (BOX_WIDTH - 2 * PAD) * max(value, 0.0) / top, 1))

    places = {name: place(group[name]) for name in ("p10", "q1", "median", "q3", "p90")}
    return Box(places, [Line(name, place(value), value, place(value)) for name, value in levels], top)


def trend(group: Group) -> Trend | None:
    """Medians by month; None where fewer than two months have one."""
    known = [one for one in group["months"] if one["median"] is not None]
    if len(known) < 2:
        return None
    first, last = _count(known[0]["month"]), _count(known[-1]["month"])
    levels = _levels(group)
    top = max([*(one["median"] for one in known), *(value for _, value in levels)]) * ROOM or 1.0

    def height(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * max(value, 0.0) / top, 1)

    greatest, least = max(known, key=_median), min(known, key=_median)
    points, parts, before = [], list[list[str]](), None
    for one in known:
        month = _count(one["month"])
        x = round(LEFT + (WIDTH - MARGIN - 2 * LEFT) * (month - first) / (last - first), 1)
        y = height(one["median"])
        said = y - 8 if one is greatest else y + 16 if one is least else None
        points.append((x, y, one["month"], one["median"], one["persons"], said))
        if before != month - 1:
            parts.append([])
        parts[-1].append(f"{x},{y}")
        before = month
    lines = list[Line]()
    for name, value in levels:
        at = height(value)
        lines.append(Line(name, at, value, max(at, lines[-1].label + APART) if lines else at))
    return Trend(points, [" ".join(part) for part in parts], lines, (known[0]["month"], known[-1]["month"]))


def bars(group: Group) -> Bars:
    """How often which dose was given; a wide bar is lower than its count, for its area is the count."""
    found = group["histogram"]
    low, high = found[0]["from"], found[-1]["to"]
    span = (high - low) or 1.0
    most = max(_density(one) for one in found)

    def place(value: float) -> float:
        return float(round(LEFT + (WIDTH - 2 * LEFT) * (value - low) / span, 1))

    drawn = []
    for one in found:
        height = round((HEIGHT - BOTTOM - TOP) * _density(one) / most, 1)
        left, right = place(one["from"]), place(one["to"])
        drawn.append((left, round(HEIGHT - BOTTOM - height, 1), round(max(right - left - 1, 1), 1), height, one))
    lines = [Line(name, place(value), value, place(value)) for name, value in _levels(group) if low <= value <= high]
    return Bars(drawn, lines, (low, high))


def _median(month: Mapping[str, Any]) -> float:
    return float(month["median"])


def _density(bar: Mapping[str, Any]) -> float:
    count, width = int(bar["exposures"]), float(bar["to"] - bar["from"])
    return count / (width or 1.0)


def _count(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:7])
