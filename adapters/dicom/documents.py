"""Recognises reports among a study's instances: structured, dose and encapsulated documents, key object notes.

A structured document without any content item is refused: its root container has a title and nothing else (PS3.3
C.17.3; some viewers store a report before it is written). A dose report without dose is refused too. Everything else
the standard calls a document is a report of its study.
"""

from dataclasses import dataclass, replace
from typing import Final

from pydicom.dataset import Dataset

from adapters.dicom.attributes import Instance
from adapters.dicom.dose_report import NoDoseContent, holds_dose, read_dose_report
from adapters.dicom.received_dose import received_dose
from adapters.dicom.refusal import NothingToRecord
from adapters.dicom.sr_tree import code_in, sequence
from domain.commands.doses import ReceivedDose
from domain.commands.studies import ReceivedReport

_STRUCTURED: Final = "1.2.840.10008.5.1.4.1.1.88."  # PS3.4 B.5: all SR document classes
_KEY_OBJECTS: Final = "1.2.840.10008.5.1.4.1.1.88.59"
_ENCAPSULATED: Final = {"1.2.840.10008.5.1.4.1.1.104.1": "PDF", "1.2.840.10008.5.1.4.1.1.104.2": "CDA"}


@dataclass(frozen=True)
class Document:
    """What a report instance adds to its study: the report and, for a dose report, the dose."""

    report: ReceivedReport
    dose: ReceivedDose | None = None


def is_structured(sop_class: str) -> bool:
    """Whether instances of the class have a content tree, so that the whole dataset must be read."""
    return sop_class.startswith(_STRUCTURED)


def document_of(instance: Instance, dataset: Dataset) -> Document | None:
    """The document in an instance; None for images and other objects. Raises NothingToRecord.

    ``dataset`` must be complete for a structured document.
    """
    if kind := _ENCAPSULATED.get(instance.sop_class):
        return _report(instance, kind, instance.title)
    if not is_structured(instance.sop_class):
        return None
    title = code.meaning if (code := code_in(dataset, "ConceptNameCodeSequence")) else None
    if holds_dose(dataset):
        return _dose_report(instance, dataset, title)
    if not sequence(dataset, "ContentSequence"):
        raise NothingToRecord(
            "a structured report without any content, no dose and no text: store it when it is written"
        )
    return _report(instance, "KOS" if instance.sop_class == _KEY_OBJECTS else "SR", title)


def _dose_report(instance: Instance, dataset: Dataset, title: str | None) -> Document:
    try:
        read = read_dose_report(dataset)
    except NoDoseContent:
        raise NothingToRecord("a dose report without any irradiation event or accumulated dose") from None
    # Accumulated dose without an event names no exposure, yet tells what the study came to; unless it is not known.
    stated = [total for total in read.report_totals.values() if total is not None]
    # It goes by the UID that was checked, as the report itself does.
    dose = received_dose(replace(read, sop_uid=instance.sop_uid)) if read.exposures or stated else None
    return Document(_report(instance, "DOSE", title).report, dose)


def _report(instance: Instance, kind: str, title: str | None) -> Document:
    return Document(ReceivedReport(report_uid=instance.sop_uid, kind=kind, title=title))
