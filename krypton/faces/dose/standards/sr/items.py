"""Content items of a DICOM structured report (PS3.3 C.17.3): each names its relation to the item that it is in.

A number is written with all its digits: in 16 characters where they fit, else rounded there, and whole in Floating
Point Value (0040,A161), as PS3.3 table C.18.1-1 has it. One that nobody knows has no measured value, and says so.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from krypton.faces.dose.standards.concepts import DCM, Code

CONTAINS: Final = "CONTAINS"
CONCEPT_MOD: Final = "HAS CONCEPT MOD"
OBS_CONTEXT: Final = "HAS OBS CONTEXT"
PROPERTIES: Final = "HAS PROPERTIES"
VALUE_UNKNOWN: Final = Code("114010", DCM, "Value unknown")
UCUM: Final = "UCUM"
_SHORT: Final = 16  # characters of a Code Value (SH) and of a decimal string (DS): PS3.5 table 6.2-1


def put(item: Dataset, keyword: str, value: str) -> None:
    """Give an element a value as it was stated, which DICOM may not allow there: see ``made_valid``."""
    item.add(DataElement(keyword, dictionary_VR(keyword), value, validation_mode=IGNORE))


def code_of(code: Code) -> Items:
    """A code sequence of one code (PS3.3 8.8)."""
    item = Dataset()
    long = len(code.value) > _SHORT
    setattr(item, "LongCodeValue" if long else "CodeValue", code.value)
    item.CodingSchemeDesignator = code.scheme
    item.CodeMeaning = code.meaning[:64]
    return Items([item])


def coded(relation: str, name: Code, value: Code, *below: Dataset) -> Dataset:
    """A CODE item."""
    item = _item(relation, "CODE", name, below)
    item.ConceptCodeSequence = code_of(value)
    return item


def text(relation: str, name: Code, value: str, *below: Dataset) -> Dataset:
    """A TEXT item."""
    item = _item(relation, "TEXT", name, below)
    item.TextValue = value
    return item


def uid(relation: str, name: Code, value: str) -> Dataset:
    """A UIDREF item."""
    item = _item(relation, "UIDREF", name)
    put(item, "UID", value)
    return item


def moment(relation: str, name: Code, value: str) -> Dataset:
    """A DATETIME item; ``value`` as DT has it."""
    item = _item(relation, "DATETIME", name)
    item.DateTime = value
    return item


def number(name: Code, value: float | None, unit: str, *below: Dataset, relation: str = CONTAINS) -> Dataset:
    """A NUM item; ``unit``: by UCUM; None: nobody knows the value."""
    item = _item(relation, "NUM", name, below)
    if value is None:
        item.MeasuredValueSequence = Items([])
        item.NumericValueQualifierCodeSequence = code_of(VALUE_UNKNOWN)
        return item
    measured = Dataset()
    measured.MeasurementUnitsCodeSequence = code_of(Code(unit, UCUM, unit))
    measured.NumericValue, whole = decimal_string(value)
    if not whole:
        measured.FloatingPointValue = value
    item.MeasuredValueSequence = Items([measured])
    return item


def composite(relation: str, name: Code, sop_class: str, sop_uid: str, *below: Dataset) -> Dataset:
    """A COMPOSITE item: another instance."""
    item = _item(relation, "COMPOSITE", name, below)
    item.ReferencedSOPSequence = Items([referenced(sop_class, sop_uid)])
    return item


def referenced(sop_class: str, sop_uid: str) -> Dataset:
    """An instance that is referred to (PS3.3 table 10-11)."""
    item = Dataset()
    put(item, "ReferencedSOPClassUID", sop_class)
    put(item, "ReferencedSOPInstanceUID", sop_uid)
    return item


def container(name: Code, *below: Dataset, relation: str = CONTAINS) -> Dataset:
    """A CONTAINER item; of another relation than "" it is in another one, and not the root."""
    item = _item(relation, "CONTAINER", name, below)
    item.ContinuityOfContent = "SEPARATE"
    return item


def decimal_string(value: float) -> tuple[str, bool]:
    """A number in 16 characters, and whether all its digits are in them."""
    exact = Decimal(repr(float(value)))
    for digits in range(len(exact.as_tuple().digits), 0, -1):
        rounded = Decimal(f"{exact:.{digits}g}").normalize()
        shortest = min((f"{rounded:f}", f"{rounded:E}".replace("E+", "E")), key=len)
        if len(shortest) <= _SHORT:
            return shortest, Decimal(shortest) == exact
    raise ValueError("a number has no more than three digits of an exponent")


def _item(relation: str, value_type: str, name: Code, below: Sequence[Dataset] = ()) -> Dataset:
    item = Dataset()
    if relation:
        item.RelationshipType = relation
    item.ValueType = value_type
    item.ConceptNameCodeSequence = code_of(name)
    if below:
        item.ContentSequence = Items(below)
    return item
