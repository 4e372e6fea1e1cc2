"""Factors of effective-dose estimates as a rule document, ``dose-factors``; without one, nothing is estimated.

A factor names its source: a published table. ``quantity`` is ``dlp_mgycm`` of CT, ``dap_mgycm2`` of projection, or
``activity_mbq``. ``names`` are regions, by code or in the device's words, or radiopharmaceuticals. ``from_months`` and
``below_months`` bound the age, ``phantom_cm`` the phantom that the dose length product refers to. No two factors fit
one exposure. A document with an empty list turns estimates off again.
The version published last, of those whose day has come, is in force; before, there is none.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import combinations
from typing import Any, Final

from domain.dose_acts import folded
from domain.dose_estimates import ACTIVITY, DAP, DLP, ESTIMATED, DoseFactors, Factor
from domain.errors import DuplicateLevel, OutOfRange, UnknownUnit
from domain.rules.levels import PHANTOMS
from domain.rules.place import Checks, Place

UNITS: Final[Mapping[str, Mapping[str, float]]] = {
    DLP: {"mSv/mGy.cm": 1.0},
    DAP: {"mSv/mGy.cm2": 1.0, "mSv/Gy.cm2": 1e-3},
    ACTIVITY: {"mSv/MBq": 1.0},
}
"""Quantity to each unit of a factor, and what it is multiplied by."""
GREATEST: Final = {DLP: 1.0, DAP: 0.1, ACTIVITY: 1_000.0}
"""Of a factor in the first unit, far over all that were published: above it a unit was mistaken."""
MOST_MONTHS: Final = 130 * 12


def check(body: Place) -> None:
    """Raises G7 to G16, with the path of each error."""
    with Checks() as checks:
        factors = checks.fields(body, ("factors",))["factors"]
        if factors.value == []:
            return
        sound = [one for one in factors.items() if checks.holds(partial(_check_factor, one))]
        for twice in _twice(sound):
            checks.add(twice)


def _check_factor(factor: Place) -> None:
    needed, more = ("quantity", "names", "factor", "unit", "source"), ("from_months", "below_months", "phantom_cm")
    with Checks() as checks:
        parts = checks.fields(factor, needed, more)
        quantity = checks(partial(parts["quantity"].one_of, ESTIMATED))
        for name in checks(parts["names"].items) or ():
            checks(name.text)
        checks(parts["source"].text)
        checks(parts["factor"].number)
        if quantity:
            checks(partial(_check_value, quantity, parts))
        for bound in ("from_months", "below_months"):
            if months := parts.get(bound):
                checks(partial(_check_months, months))
        if {"from_months", "below_months"} <= parts.keys():
            checks(partial(_check_order, parts["from_months"], parts["below_months"]))
        if phantom := parts.get("phantom_cm"):
            checks(partial(_check_phantom, phantom, quantity))


def _check_value(quantity: str, parts: Mapping[str, Place]) -> None:
    unit, known = parts["unit"], UNITS[quantity]
    if (by := known.get(unit.text())) is None:
        said = f"{unit.value} is not a unit of a factor of {quantity}: write one of {', '.join(known)}"
        raise UnknownUnit(f"{unit.path}: {said}")
    if parts["factor"].number() * by > GREATEST[quantity]:
        raise OutOfRange(f"{parts['factor'].path}: is over all that were published: look at its unit")


def _check_months(months: Place) -> None:
    if months.number(MOST_MONTHS) != int(months.value):
        raise OutOfRange(f"{months.path}: is not a whole number of months: write one")


def _check_order(first: Place, below: Place) -> None:
    if below.number(MOST_MONTHS) <= first.number(MOST_MONTHS):
        raise OutOfRange(f"{below.path}: is not over from_months, and nobody is of that age: write a greater one")


def _check_phantom(phantom: Place, quantity: str | None) -> None:
    phantom.one_of(PHANTOMS)
    if quantity not in (None, DLP):
        raise OutOfRange(f"{phantom.path}: {quantity} has no phantom: remove it")


def _twice(factors: Iterable[Place]) -> Iterator[DuplicateLevel]:
    """Two factors of which both could fit one exposure."""
    told = [(place, _factor(place.value)) for place in factors]
    for (_, one), (place, other) in combinations(told, 2):
        if one.quantity == other.quantity and one.names & other.names and _meet(one, other):
            yield DuplicateLevel(f"{place.path}: an earlier factor is for the same name and age: remove one")


def _meet(one: Factor, other: Factor) -> bool:
    if None not in (one.phantom_cm, other.phantom_cm) and one.phantom_cm != other.phantom_cm:
        return False
    first, second = sorted((one, other), key=lambda factor: factor.from_months)
    return first.below_months is None or second.from_months < first.below_months


def build(version: int, body: Mapping[str, Any]) -> DoseFactors:
    """The factors of a published body, which was checked then."""
    return DoseFactors(version, tuple(map(_factor, body["factors"])))


def _factor(told: Mapping[str, Any]) -> Factor:
    return Factor(
        quantity=told["quantity"],
        names=frozenset(map(folded, told["names"])),
        msv=float(f"{told['factor'] * UNITS[told['quantity']][told['unit']]:.12g}"),
        source=told["source"],
        from_months=int(told.get("from_months", 0)),
        below_months=int(told["below_months"]) if "below_months" in told else None,
        phantom_cm=told.get("phantom_cm"),
    )
