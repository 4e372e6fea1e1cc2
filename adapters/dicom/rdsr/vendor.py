"""Reads dose summaries under a vendor's codes, which some devices send instead of a dose report.

Only codes whose meaning is known are read; a dose under any other code of a vendor is noted, and never guessed.
"""

from typing import Final

from adapters.dicom.rdsr.concepts import VENDORS
from adapters.dicom.rdsr.tree import Tree
from adapters.dicom.rdsr.units import is_of_dose

_VENDORS: Final = "99"  # private coding schemes begin with it (PS3.16 section 8.2)
_LONGEST: Final = 40  # characters of a code that are told


def is_summary(tree: Tree) -> bool:
    """Whether the report holds a known total of a vendor's."""
    return any(item.concept in VENDORS for item in tree.items)


def unknown_doses(tree: Tree) -> list[str]:
    """What is said of doses under codes of vendors that are not known."""
    vendors = [item for item in tree.items if item.concept.startswith(_VENDORS)]
    unknown = dict.fromkeys(item.concept[:_LONGEST] for item in vendors if is_of_dose(item.number().unit))
    return [f"{concept}: a dose under a code that is not known" for concept in unknown]
