"""Compares an exposure with the reference levels of its act: by the text in force on its day, and by today's.

One exposure over a level is a flag on that exposure, and nothing more: practice is judged by groups
(``domain.dose_findings``). "Over" is strict. What is not compared says why: it is of no act that is known, or of nobody
whose population is; no text in force has a level of the act; the phantom is another. A test of a device is compared
with nothing, and so is the sum of both sides, or a value that is implausible and that nobody accepted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from domain.dose_acts import DoseActs, Judged, Marks, compared_as, marks
from domain.dose_alerts import QUANTITIES
from domain.dose_bands import CHILD
from domain.dose_distinct import trusted
from domain.dose_levels import Level, ReferenceLevels

Document = dict[str, Any]
A_TEST: Final = "a test of the device"
BOTH_SIDES: Final = "the sum of both sides of an event"
NO_POPULATION: Final = "adult or child is not known"
NO_WEIGHT: Final = "the child's weight is not known"
NO_DOSE: Final = "no dose that a level is of is known"
PHANTOM: Final = "the phantom is another one, or not known"
NO_LEVEL: Final = "no level is in force"
AT_EXAM, NOW = "at_exam", "now"


@dataclass(frozen=True)
class Comparison:
    """What exposures are compared by. ``levels``: those in force on a day."""

    mapping: DoseActs
    levels: Callable[[date], ReferenceLevels]
    today: date
    _judged: dict[Marks, Judged] = field(default_factory=dict)
    _texts: dict[str | None, Mapping[str, ReferenceLevels | None]] = field(default_factory=dict)

    def judged(self, told: Marks) -> Judged:
        """What exposures with these marks are; each distinct one is looked at once."""
        if told not in self._judged:
            self._judged[told] = self.mapping.judge(told)
        return self._judged[told]

    def exposure(self, row: Mapping[str, Any], day: str | None, told: Marks | None = None) -> Document:
        """``act``, ``act_state`` and ``act_between`` (see ``Judged``); ``levels``: each value beside its levels, where
        there is one; ``not_compared``: why there is none. ``row``: with the words of the exposure and of its report,
        and with its ``population``; ``day``: of the exposure; ``told``: its marks, where a row has no words.
        """
        told = told or marks(row, row)
        judged = self.judged(told)
        silent = self._why(row, told, judged)
        found = [] if silent else [*self._compared(row, judged.act or "", day)]
        why = silent or (None if found else self._missing(row, judged.act or "", day))
        return {
            "act": judged.act,
            "act_state": judged.state,
            "act_between": [*judged.between],
            "levels": found,
            "not_compared": why,
        }

    def texts(self, day: str | None) -> Mapping[str, ReferenceLevels | None]:
        """The levels that an exam of a day is compared with; None: the day is not known."""
        if day not in self._texts:
            on = _date(day)
            self._texts[day] = {AT_EXAM: self.levels(on) if on else None, NOW: self.levels(self.today)}
        return self._texts[day]

    def _why(self, row: Mapping[str, Any], told: Marks, judged: Judged) -> str | None:
        if row["qa"]:
            return A_TEST
        if told.summed:
            return BOTH_SIDES
        if judged.act is None:
            return judged.state
        return None if row["population"] else NO_POPULATION

    def _compared(self, row: Mapping[str, Any], act: str, day: str | None) -> Iterator[Document]:
        texts = self.texts(day)
        for quantity in QUANTITIES:
            if (value := trusted(row, quantity)) is None:
                continue
            sides = {name: _against(text, row, act, quantity, value) for name, text in texts.items()}
            if any(sides.values()):
                yield {"quantity": quantity, "value": value, **sides}

    def _missing(self, row: Mapping[str, Any], act: str, day: str | None) -> str:
        """Why nothing is compared, of an act and a population that are known."""
        texts = [text for text in self.texts(day).values() if text]
        levels = [level for text in texts for level in _levels(text, row, act)]
        if not levels:
            child = row["population"] == CHILD and weight_of(row) is None
            return NO_WEIGHT if child and any(text.has_children(act) for text in texts) else NO_LEVEL
        known = [level for level in levels if trusted(row, level.quantity) is not None]
        return PHANTOM if known else NO_DOSE


def _date(day: str | None) -> date | None:
    try:
        return date.fromisoformat(day or "")
    except ValueError:
        return None


def weight_of(row: Mapping[str, Any]) -> float | None:
    """The weight that the report states, kg."""
    return (row.get("patient") or {}).get("weight_kg")


def of_phantom(level: Level, phantom_cm: int | None) -> bool:
    """Whether a dose measured in this phantom may be compared with a level."""
    return level.phantom_cm in (None, phantom_cm)


def _levels(text: ReferenceLevels, row: Mapping[str, Any], act: str) -> tuple[Level, ...]:
    return text.of(act, compared_as(row["modality"]), row["population"], weight_of(row))


def _against(
    text: ReferenceLevels | None, row: Mapping[str, Any], act: str, quantity: str, value: float
) -> Document | None:
    if text is None:
        return None
    for level in _levels(text, row, act):
        if level.quantity == quantity and of_phantom(level, row["phantom_cm"]):
            return _side(text, level) | {"over": value > level.value}
    return None


def _side(text: ReferenceLevels, level: Level) -> Document:
    return {
        "rule": f"reference-levels@{text.version}",
        "nrd": level.value,
        "guide": level.guide,
        "modality": level.modality,
        "weight_kg": level.weight_kg,
        "phantom_cm": level.phantom_cm,
    }
