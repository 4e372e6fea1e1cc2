"""Tells of doses under known codes that stand where no template has them: nobody can say what they are doses of.

An event's dose stands in its event, a total where accumulated dose is. One in another place is not read, and not passed
over in silence.
"""

from collections.abc import Container
from typing import Final

from adapters.dicom.rdsr.concepts import CONCEPTS, DOSES, TOTALS
from adapters.dicom.rdsr.tree import MEASURED, Item, Tree

_TOTALS_IN: Final = {"accumulated", "ct_accumulated", "accumulated_enhanced"}
_ANY_IN: Final = {"dose_estimate", "irradiation_details"}
"""Of what an estimate rests on, and of moments of an event: neither is an event's, nor a total."""


def misplaced(tree: Tree, events: Container[str]) -> list[str]:
    """What is said of such doses, each code once. ``events``: what containers of events are called."""
    found: dict[str, Item] = {}
    event = accumulated = anything = 0  # where the innermost of each ends
    for item in tree.items:
        concept, place = item.concept, item.index
        if concept in events:
            event = max(event, item.end)
        elif concept in _TOTALS_IN:
            accumulated = max(accumulated, item.end)
        elif concept in _ANY_IN:
            anything = max(anything, item.end)
        elif concept in DOSES:
            _look(found, item, stands=place < max(event, anything))
        elif concept in TOTALS:
            _look(found, item, stands=place < max(accumulated, anything))
    return [f"{CONCEPTS[name].meaning}: stated where no template has it, and not read" for name in found]


def _look(found: dict[str, Item], item: Item, *, stands: bool) -> None:
    if not stands and MEASURED in item.places and item.number().text:
        found.setdefault(item.concept, item)
