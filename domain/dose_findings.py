"""What the practice of each device is, beside reference levels: the finding that the law asks for.

A group is of one device, act, population, a child's weight, quantity and phantom, within a period. Its mean or median,
as the text says, is compared with the level: "over" is strict; a median under the guide value calls for a look at the
quality of images. A group of fewer persons than the text asks for has no finding, nor has one of so few that they might
be known by it; both are said. What names no device is in no group: it may be of several. Exposures are grouped twice:
by the text in force on their day, each text apart, and by today's.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any, NamedTuple

from domain.dose_distinct import DIGITS
from domain.dose_flags import AT_EXAM, NOW, Comparison
from domain.dose_levels import MEAN, ReferenceLevels
from domain.dose_practice import LEAST

Document = dict[str, Any]
NO_DEVICE, NO_DAY = "the device is not known", "the day is not known"
OVER, WITHIN, UNDER_GUIDE = "over the level", "not over the level", "under the guide value"


class _Key(NamedTuple):
    device: str | None
    act: str
    modality: str
    population: str
    weight_kg: float | None
    quantity: str
    phantom_cm: int | None
    side: str
    rule: str
    nrd: float
    guide: float | None


@dataclass
class _Group:
    text: ReferenceLevels
    values: list[float] = field(default_factory=list)
    persons: set[str] = field(default_factory=set)


def findings(
    rows: Iterable[Mapping[str, Any]], comparison: Comparison, person_of: Callable[[str], str]
) -> Mapping[str, Any]:
    """``findings``, by device and act; ``not_compared``: how many exposures of each device are in no group, and why.

    ``rows``: one for each irradiation event, as ``Comparison.exposure`` takes them, with ``device``, ``day``,
    ``identity`` and, instead of words, the marks as ``told``; ``person_of``: whose an identity is.
    """
    groups: dict[_Key, _Group] = {}
    left: Counter[tuple[str | None, str]] = Counter()
    for row in rows:
        told = comparison.exposure(row, row["day"], row.get("told"))
        if why := told["not_compared"] or (NO_DEVICE if row["device"] is None else None):
            left[row["device"], why] += 1
            continue
        texts = comparison.texts(row["day"])
        for value in told["levels"]:
            for side in (AT_EXAM, NOW):
                if (level := value[side]) and (text := texts[side]):
                    held = groups.setdefault(_key(row, told["act"], value["quantity"], side, level), _Group(text))
                    held.values.append(value["value"])
                    held.persons.add(person_of(row["identity"]))
    shown = [_finding(key, groups[key]) for key in sorted(groups, key=_order)]
    names = ("device", "why", "exposures")
    whys = [dict(zip(names, (*key, left[key]), strict=True)) for key in sorted(left, key=_order)]
    return {"findings": shown, "not_compared": whys}


def _key(row: Mapping[str, Any], act: str, quantity: str, side: str, level: Mapping[str, Any]) -> _Key:
    return _Key(
        row["device"],
        act,
        level["modality"],
        row["population"],
        level["weight_kg"],
        quantity,
        level["phantom_cm"],
        side,
        level["rule"],
        level["nrd"],
        level["guide"],
    )


def _finding(key: _Key, group: _Group) -> Document:
    needed, people = max(group.text.least(key.population), LEAST), len(group.persons)
    told = {
        **key._asdict(),
        "statistic": group.text.statistic,
        "exposures": len(group.values),
        "persons": people,
        "needed": needed,
    }
    if people < needed:
        return told | {"value": None, "over": None, "said": f"group too small ({people} of {needed})"}
    statistic = fmean if group.text.statistic == MEAN else median
    value = float(f"{statistic(group.values):.{DIGITS}g}")
    over, low = value > key.nrd, key.guide is not None and value < key.guide
    return told | {"value": value, "over": over, "said": OVER if over else UNDER_GUIDE if low else WITHIN}


def _order(key: Iterable[Any]) -> tuple[tuple[bool, str], ...]:
    """By name, unknown last."""
    return tuple((part is None, f"{part:012.3f}" if isinstance(part, float) else str(part or "")) for part in key)
