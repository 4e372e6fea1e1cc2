"""What another mapping, or another text of levels, would change: acts of exposures, flags and findings.

The same rows are compared twice, by the rules as they are and by those that are asked about. Flags are counted in
groups of device, act, quantity and day's or today's text; of a group of fewer persons than a figure is told of, no
number is told either (``domain.dose_practice``).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from domain.dose_acts import Marks
from domain.dose_findings import findings
from domain.dose_flags import AT_EXAM, NOW, Comparison
from domain.dose_practice import LEAST

Document = dict[str, Any]
Row = Mapping[str, Any]
NEWLY_OVER, NO_LONGER_OVER = "newly over", "no longer over"
NEWLY_COMPARED, NO_LONGER_COMPARED = "newly compared", "no longer compared"
GROUP: Final = ("device", "act", "population", "modality", "weight_kg", "quantity", "phantom_cm", "side")
"""What a finding is of, whatever its text."""
FOUND: Final = ("rule", "statistic", "value", "nrd", "guide", "persons", "exposures", "said")
SIDES: Final = (AT_EXAM, NOW)


class _Flag(NamedTuple):
    device: str | None
    act: str
    quantity: str
    side: str


@dataclass
class _Flags:
    persons: set[str] = field(default_factory=set)
    changes: Counter[str] = field(default_factory=Counter)


def changes(
    rows: Sequence[Row], was: Comparison, becomes: Comparison, person_of: Callable[[str], str]
) -> dict[str, list[Document]]:
    """``acts``, ``flags`` and ``findings`` that differ. ``rows``, ``person_of``: as ``domain.dose_findings``."""
    return {
        "acts": _acts(rows, was, becomes),
        "flags": _flags(rows, was, becomes, person_of),
        "findings": _findings(rows, was, becomes, person_of),
    }


def _acts(rows: Iterable[Row], was: Comparison, becomes: Comparison) -> list[Document]:
    """What devices call the exposures that change act, with how many there are."""
    counted = Counter[tuple[str | None, Marks]]((row["device"], row["told"]) for row in rows)
    found = []
    for (device, told), count in counted.items():
        before, after = was.judged(told), becomes.judged(told)
        if (before.state, before.act) != (after.state, after.act):
            found.append(
                {
                    "device": device,
                    "modality": told.modality,
                    "protocol": told.protocol,
                    "region": told.region or told.region_code,
                    "acquisition": told.acquisition or told.acquisition_code,
                    "was": before.act or before.state,
                    "becomes": after.act or after.state,
                    "exposures": count,
                }
            )
    return sorted(found, key=lambda one: (-one["exposures"], *map(str, one.values())))


def _flags(
    rows: Iterable[Row], was: Comparison, becomes: Comparison, person_of: Callable[[str], str]
) -> list[Document]:
    groups: dict[_Flag, _Flags] = {}
    for row in rows:
        before, after = _over(row, was), _over(row, becomes)
        for key in before.keys() | after.keys():
            group = groups.setdefault(key, _Flags())
            group.persons.add(person_of(row["identity"]))
            for change in _change(before.get(key), after.get(key)):
                group.changes[change] += 1
    return [
        {
            **key._asdict(),
            "change": change,
            "persons_compared": len(group.persons),
            "exposures": count if len(group.persons) >= LEAST else None,
        }
        for key, group in sorted(groups.items(), key=lambda one: tuple(map(str, one[0])))
        for change, count in sorted(group.changes.items())
    ]


def _over(row: Row, compared: Comparison) -> dict[_Flag, bool]:
    """Each value of an exposure that is compared with a level: whether it is over."""
    told = compared.exposure(row, row["day"], row["told"])
    return {
        _Flag(row["device"], told["act"], value["quantity"], side): value[side]["over"]
        for value in told["levels"]
        for side in SIDES
        if value[side]
    }


def _change(before: bool | None, after: bool | None) -> Iterable[str]:
    """None: compared with no level."""
    if before is None:
        yield NEWLY_COMPARED
    if after is None:
        yield NO_LONGER_COMPARED
    if after and not before:
        yield NEWLY_OVER
    if before and not after:
        yield NO_LONGER_OVER


def _findings(
    rows: Sequence[Row], was: Comparison, becomes: Comparison, person_of: Callable[[str], str]
) -> list[Document]:
    """The groups of which another finding is made, each with those of before and after, one for each text."""
    before, after = (_by_group(findings(rows, one, person_of)["findings"]) for one in (was, becomes))
    return [
        {**dict(zip(GROUP, key, strict=True)), "was": before.get(key, []), "becomes": after.get(key, [])}
        for key in sorted(before.keys() | after.keys(), key=lambda one: tuple(map(str, one)))
        if before.get(key) != after.get(key)
    ]


def _by_group(found: Iterable[Row]) -> dict[tuple[Any, ...], list[Document]]:
    groups: dict[tuple[Any, ...], list[Document]] = {}
    for one in found:
        groups.setdefault(tuple(one[name] for name in GROUP), []).append({name: one[name] for name in FOUND})
    return groups
