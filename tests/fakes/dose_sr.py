"""A Patient Radiation Dose SR of a ``dose show`` document, and what its content items state."""

import io
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

from pydicom import dcmread
from pydicom.dataset import Dataset

from adapters.dicom.rdsr.report import DoseReport, read_dose_report
from krypton.faces.dose.standards.sr.report import patient_dose_report, reports_of
from krypton.queries.dose_sources import Source
from tests.fakes.dicom import structured
from tests.fakes.doses_shown import STUDY

RDSR = "1.2.840.10008.5.1.4.1.1.88.67"


def written(found: dict[str, Any]) -> bytes:
    """Of the study; each report is in a series of its own."""
    sources = {uid: Source(RDSR, uid, f"1.3.{place}") for place, uid in enumerate(reports_of(found, STUDY))}
    return patient_dose_report(found, STUDY, sources, date(2026, 3, 1))


def read(found: dict[str, Any]) -> Dataset:
    """As pydicom reads it."""
    return dcmread(io.BytesIO(written(found)))


def read_back(found: dict[str, Any]) -> DoseReport:
    """As our own reader does."""
    return read_dose_report(structured(written(found)).tree)


class Placed(NamedTuple):
    """A content item, and the codes of what it is in, from the root on."""

    above: tuple[str, ...]
    item: Dataset

    @property
    def concept(self) -> str:
        return key(self.item.ConceptNameCodeSequence[0]).partition(":")[2]

    @property
    def path(self) -> str:
        return "/".join((*self.above, self.concept))


def items(item: Dataset, above: tuple[str, ...] = ()) -> Iterator[Placed]:
    """All of them, parents first."""
    here = Placed(above, item)
    yield here
    for below in item.get("ContentSequence", ()):
        yield from items(below, (*above, here.concept))


def key(code: Dataset) -> str:
    """Scheme and value of a code."""
    return f"{code.CodingSchemeDesignator}:{code.get('CodeValue') or code.LongCodeValue}"


def numbers(report: Dataset, concept: str) -> list[tuple[float | None, str, dict[str, str]]]:
    """Each number under a concept: its value, its unit, and what qualifies it, by concept."""
    found: list[tuple[float | None, str, dict[str, str]]] = []
    for one in items(report):
        if one.item.ValueType == "NUM" and one.concept == concept:
            measured = one.item.MeasuredValueSequence
            unit = measured[0].MeasurementUnitsCodeSequence[0].CodeValue if measured else ""
            value = float(measured[0].NumericValue) if measured else None
            below = {
                qualifier.concept: said(qualifier.item) for qualifier in items(one.item) if len(qualifier.above) == 1
            }
            found.append((value, unit, below))
    return found


def said(item: Dataset) -> str:
    """The value of an item that is no container, as text."""
    if item.ValueType == "CODE":
        return key(item.ConceptCodeSequence[0])
    if item.ValueType == "NUM":
        return str(item.MeasuredValueSequence[0].NumericValue)
    return str(item.get({"TEXT": "TextValue", "UIDREF": "UID", "DATETIME": "DateTime"}[item.ValueType]))
