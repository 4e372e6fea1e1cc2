"""Reads dose summaries under a vendor's codes, which some devices send instead of a dose report.

Only codes whose meaning is known are read; a dose under any other code of a vendor is noted, and never guessed.
"""

from typing import Final

from adapters.dicom.rdsr.concepts import VENDORS
from adapters.dicom.rdsr.tree import MEASURED, Item, Tree
from adapters.dicom.rdsr.units import is_of_dose

_LONGEST: Final = 40  # characters of a code that are told


def is_summary(tree: Tree) -> bool:
    """Whether the report holds a known total of a vendor's."""
    return any(item.concept in VENDORS for item in tree.items)


def unknown_doses(tree: Tree) -> list[str]:
    """What is said of doses under codes that are not known, whoever's they are. Each code is looked at once."""
    unknown: dict[str, Item] = {}
    for item in tree.items:
        if ":" in item.concept and MEASURED in item.places:
            unknown.setdefault(item.concept, item)
    doses = (concept for concept, item in unknown.items() if is_of_dose(item.number().unit))
    return [f"{concept[:_LONGEST]}: a dose under a code that is not known" for concept in doses]
