"""Which reference level an exposure is compared with, of those that one text states.

A level is of one act, population and quantity, and a child's of a weight too. A child is of the weight that is nearest,
of all that the text names; one heavier than the greatest of the act is of none, as is one whose weight is not known.
An entrance dose is told and compared with nothing: that of the texts includes what the patient scatters back, that of
devices does not. Whose population is not known is compared with no level.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from domain.dose_bands import ADULT, CHILD, HEAVIEST_KG

ENTRANCE: Final = "entrance_dose_mgy"
MEAN, MEDIAN = "mean", "median"
ADULTS, CHILDREN = 30, 10
"""Persons of a group, where a document does not say how many."""


@dataclass(frozen=True)
class Level:
    """The level of one act. ``value`` and ``guide`` are in ``unit``, the canonical one; ``weight_kg``: of the
    children whom it is for; ``wording``: of the act, in the text.
    """

    act: str
    modality: str
    population: str
    quantity: str
    value: float
    unit: str
    phantom_cm: int | None = None
    guide: float | None = None
    weight_kg: float | None = None
    wording: str | None = None


@dataclass(frozen=True)
class ReferenceLevels:
    """The levels of one version; version 0, without levels, where none are in force.

    ``statistic``: which is compared with a level; ``adults``, ``children``: how many persons a group has at least.
    """

    version: int = 0
    levels: tuple[Level, ...] = ()
    statistic: str = MEDIAN
    adults: int = ADULTS
    children: int = CHILDREN
    in_force_to: str | None = None

    def of(self, act: str, modality: str | None, population: str | None, weight_kg: float | None) -> tuple[Level, ...]:
        """The levels of an act that a dose of such a person is compared with, a level for each quantity and phantom."""
        ours = [
            level
            for level in self._by_act.get((act, modality), ())
            if level.population == population and level.quantity != ENTRANCE
        ]
        if population != CHILD:
            return tuple(ours) if population == ADULT else ()
        weight = self.weight_of(weight_kg, max((level.weight_kg or 0 for level in ours), default=0))
        return tuple(level for level in ours if level.weight_kg is None or level.weight_kg == weight)

    def has_children(self, act: str) -> bool:
        """Whether it states a level of children for the act."""
        return any(level.act == act and level.population == CHILD for level in self.levels)

    def least(self, population: str) -> int:
        """How many persons a group of a population has at least."""
        return self.adults if population == ADULT else self.children

    def weight_of(self, weight_kg: float | None, upto: float = HEAVIEST_KG) -> float | None:
        """The weight that children of this weight are compared by; None: not known, or over ``upto``."""
        if weight_kg is None or not 0 < weight_kg <= upto or not self._weights:
            return None
        return min(self._weights, key=lambda weight: (abs(weight - weight_kg), weight))

    @cached_property
    def _weights(self) -> Sequence[float]:
        return sorted({level.weight_kg for level in self.levels if level.weight_kg is not None})

    @cached_property
    def _by_act(self) -> Mapping[tuple[str, str | None], Sequence[Level]]:
        found: dict[tuple[str, str | None], list[Level]] = {}
        for level in self.levels:
            found.setdefault((level.act, level.modality), []).append(level)
        return found
