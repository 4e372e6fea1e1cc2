"""Places the figures of one group on pictures: coordinates of SVG, and nothing drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any, Final

from domain.dose_practice import rounded

Group = Mapping[str, Any]
ROOM: Final = 1.08
"""Above the greatest that is shown."""
BOX_WIDTH, PAD = 400, 8
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 320, 130, 8, 30, 22
FLOOR: Final = HEIGHT - BOTTOM
COUNTS: Final = 36
"""At the left of bars, for how many there are."""
ROWS: Final[Mapping[str, float]] = {"nrd": 0.0, "vgd": 14.0}
"""Above boxes and bars each level is named on a row of its own, so that names never meet."""
NAME: Final = 125
"""The room of a level's name and value."""
NUMBER: Final = 56
"""The room of a value below a box."""
MARGIN: Final = 36
"""At the right of a trend, for the names of levels."""
APART: Final = 12.0
"""Between two of them."""


@dataclass(frozen=True)
class Line:
    """A level: where it lies, and what it is called by (``nrd``, ``vgd``). ``label``: where its name is written;
    ``aside``: how far beside an upright line.
    """

    name: str
    at: float
    value: float
    label: float
    aside: int = 0


@dataclass(frozen=True)
class Box:
    """From the 10th to the 90th percentile, with the quartiles and the median between. ``scale``: of the values that
    are written below, where, how it is set (``text-anchor``), and the value; ``region``: where the band of the region's
    quartiles begins, and how wide it is.
    """

    places: Mapping[str, float]
    lines: Sequence[Line]
    scale: Sequence[tuple[float, str, float]]
    region: tuple[float, float] | None


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
    """``bars``: x, y, width, height, and what each stands for; the area is the count. ``counts``: height and count of
    a bar as wide as ``each``, the narrowest; ``left``: where they begin.
    """

    bars: Sequence[tuple[float, float, float, float, Mapping[str, Any]]]
    lines: Sequence[Line]
    ends: tuple[float, float]
    counts: Sequence[tuple[float, float]]
    each: float
    left: int = COUNTS


def _levels(group: Group) -> list[tuple[str, float]]:
    level = group["level"] or {}
    return [
        (name, value) for name, key in (("nrd", "value"), ("vgd", "guide")) if (value := level.get(key)) is not None
    ]


def of_region(group: Group) -> Group | None:
    """The region's figures of such exposures, where it has some and they are told."""
    found: Group | None = group.get("region")
    return found if found and not found["too_small"] else None


def box(group: Group) -> Box:
    """On a line that begins at zero."""
    levels = _levels(group)
    region = of_region(group)
    ends = [group["p90"], *(value for _, value in levels), *([region["q3"]] if region else [])]
    top = max(ends) * ROOM or 1.0

    def place(value: float) -> float:
        return float(round(PAD + (BOX_WIDTH - 2 * PAD) * max(value, 0.0) / top, 1))

    places = {name: place(group[name]) for name in ("p10", "q1", "median", "q3", "p90")}
    middle = places["median"]
    scale: list[tuple[float, str, float]] = [(PAD, "start", 0.0)] if middle > PAD + NUMBER / 2 else []
    scale += [(BOX_WIDTH - PAD, "end", top)] if middle < BOX_WIDTH - PAD - NUMBER else []
    scale.append((min(max(middle, PAD), BOX_WIDTH - PAD), _anchor(middle), group["median"]))
    return Box(
        places, [_upright(name, place(value), value, BOX_WIDTH) for name, value in levels], scale, _band(region, place)
    )


def _band(region: Group | None, place: Callable[[float], float]) -> tuple[float, float] | None:
    if region is None:
        return None
    begin, end = place(region["q1"]), place(region["q3"])
    return begin, round(max(end - begin, 1.0), 1)


def _upright(name: str, at: float, value: float, width: int) -> Line:
    """A guide value is lower than its level: its name stands at its left, that of the level at its right."""
    right = at < NAME if name == "vgd" else at < width - NAME
    return Line(name, at, value, ROWS[name], 4 if right else -4)


def _anchor(x: float) -> str:
    """How a text is set there, so that it ends within the picture."""
    return "start" if x < NUMBER / 2 else "end" if x > BOX_WIDTH - NUMBER / 2 else "middle"


def trend(group: Group) -> Trend | None:
    """Medians by month; None where fewer than two months have one."""
    known = [one for one in group["months"] if one["median"] is not None]
    if len(known) < 2:
        return None
    first, last = _count(known[0]["month"]), _count(known[-1]["month"])
    levels = _levels(group)
    top = max([*(one["median"] for one in known), *(value for _, value in levels)]) * ROOM or 1.0

    def height(value: float) -> float:
        return round(FLOOR - (FLOOR - TOP) * max(value, 0.0) / top, 1)

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
    each = min(float(one["to"] - one["from"]) for one in found) or 1.0
    steps = _steps(max(_density(one) for one in found) * each)

    def place(value: float) -> float:
        return float(round(COUNTS + (WIDTH - LEFT - COUNTS) * (value - low) / span, 1))

    def height(count: float) -> float:
        return round((FLOOR - TOP) * count / steps[-1], 1)

    drawn = []
    for one in found:
        tall, left, right = height(_density(one) * each), place(one["from"]), place(one["to"])
        drawn.append((left, round(FLOOR - tall, 1), round(max(right - left - 1, 1), 1), tall, one))
    lines = [_upright(name, place(value), value, WIDTH) for name, value in _levels(group) if low <= value <= high]
    counts = [(round(FLOOR - height(count), 1), count) for count in steps]
    return Bars(drawn, lines, (low, high), counts, each)


def _steps(most: float) -> list[float]:
    """Zero and two to five round counts, the last at or above the greatest."""
    most = rounded(most)
    power = 10.0 ** floor(log10(most / 2))
    step = max(1.0, next(power * one for one in (5, 2, 1) if power * one <= most / 2))
    return [step * number for number in range(max(1, ceil(most / step)) + 1)]


def _median(month: Mapping[str, Any]) -> float:
    return float(month["median"])


def _density(bar: Mapping[str, Any]) -> float:
    count, width = int(bar["exposures"]), float(bar["to"] - bar["from"])
    return count / (width or 1.0)


def _count(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:7])
