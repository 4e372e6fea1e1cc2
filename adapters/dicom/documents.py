"""Recognises reports among a study's instances: structured, dose and encapsulated documents, key object notes.

A structured document without any content item is refused: its root container has a title and nothing else (PS3.3
C.17.3; some viewers store a report before it is written). A dose report without any number is refused too. One whose
numbers are not understood is recorded and says so: nobody is to take its study for one without dose. Everything else
the standard calls a document is a report of its study.
"""

from dataclasses import dataclass, replace
from typing import Final

from adapters.dicom.attributes import Instance
from adapters.dicom.rdsr.header import TITLE
from adapters.dicom.rdsr.received import received_dose
from adapters.dicom.rdsr.report import STRUCTURED, NoDoseContent, holds_dose, read_dose_report, states_numbers
from adapters.dicom.rdsr.tree import Tree
from adapters.dicom.refusal import NothingToRecord
from domain.commands.doses import ReceivedDose
from domain.commands.studies import ReceivedReport

_KEY_OBJECTS: Final = "1.2.840.10008.5.1.4.1.1.88.59"
_ENCAPSULATED: Final = {"1.2.840.10008.5.1.4.1.1.104.1": "PDF", "1.2.840.10008.5.1.4.1.1.104.2": "CDA"}


@dataclass(frozen=True)
class Document:
    """What a report instance adds to its study: the report and, for a dose report, the dose."""

    report: ReceivedReport
    dose: ReceivedDose | None = None


def is_structured(sop_class: str) -> bool:
    """Whether instances of the class have a content tree, so that the whole dataset must be read."""
    return sop_class.startswith(STRUCTURED)


def document_of(instance: Instance, tree: Tree | None) -> Document | None:
    """The document in an instance; None for images and other objects. Raises NothingToRecord.

    ``tree``: of a structured document.
    """
    if kind := _ENCAPSULATED.get(instance.sop_class):
        return _report(instance, kind, instance.title)
    if tree is None or not is_structured(instance.sop_class):
        return None
    title = tree.code(tree.top.get(TITLE)).meaning
    if holds_dose(tree):
        return _dose_report(instance, tree, title)
    if not tree.items:
        raise NothingToRecord("empty report, no dose and no text: store it when it is written")  # an LO holds 64
    return _report(instance, "KOS" if instance.sop_class == _KEY_OBJECTS else "SR", title)


def _dose_report(instance: Instance, tree: Tree, title: str | None) -> Document:
    try:
        read = read_dose_report(tree)
    except NoDoseContent:
        if not states_numbers(tree):
            raise NothingToRecord("a dose report without any irradiation event or accumulated dose") from None
        why = "no irradiation event and no accumulated dose that Krypton knows: its numbers were not read"
        return Document(ReceivedReport(report_uid=instance.sop_uid, kind="DOSE", title=title, unread=why))
    # Accumulated dose without an event names no exposure, yet tells what the study came to; unless it is not known.
    stated = [total for total in read.report_totals.values() if total is not None]
    # It goes by the UID that was checked, as the report itself does.
    dose = received_dose(replace(read, sop_uid=instance.sop_uid)) if read.exposures or stated else None
    unread = None if dose else "; ".join(read.not_understood) or "no value of its accumulated dose is known"
    return Document(ReceivedReport(report_uid=instance.sop_uid, kind="DOSE", title=title, unread=unread), dose)


def _report(instance: Instance, kind: str, title: str | None) -> Document:
    return Document(ReceivedReport(report_uid=instance.sop_uid, kind=kind, title=title))
