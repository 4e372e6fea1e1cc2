"""Places exams on a line of time, a row for each kind: coordinates of an SVG picture, and nothing drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from krypton.faces.dose.exams import KINDS, OTHER, Exam

WIDTH, LEFT, RIGHT, TOP, ROW = 640, 10, 14, 44, 52
MOST_YEARS: Final = 7
"""Years that are written below the line, also where letters are large; of more, every second, fifth or tenth is."""
LABEL: Final = 54
"""The room of a year."""
STEPS: Final = (1, 2, 5, 10, 20)


@dataclass(frozen=True)
class Mark:
    """One exam on its row."""

    x: float
    y: float
    exam: Exam


@dataclass(frozen=True)
class Timeline:
    """``rows``: kind and height; ``counts``: kind and how many exams; ``years``: what is written below, and where;
    ``last``: the last year.
    """

    width: int
    height: int
    left: int
    bottom: int
    rows: Sequence[tuple[str, float]]
    years: Sequence[tuple[int, float]]
    marks: Sequence[Mark]
    counts: Sequence[tuple[str, int]]
    last: int


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
    told = [(year, x) for year, x in told if x <= WIDTH - LABEL]
    counts = [(kind, sum(exam.kind == kind for _, exam in dated)) for kind in kinds]
    bottom = TOP + ROW * (len(kinds) - 1) + 14
    return Timeline(WIDTH, bottom + 30, LEFT, bottom, [*heights.items()], told, marks, counts, end.year)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
