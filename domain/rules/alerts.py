"""Alert thresholds as a rule document: levels per study, over which a person is called for.

The thresholds themselves and what is over them: ``domain.dose_alerts``.
"""

from collections.abc import Mapping
from typing import Any, Final

from domain.dose_alerts import WATCHED, AlertRules
from domain.rules.place import Place

BUILT_IN: Final = AlertRules()
"""Version 1, in force until another one is."""
BUILT_IN_BODY: Final = {quantity: int(getattr(BUILT_IN, quantity)) for quantity in WATCHED}
"""The same as the body of a document, in its canonical form."""


def check(body: Place) -> None:
    """Raises G7 to G16, with the path of what is wrong."""
    for level in body.fields(WATCHED).values():
        level.number()


def build(version: int, body: Mapping[str, Any]) -> AlertRules:
    """The thresholds of a body that was checked when it was published."""
    return AlertRules(version, **{quantity: float(body[quantity]) for quantity in WATCHED})
