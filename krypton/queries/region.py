"""Sets groups of a device beside the region: quartiles of all establishments, and where the group's median lies.

The figures are made from time to time (``krypton.services.region``), so none of a year's rows is read to show them.
"""

from collections.abc import Mapping
from typing import Any, Final

from domain.dose_practice import rounded
from domain.dose_region import LEAST_SITES, lies

Document = dict[str, Any]
CURRENT, OLD, OTHER_RULES, ABSENT = "current", "old", "other_rules", "absent"
"""How it stands with the figures: nobody makes them again (``OLD``); they are of another mapping or other levels, and
not shown; or there are none.
"""
LATE: Final = 2.0
"""So many times the age at which they are made again: then nobody does."""
HEAD: Final = ("made_at", "acts", "levels", "since", "until", "exposures", "persons", "sites")


def beside(connection: Any, found: Document, acts: int, levels: int, age_s: float) -> Document:
    """A ``dose device`` document with the region: ``region`` says of when it is, by which rules and how it stands, and
    whether it is of the months that the devices' figures are of (``same_period``); each
    group has its own figures, None where the region has none. ``acts``, ``levels``: versions of the rules in force;
    ``age_s``: after which it is made again.
    """
    from projections.dose_practice import region

    known = region.known(connection)
    state = _state(known, acts, levels, age_s)
    figures = region.figures(connection) if state in (CURRENT, OLD) else {}
    groups = [
        group | {"region": _of_group(group, figures.get(tuple(group[name] for name in region.NAMED)))}
        for group in found["groups"]
    ]
    return found | {"groups": groups, "region": _head(known, state, found)}


def _state(known: Mapping[str, Any] | None, acts: int, levels: int, age_s: float) -> str:
    if known is None:
        return ABSENT
    if (known["acts"], known["levels"]) != (acts, levels):
        return OTHER_RULES
    return OLD if known["age_s"] > LATE * age_s else CURRENT


def _head(known: Mapping[str, Any] | None, state: str, found: Document) -> Document:
    told = known or dict.fromkeys(HEAD)
    same = None if known is None else _same_period(known, found)
    return {"state": state, **{name: told[name] for name in HEAD}, "same_period": same, "least_sites": LEAST_SITES}


def _same_period(known: Mapping[str, Any], found: Document) -> bool:
    """Whether the figures of the devices and of the region are of the same months. Without an end: up to now."""
    until = found["until"]
    return found["since"] == known["since"] and (until is None or until[:7] == known["until"][:7])


def _of_group(group: Mapping[str, Any], told: Mapping[str, Any] | None) -> Document | None:
    """Of a group without an act, and where nobody gave such exposures in the year, nothing."""
    if told is None:
        return None
    if told["median"] is None:  # two could subtract their own counts
        unknown = dict.fromkeys(("exposures", "persons", "q1", "median", "q3", "lies"))
        return {"sites": told["sites"], "too_small": True, **unknown}
    counts = {name: told[name] for name in ("exposures", "persons", "sites")}
    q1, median, q3 = (rounded(told[name]) for name in ("q1", "median", "q3"))
    where = None if group["too_small"] else lies(group["median"], q1, q3)
    return counts | {"too_small": False, "q1": q1, "median": median, "q3": q3, "lies": where}
