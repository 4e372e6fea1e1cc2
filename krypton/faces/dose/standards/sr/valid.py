"""Leaves out of a data set what DICOM cannot write (PS3.5 6.2, 9.1), and says so in words.

Devices state UIDs with a leading zero in a component, and numbers of patients may hold a backslash, which parts values.
None of them is changed: a number that is like it may be somebody else's. A UID that must be there is made of the stated
one (PS3.5 B.2), the same each time; what may be absent is left out. Each is told as it was stated, in a text item,
which may hold any character.
"""

import re
from collections.abc import Iterator
from typing import Final
from uuid import NAMESPACE_OID, uuid5

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

LONGEST: Final = {"LO": 64, "SH": 16, "PN": 64 * 3 + 2}
"""Characters; of one value each."""
_UID: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")
_UID_LENGTH: Final = 64
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
IDS: Final = "OtherPatientIDsSequence"


def made_valid(report: Dataset) -> list[str]:
    """Change the data set, and tell what was changed, each once."""
    told = [*dict.fromkeys(_of(report))]
    if IDS in report:
        report[IDS].value = [one for one in report[IDS].value if one.PatientID]
        if not report[IDS].value:
            del report[IDS]
    return told


def _of(dataset: Dataset) -> Iterator[str]:
    for element in [*dataset]:
        if element.VR == "SQ":
            for item in element.value:
                yield from _of(item)
        elif element.VR == "UI" and not _is_uid(str(element.value)):
            stated = str(element.value)
            element.value = f"2.25.{uuid5(NAMESPACE_OID, stated).int}"
            yield f"{element.name}: {stated} is no valid UID; {element.value} stands for it."
        elif element.VR in LONGEST and not _is_text(element):
            stated = _stated(element)
            element.value = ""
            yield f"{element.name}: left out, DICOM cannot write it there: {stated}"


def _is_uid(value: str) -> bool:
    return not value or (len(value) <= _UID_LENGTH and _UID.fullmatch(value) is not None)


def _is_text(element: DataElement) -> bool:
    """Whether it is one value, and one that its kind of element may hold."""
    if isinstance(element.value, MultiValue):
        return False
    value = str(element.value)
    return len(value) <= LONGEST[element.VR] and _CONTROL.search(value) is None and "\\" not in value


def _stated(element: DataElement) -> str:
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    return _CONTROL.sub(" ", "\\".join(map(str, values)))
