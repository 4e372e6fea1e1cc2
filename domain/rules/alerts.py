"""Alert thresholds as a rule document: doses above which a person is asked to look; ``domain.dose_judging`` applies it.

``body.alerts`` lists rules, each with a name. ``body.dose_rp_mgy`` and ``body.dap_mgycm2`` are levels per study, as
documents state them that have no list; a document has the list, or both levels, or all of it. A threshold is in the
unit of the quantity's name; "over" is strict.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from domain.dose_alerts import EXAMS, KINDS, OVER_STUDIES, QUANTITIES, REPEAT, SKIN, WATCHED, AlertRule, AlertRules
from domain.dose_bands import POPULATIONS
from domain.errors import DuplicateLevel, OutOfRange
from domain.rules.levels import check_modality
from domain.rules.place import Checks, Place

BUILT_IN: Final = AlertRules()
"""Version 1, in force until another one is."""
BUILT_IN_BODY: Final = {quantity: int(getattr(BUILT_IN, quantity)) for quantity in WATCHED}
"""The same as a document's canonical body."""
NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,39}")
MOST_DAYS: Final = 36_525
NOT_SUMMED: Final = "ctdivol_mgy"


def check(body: Place) -> None:
    """Raises G7 to G16, with the path of each error."""
    listed = isinstance(body.value, dict) and "alerts" in body.value
    with Checks() as checks:
        parts = checks.fields(body, () if listed else WATCHED, (*WATCHED, "alerts") if listed else ())
        for quantity in WATCHED:
            if quantity in parts:
                checks(parts[quantity].number)
        if listed:
            rules = checks(parts["alerts"].items) or []
            sound = [rule for rule in rules if checks.holds(partial(_check_rule, rule))]
            for twice in _twice(sound):
                checks.add(twice)


def _check_rule(rule: Place) -> None:
    told = rule.value if isinstance(rule.value, dict) else {}
    needed = ["name", "kind", "threshold"]
    needed += ["days"] if told.get("kind") in OVER_STUDIES else []
    needed += [] if told.get("kind") == REPEAT else ["quantity"]
    with Checks() as checks:
        parts = checks.fields(rule, needed, ("population", "modalities"))
        checks(partial(_check_name, parts["name"]))
        kind = checks(partial(parts["kind"].one_of, KINDS))
        checks(parts["threshold"].number)
        if "quantity" in parts:
            checks(partial(_check_quantity, parts["quantity"], kind))
        if "days" in parts:
            checks(partial(_check_days, parts["days"]))
        if population := parts.get("population"):
            checks(partial(population.one_of, POPULATIONS))
        if modalities := parts.get("modalities"):
            for modality in checks(modalities.items) or []:
                checks(partial(check_modality, modality))


def _check_name(name: Place) -> None:
    if not NAME.fullmatch(name.text()):
        raise OutOfRange(f"{name.path}: is not a name: write 2 to 40 small letters, digits and hyphens, a letter first")


def _check_quantity(quantity: Place, kind: str | None) -> None:
    known = ("dose_rp_mgy",) if kind == SKIN else QUANTITIES
    told = quantity.one_of(known)
    if told == NOT_SUMMED and kind != "exposure":
        raise OutOfRange(f"{quantity.path}: {told} is an average and adds up to nothing: write another quantity")


def _check_days(days: Place) -> None:
    if days.number(MOST_DAYS) != int(days.value):
        raise OutOfRange(f"{days.path}: is not a whole number of days: write one")


def _twice(rules: Iterable[Place]) -> Iterator[DuplicateLevel]:
    """An alert is called by the name of its rule."""
    names: set[str] = set()
    for rule in rules:
        if (name := rule.value["name"]) in names:
            yield DuplicateLevel(f"{rule.path}: an earlier rule is called {name}: rename one")
        names.add(name)


def build(version: int, body: Mapping[str, Any]) -> AlertRules:
    """The rules of a published body, which was checked then."""
    levels = {quantity: float(body[quantity]) if quantity in body else None for quantity in WATCHED}
    return AlertRules(version, **levels, more=tuple(_rule(told) for told in body.get("alerts", ())))


def _rule(told: Mapping[str, Any]) -> AlertRule:
    return AlertRule(
        name=told["name"],
        kind=told["kind"],
        quantity=told.get("quantity", EXAMS),
        threshold=float(told["threshold"]),
        days=int(told["days"]) if "days" in told else None,
        population=told.get("population", ""),
        modalities=tuple(told.get("modalities", ())),
    )
