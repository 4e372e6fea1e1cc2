"""What each device of an establishment gives, in groups of which nobody can be known: counts, quartiles, outliers.

Exposures are grouped by device, act, population, a child's weight, quantity and phantom; without an act, by what the
device calls the protocol. Acts are those of the mapping in force on the day. Figures of fewer than five persons are
not told (``domain.dose_practice``), to nobody: who may read about persons asks about them by name.
"""

import hmac
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from domain.dose_acts import OF_NO_ACT, DoseActs, Judged, Marks, compared_as
from domain.dose_alerts import QUANTITIES
from domain.dose_levels import Level, ReferenceLevels
from domain.dose_practice import LEAST, Value, figures, percentile, persons
from domain.errors import NotFound
from domain.rules.levels import WITH_PHANTOM
from krypton.bootstrap import Krypton

Document = dict[str, Any]
Row = Mapping[str, Any]
Groups = dict[tuple[Any, ...], list[Value]]
CODE_DIGITS: Final = 6
GROUP: Final = ("device", "act", "protocol", "modality", "population", "weight")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked: a site, and one of its devices or all; days, both in the period. None: without that bound."""

    site: str
    device: str | None = None
    since: str | None = None
    until: str | None = None


def practice_of(ours: Krypton, asked: Asked) -> Document:
    """The ``dose device`` document. Raises NotFound: no such establishment, or no such device of it."""
    from domain.commands.directory import is_enrolled
    from projections.identity_index.grouping import persons_of

    if not is_enrolled(ours.ledger.work([]), asked.site):
        raise NotFound(f"no establishment {asked.site}: krypton site list shows their codes")
    rules = ours.ledger.rules()
    today = ours.ledger.clock().date()
    with ours.snapshot() as connection:
        return told_of(
            connection,
            asked,
            rules.acts(today),
            rules.levels(today),
            lambda identities: persons_of(connection, identities),
            lambda name: _code(ours, name),
        )


def told_of(
    connection: Any,
    asked: Asked,
    acts: DoseActs,
    levels: ReferenceLevels,
    persons_of: Callable[[Collection[str]], Mapping[str, str]],
    code: Callable[[str], str],
) -> Document:
    """The document, under these rules. ``persons_of``: identity to person, where it is another's; ``code``: of an
    operator. ``too_small``: of fewer than ``least`` persons, of whom only the count is told. Raises NotFound.
    """
    from projections.dose_practice import queries

    known = queries.devices(connection, asked.site)
    if asked.device is not None and asked.device not in [one["device"] for one in known]:
        raise NotFound("no such device of the establishment: krypton dose device SITE lists its devices")
    rows = queries.exposures(connection, **vars(asked))
    of = Census(acts, levels, asked.site, persons_of({row["identity"] for row in rows}))
    return {
        **vars(asked),
        "least": LEAST,
        "levels": levels.version,
        "devices": known,
        "exposures": len(rows),
        "persons": len({of.person(row) for row in rows}),
        **of.told(rows, code),
    }


def _code(ours: Krypton, operator: str) -> str:
    """An operator's code: the same each time, and no way back to the name without the region's secret."""
    from adapters.vault.derived import Purpose

    key, name = ours.secret(Purpose.OPERATOR_CODES), " ".join(operator.split()).casefold()
    return hmac.new(key, name.encode(), sha256).hexdigest()[:CODE_DIGITS]


class Census:
    """Groups exposures of one site. ``same``: identity to person, where it is another's."""

    def __init__(self, acts: DoseActs, levels: ReferenceLevels, site: str, same: Mapping[str, str]) -> None:
        self._acts, self._levels, self._site, self._same = acts, levels, site, same
        self._judged: dict[str, Judged] = {}
        self._found: dict[tuple[Any, ...], Level | None] = {}

    def person(self, row: Row) -> str:
        """Whose the exposure is."""
        identity: str = row["identity"]
        return self._same.get(identity, identity)

    def judged(self, marks: str) -> Judged:
        """Of which act exposures with these marks are."""
        if (found := self._judged.get(marks)) is None:
            modality, protocol, procedures, *others = json.loads(marks)
            told = Marks(self._site, modality, protocol, tuple(procedures), *others)
            found = self._judged[marks] = self._acts.judge(told)
        return found

    def told(self, rows: Iterable[Row], code: Callable[[str], str]) -> Document:
        """Groups, operators, and what is not mapped to an act."""
        groups: Groups = {}
        operators: Groups = {}
        unmapped: Groups = {}
        for row in rows:
            judged = self.judged(row["marks"])
            if judged.state == OF_NO_ACT:
                continue
            if judged.act is None:
                named = (row["device"], row["protocol"], row["modality"], judged.state)
                unmapped.setdefault(named, []).append(Value(0.0, self.person(row)))
            for key, value in self._values(row, judged.act):
                groups.setdefault(key, []).append(value)
                if row["operator"]:
                    operators.setdefault((*key, row["operator"]), []).append(value)
        return {
            "groups": [self._group(key, groups[key]) for key in sorted(groups, key=_order)],
            "operators": [_operator(key, operators[key], code) for key in sorted(operators, key=_order)],
            "unmapped": [_unmapped(key, unmapped[key]) for key in sorted(unmapped, key=_order)],
        }

    def _values(self, row: Row, act: str | None) -> Iterable[tuple[tuple[Any, ...], Value]]:
        """Each known quantity of an exposure, with the group that it is in."""
        person, month = self.person(row), (row["day"] or "")[:7] or None
        protocol, modality = None if act else row["protocol"], compared_as(row["modality"])
        for quantity in QUANTITIES:
            if (value := row[quantity]) is not None:
                phantom = row["phantom_cm"] if quantity in WITH_PHANTOM else None
                level = self._level(act, modality, row["population"], row["weight_kg"], quantity, phantom)
                weight = row["weight"] if level is None or level.weight_kg is None else f"{level.weight_kg:g} kg"
                common = (row["device"], act, protocol, modality, row["population"], weight)
                yield (*common, quantity, phantom, level), Value(value, person, month)

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
            fits = (one for one in found if one.quantity == quantity and one.phantom_cm in (None, phantom))
            self._found[named] = next(fits, None)
        return self._found[named]

    def _group(self, key: tuple[Any, ...], values: Sequence[Value]) -> Document:
        *common, quantity, phantom, level = key
        named = dict(zip(GROUP, common, strict=True)) | {"quantity": quantity, "phantom_cm": phantom}
        told = named | figures(values)
        return told | {"level": level and self._against(level, told, values)}

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
