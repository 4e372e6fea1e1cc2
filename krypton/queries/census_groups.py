"""Groups exposures of one establishment by act, and tells the figures of each group (``krypton.queries.census``)."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from domain.dose_acts import OF_NO_ACT, DoseActs, Judged, Marks, compared_as
from domain.dose_alerts import QUANTITIES
from domain.dose_bands import ADULT, CHILD, of_birth
from domain.dose_flags import NO_LEVEL, NO_POPULATION, NO_WEIGHT, PHANTOM, of_phantom
from domain.dose_levels import Level, ReferenceLevels
from domain.dose_practice import LEAST, Value, figures, percentile, persons
from domain.rules.levels import WITH_PHANTOM

Document = dict[str, Any]
Row = Mapping[str, Any]
Event = tuple[Any, ...]
"""An exposure as ``projections.dose_practice.queries.practised`` tells it."""
OF: Final = 7
POPULATION, WEIGHT_KG = 3, 5
IDENTITY, DAY, VALUES = OF + 1, OF + 2, OF + 3
Groups = dict[tuple[Any, ...], list[Value]]
GROUP: Final = ("device", "act", "protocol", "modality", "population", "weight")


def aged(rows: Sequence[Event], born_of: Callable[[Collection[str]], Mapping[str, str]]) -> list[Event]:
    """The same, of the population that the birth date says, where one is known (``born_of``); else as reports state.

    The weight is told of those alone who are no adults.
    """
    born = born_of({row[IDENTITY] for row in rows})
    return [_of_birth(row, born.get(row[IDENTITY])) for row in rows]


def _of_birth(row: Event, birth_date: str | None) -> Event:
    of = of_birth(row[POPULATION], birth_date, row[DAY], row[WEIGHT_KG])
    if of is None and (row[POPULATION] != ADULT or row[WEIGHT_KG] is None):
        return row
    population, weight = (of.population, of.weight) if of else (row[POPULATION], row[POPULATION + 1])
    weight_kg = None if population == ADULT else row[WEIGHT_KG]
    return (*row[:POPULATION], population, weight, weight_kg, *row[WEIGHT_KG + 1 :])


class Census:
    """Groups exposures of one site. ``same``: identity to person, where it is another's."""

    def __init__(self, acts: DoseActs, levels: ReferenceLevels, site: str, same: Mapping[str, str]) -> None:
        self._acts, self._levels, self._site, self._same = acts, levels, site, same
        self._judged: dict[str, tuple[Judged, Marks]] = {}
        self._found: dict[tuple[Any, ...], Level | None] = {}
        self._groups: Groups = {}
        self._operators: Groups = {}
        self._unmapped: Groups = {}
        self._unweighed = set[tuple[Any, ...]]()

    def persons(self, rows: Iterable[Event]) -> set[str]:
        """Whose the exposures are."""
        return {self._same.get(row[IDENTITY], row[IDENTITY]) for row in rows}

    def judged(self, marks: str) -> tuple[Judged, Marks]:
        """Of which act exposures with these marks are."""
        if (found := self._judged.get(marks)) is None:
            modality, protocol, procedures, *others = json.loads(marks)
            told = Marks(self._site, modality, protocol, tuple(procedures), *others)
            found = self._judged[marks] = self._acts.judge(told), told
        return found

    def in_region(self, marks: str, patient: Sequence[Any], quantity: str) -> tuple[Any, ...] | None:
        """The group of the whole region that a known quantity of such exposures is in, as
        ``projections.dose_practice.region.NAMED`` has it; None: of no act. ``patient``: as ``_key`` has it.
        """
        judged, told = self.judged(marks)
        if judged.act is None:
            return None
        _, act, _, modality, population, weight, _, phantom, _ = self._key(None, judged.act, told, patient, quantity)
        return act, modality, population, weight, quantity, phantom

    def told(self, rows: Iterable[Event], code: Callable[[str], str]) -> Document:
        """Groups, operators, and what is not mapped to an act."""
        alike: dict[Event, list[Event]] = defaultdict(list)
        for row in rows:
            alike[row[:OF]].append(row)
        for of, some in alike.items():
            self._take(of, some)
        groups, operators, unmapped = self._groups, self._operators, self._unmapped
        return {
            "groups": [self._group(key, groups[key]) for key in sorted(groups, key=_order)],
            "operators": [_operator(key, operators[key], code) for key in sorted(operators, key=_order)],
            "unmapped": [_unmapped(key, unmapped[key]) for key in sorted(unmapped, key=_order)],
        }

    def _take(self, of: Event, rows: Sequence[Event]) -> None:
        """Take in exposures that differ in their values alone."""
        device, marks, operator, *patient = of
        judged, told = self.judged(marks)
        if judged.state == OF_NO_ACT:
            return
        same = self._same
        known = [(row, same.get(row[IDENTITY], row[IDENTITY]), (row[DAY] or "")[:7] or None) for row in rows]
        if judged.act is None:
            named = (device, told.protocol, told.modality, judged.state)
            self._unmapped.setdefault(named, []).extend(Value(0.0, person) for _, person, _ in known)
        for place, quantity in enumerate(QUANTITIES, VALUES):
            values = [Value(row[place], who, month) for row, who, month in known if row[place] is not None]
            if values:
                key = self._key(device, judged.act, told, patient, quantity)
                self._groups.setdefault(key, []).extend(values)
                if of[WEIGHT_KG] is None:
                    self._unweighed.add(key)
                if operator:
                    self._operators.setdefault((*key, operator), []).extend(values)

    def _key(
        self, device: str | None, act: str | None, told: Marks, patient: Sequence[Any], quantity: str
    ) -> tuple[Any, ...]:
        """The group that a known quantity of such exposures is in. ``patient``: population, weights, phantom."""
        population, weight, weight_kg, phantom_cm = patient
        protocol, modality = None if act else told.protocol, compared_as(told.modality)
        phantom = phantom_cm if quantity in WITH_PHANTOM else None
        level = self._level(act, modality, population, weight_kg, quantity, phantom)
        weight = weight if level is None or level.weight_kg is None else f"{level.weight_kg:g} kg"
        return (device, act, protocol, modality, population, weight, quantity, phantom, level)

    def _level(
        self,
        act: str | None,
        modality: str | None,
        population: str | None,
        weight_kg: float | None,
        quantity: str,
        phantom: int | None,
    ) -> Level | None:
        """What the quantity of such an exposure is compared with; each set of these is looked up once."""
        named = (act, modality, population, weight_kg, quantity, phantom)
        if act is None:
            return None
        if named not in self._found:
            found = self._levels.of(act, modality, population, weight_kg)
            fits = (one for one in found if one.quantity == quantity and of_phantom(one, phantom))
            self._found[named] = next(fits, None)
        return self._found[named]

    def _group(self, key: tuple[Any, ...], values: Sequence[Value]) -> Document:
        *common, quantity, phantom, level = key
        named = dict(zip(GROUP, common, strict=True)) | {"quantity": quantity, "phantom_cm": phantom}
        told = named | figures(values)
        return told | {
            "level": level and self._against(level, told, values),
            "no_level": self._no_level(told, level, key),
        }

    def _no_level(self, told: Row, level: Level | None, key: tuple[Any, ...]) -> str | None:
        """Why a group of an act is beside no level; None: it is beside one, or of no act."""
        act, population = told["act"], told["population"]
        if act is None or level is not None:
            return None
        if population is None:
            return NO_POPULATION
        if population == CHILD and key in self._unweighed and self._levels.has_children(act):
            return NO_WEIGHT
        of = act, told["modality"], population, told["quantity"]
        alike = [one for one in self._levels.levels if (one.act, one.modality, one.population, one.quantity) == of]
        fits = any(of_phantom(one, told["phantom_cm"]) for one in alike)
        return PHANTOM if alike and not fits else NO_LEVEL

    def _against(self, level: Level, told: Row, values: Iterable[Value]) -> Document:
        """The group beside its level. ``enough``: as many persons as the text makes a group of."""
        needed = self._levels.least(level.population)
        return {
            "rule_version": self._levels.version,
            "value": level.value,
            "guide": level.guide,
            "statistic": self._levels.statistic,
            "needed": needed,
            "enough": told["persons"] >= needed,
            "over": None if told["too_small"] else sum(one.value > level.value for one in values),
        }


def _operator(key: tuple[Any, ...], values: Sequence[Value], code: Callable[[str], str]) -> Document:
    *common, quantity, phantom, _, operator = key
    people = persons(values)
    median = percentile(sorted(one.value for one in values), 0.5) if people >= LEAST else None
    return {
        **dict(zip(GROUP, common, strict=True)),
        "quantity": quantity,
        "phantom_cm": phantom,
        "operator": code(operator),
        "exposures": len(values),
        "persons": people,
        "too_small": people < LEAST,
        "median": median,
    }


def _unmapped(key: tuple[Any, ...], values: Sequence[Value]) -> Document:
    device, protocol, modality, state = key
    return {
        "device": device,
        "protocol": protocol,
        "modality": modality,
        "state": state,
        "exposures": len(values),
        "persons": persons(values),
    }


def _order(key: tuple[Any, ...]) -> tuple[tuple[bool, str], ...]:
    """By name, unknown last."""
    return tuple((part is None, str(part or "")) for part in key)
