"""Retention as a rule document: how long records are kept, and how long an erasure takes from step to step.

``domain.retention`` applies it. No view is made with it: the version published last, of those whose day has come, is in
force. Version 1 needs no publishing. Source: CSP R.1112-7.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from domain.errors import OutOfRange
from domain.retention import Ground, Retention
from domain.rules.place import Place

YEARS: Final = ("years", "until_age", "years_after_death")
LONGEST_YEARS: Final = 200
LONGEST_DAYS: Final = 3_650
BUILT_IN: Final = Retention()
"""Version 1, in force until another one is."""
BUILT_IN_BODY: Final = {name: value for name, value in asdict(BUILT_IN).items() if name != "version"}
"""The same as a document's canonical body."""


def check(body: Place) -> None:
    """Raises G7 to G16, with the path of the error."""
    parts = body.fields({*YEARS, "follow_days", "delay_days"})
    for name in YEARS:
        if not parts[name].number(LONGEST_YEARS).is_integer():
            raise OutOfRange(f"{parts[name].path}: is no whole number: write years")
    parts["follow_days"].number(LONGEST_DAYS)
    for delay in parts["delay_days"].fields([*Ground]).values():
        delay.number(LONGEST_DAYS)


def build(version: int, body: Mapping[str, Any]) -> Retention:
    """The rules of a published body, which was checked then."""
    whole = {name: int(body[name]) for name in YEARS}
    delays = {ground.value: float(body["delay_days"][ground]) for ground in Ground}
    return Retention(version, **whole, follow_days=float(body["follow_days"]), delay_days=delays)
