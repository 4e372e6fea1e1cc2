"""Retention as a rule document: how long records are kept, and how long an erasure takes from step to step.

``domain.retention`` applies it. No view is made with it: the version published last, of those whose day has come, is in
force. Version 1 needs no publishing. Source: CSP R.1112-7 (years); RGPD art. 12 3 (three months at most).
"""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from domain.errors import OutOfRange
from domain.retention import Ground, Retention
from domain.rules.place import Checks, Place

YEARS: Final = {"years": 20, "until_age": 28, "years_after_death": 10}
"""The least that each may be: what the law keeps."""
LONGEST_YEARS: Final = 200
SHORTEST_DAYS: Final = 1
"""An erasure is never taken back, so somebody has a day at least to see that one is approved; and a machine that is off
for a night is not late.
"""
LONGEST_DELAY_DAYS: Final = 365
"""What was looked at when it was approved says little later on."""
LONGEST_FOLLOW_DAYS: Final = 90
"""Until then all that is left of an erased person has to be gone."""
BUILT_IN: Final = Retention()
"""Version 1, in force until another one is."""
BUILT_IN_BODY: Final = {name: value for name, value in asdict(BUILT_IN).items() if name != "version"}
"""The same as a document's canonical body."""


def check(body: Place) -> None:
    """Raises G7 to G16, with the path of each error."""
    with Checks() as checks:
        parts = checks.fields(body, {*YEARS, "follow_days", "delay_days"})
        for name, least in YEARS.items():
            checks(partial(_whole, parts[name], least))
        checks(partial(_days, parts["follow_days"], LONGEST_FOLLOW_DAYS))
        for delay in checks.fields(parts["delay_days"], [*Ground]).values():
            checks(partial(_days, delay, LONGEST_DELAY_DAYS))


def _whole(place: Place, least: int) -> None:
    """Raises OutOfRange, and as ``Place.number``."""
    if not (years := place.number(LONGEST_YEARS)).is_integer():
        raise OutOfRange(f"{place.path}: is no whole number: write years")
    if years < least:
        raise OutOfRange(f"{place.path}: is less than the law keeps records (CSP R.1112-7): write {least} or more")


def _days(place: Place, most: int) -> None:
    """Raises OutOfRange, and as ``Place.number``."""
    if place.number(most) < SHORTEST_DAYS:
        raise OutOfRange(f"{place.path}: is less than a day: write {SHORTEST_DAYS} to {most}")


def build(version: int, body: Mapping[str, Any]) -> Retention:
    """The rules of a published body, which was checked then."""
    whole = {name: int(body[name]) for name in YEARS}
    delays = {ground.value: float(body["delay_days"][ground]) for ground in Ground}
    return Retention(version, **whole, follow_days=float(body["follow_days"]), delay_days=delays)
