"""Places exams on a line of time, a row for each kind: coordinates of an SVG picture, and nothing drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from krypton.faces.dose.exams import KINDS, OTHER, Exam

WIDTH, LEFT, RIGHT, TOP, ROW = 900, 170, 24, 28, 34
MOST_YEARS: Final = 12
"""Years that are written below the line; of more, every second, fifth or tenth is."""
STEPS: Final = (1, 2, 5, 10, 20)


@dataclass(frozen=True)
class Mark:
    """One exam on its row."""

    x: float
    y: float
    exam: Exam


@dataclass(frozen=True)
class Timeline:
    """``rows``: kind and height; ``years``: what is written below, and where."""

    width: int
    height: int
    left: int
    bottom: int
    rows: Sequence[tuple[str, float]]
    years: Sequence[tuple[int, float]]
    marks: Sequence[Mark]


def timeline(exams: Sequence[Exam]) -> Timeline | None:
    """Exams whose date is known; None: of none it is."""
    dated = [(day, exam) for exam in exams if (day := _day(exam.date)) is not None]
    if not dated:
        return None
    first, last = min(day for day, _ in dated), max(day for day, _ in dated)
    begin, end = date(first.year, 1, 1), date(last.year, 12, 31)
    span = (end - begin) / timedelta(days=1)

    def place(day: date) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * ((day - begin) / timedelta(days=1)) / span, 1)

    kinds = [kind for kind in (*KINDS, OTHER) if any(exam.kind == kind for _, exam in dated)]
    heights: dict[str, float] = {kind: TOP + ROW * number for number, kind in enumerate(kinds)}
    marks = [Mark(place(day), heights[exam.kind], exam) for day, exam in sorted(dated, key=lambda one: one[0])]
    years = range(begin.year, end.year + 1)
    step = next((step for step in STEPS if len(years) <= step * MOST_YEARS), STEPS[-1])
    told = [(year, place(date(year, 1, 1))) for year in years if (year - begin.year) % step == 0]
    bottom = TOP + ROW * len(kinds) - ROW // 2
    return Timeline(WIDTH, bottom + 28, LEFT, bottom, [*heights.items()], told, marks)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
