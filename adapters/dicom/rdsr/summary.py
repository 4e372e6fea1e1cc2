"""Reads dose summaries under a vendor's codes, which some devices send instead of a dose report.

Only codes whose meaning is known are read; a dose under any other code of a vendor is noted, and never guessed.
"""

from typing import Final

from pydicom.dataset import Dataset

from adapters.dicom.rdsr.tree import Concept, Content, Item
from adapters.dicom.rdsr.units import is_of_dose

DAP_TOTAL: Final[Concept] = ("99SMS_RADSUM:C-204",)  # the exam's, in the radiation summary of Siemens' mobile C-arms
_VENDORS = "99"  # private coding schemes begin with it (PS3.16 section 8.2)
_LONGEST = 40  # characters of a code that are told


def summary(ds: Dataset, content: Content, notes: list[str]) -> list[Item]:
    """The whole document, where it holds a known total of a vendor's; else nothing."""
    if not content.all(DAP_TOTAL):
        return []
    vendors = [item for item in content.items if item.concept.startswith(_VENDORS) and item.concept not in DAP_TOTAL]
    unknown = dict.fromkeys(item.concept[:_LONGEST] for item in vendors if is_of_dose(item.number().unit))
    notes += [f"{concept}: a dose under a code that is not known" for concept in unknown]
    return [Item("", ds)]
