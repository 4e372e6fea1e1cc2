"""Alert thresholds as a rule document: dose levels per study above which an alert is raised.

``domain.dose_alerts`` applies them.
"""

from collections.abc import Mapping
from typing import Any, Final

from domain.dose_alerts import WATCHED, AlertRules
from domain.rules.place import Checks, Place

BUILT_IN: Final = AlertRules()
"""Version 1, in force until another one is."""
BUILT_IN_BODY: Final = {quantity: int(getattr(BUILT_IN, quantity)) for quantity in WATCHED}
"""The same as a document's canonical body."""


def check(body: Place) -> None:
    """Raises G7 to G16, with the path of each error."""
    with Checks() as checks:
        for one in checks.fields(body, WATCHED).values():
            checks(one.number)


def build(version: int, body: Mapping[str, Any]) -> AlertRules:
    """The thresholds of a published body, which was checked then."""
    return AlertRules(version, **{quantity: float(body[quantity]) for quantity in WATCHED})
