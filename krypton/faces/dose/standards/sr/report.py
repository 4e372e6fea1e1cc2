"""Writes a study's doses as a DICOM Patient Radiation Dose SR (PS3.3 A.35.18), with pydicom.

The same doses make the same instance, byte for byte: its UID is made of its content (PS3.5 B.2), and its content time
is that of the latest report it rests on, not that of writing. What changed since has another UID. The ledger does not
keep it: it is made for whoever asks, under the decision that allowed it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from io import BytesIO
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian, PatientRadiationDoseSRStorage

from domain.errors import NotFound
from krypton.faces.dose.standards.sr.codes import COMMENT
from krypton.faces.dose.standards.sr.items import CONTAINS, put, referenced, text
from krypton.faces.dose.standards.sr.patient import patient
from krypton.faces.dose.standards.sr.times import date_and_time
from krypton.faces.dose.standards.sr.tree import OBSERVER, root
from krypton.faces.dose.standards.sr.valid import made_valid
from krypton.faces.dose.standards.summary import Summary, summaries
from krypton.queries.dose_sources import OURS, Source

Row = Mapping[str, Any]
CLASS_UID, VERSION_NAME = OURS
TEMPLATE: Final = "10030"
NO_REPORT: Final = (
    "no dose report of that study: a Patient Radiation Dose SR names the reports that it rests on, and its doses are "
    "of image headers alone; FHIR (--fhir) takes them"
)


def patient_dose_report(found: Row, study_uid: str, sources: Mapping[str, Source], today: date) -> bytes:
    """The file of one study of a ``dose show`` document. ``today``: where no report says when it was made.

    ``sources``: each report that its doses are from, by what ``found`` calls it. Raises NotFound: nothing is known of
    the study's doses, or the reader may not see them; or no report states them.
    """
    told = summaries(found, study_uid)
    if not sources:
        raise NotFound(NO_REPORT)
    report = Dataset()
    report.SpecificCharacterSet = "ISO_IR 192"
    report.SOPClassUID = PatientRadiationDoseSRStorage
    report.update(patient(found, study_uid))
    report.update(_study(study_uid, told))
    report.update(_document(found, study_uid, sources, today))
    report.update(root(found, study_uid, told, sources))
    report.ContentTemplateSequence = Items([_template()])
    report.ContentSequence.extend(text(CONTAINS, COMMENT, line) for line in made_valid(report))
    report.SOPInstanceUID = _uid(study_uid, hashlib.sha256(_written(report)).hexdigest())
    return _written(report)


def reports_of(found: Row, study_uid: str) -> list[str]:
    """The reports that the study's doses are from, by what ``found`` calls them. Raises NotFound, see ``summaries``."""
    return [*dict.fromkeys(uid for one in summaries(found, study_uid) for uid in one.reports)]


def _study(study_uid: str, told: Sequence[Summary]) -> Dataset:
    """General Study, SR Document Series, General and Enhanced General Equipment."""
    of = Dataset()
    put(of, "StudyInstanceUID", study_uid)
    of.StudyDate, of.StudyTime = date_and_time(told[0].started_at)
    of.ReferringPhysicianName = of.StudyID = of.AccessionNumber = ""
    of.Modality = "SR"
    of.SeriesInstanceUID = _uid(study_uid, TEMPLATE)
    of.SeriesNumber = of.InstanceNumber = 1
    of.ReferencedPerformedProcedureStepSequence = Items([])
    of.Manufacturer = of.ManufacturerModelName = OBSERVER
    of.DeviceSerialNumber, of.SoftwareVersions = CLASS_UID, VERSION_NAME
    return of


def _document(found: Row, study_uid: str, sources: Mapping[str, Source], today: date) -> Dataset:
    """SR Document General. Nobody has verified it."""
    used = (one for one in found["reports"] if one["report_uid"] in sources)
    made = max((one["reported_at"] for one in used if one["reported_at"]), default=None)
    of = Dataset()
    of.ContentDate, of.ContentTime = date_and_time(made)
    of.ContentDate = of.ContentDate or f"{today:%Y%m%d}"
    of.ContentTime = of.ContentTime or "000000"
    of.CompletionFlag, of.VerificationFlag = "COMPLETE", "UNVERIFIED"
    of.PerformedProcedureCodeSequence = Items([])
    of.CurrentRequestedProcedureEvidenceSequence = Items([_evidence(study_uid, [*sources.values()])])
    return of


def _evidence(study_uid: str, sources: Sequence[Source]) -> Dataset:
    """Each report that the content refers to, in its series (PS3.3 table C.17-3b)."""
    series: dict[str, list[Source]] = {}
    for one in sources:
        series.setdefault(one.series_uid, []).append(one)
    found = Dataset()
    found.ReferencedSeriesSequence = Items([])
    for uid, some in series.items():
        within = Dataset()
        within.ReferencedSOPSequence = Items([referenced(one.sop_class, one.sop_uid) for one in some])
        put(within, "SeriesInstanceUID", uid)
        found.ReferencedSeriesSequence.append(within)
    put(found, "StudyInstanceUID", study_uid)
    return found


def _uid(study_uid: str, of: str) -> str:
    return f"2.25.{uuid5(NAMESPACE_OID, f'{study_uid}|{of}').int}"


def _template() -> Dataset:
    item = Dataset()
    item.MappingResource, item.TemplateIdentifier = "DCMR", TEMPLATE
    return item


def _written(report: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = report.SOPClassUID
    meta.MediaStorageSOPInstanceUID = report.get("SOPInstanceUID", CLASS_UID)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID, meta.ImplementationVersionName = CLASS_UID, VERSION_NAME
    report.file_meta = meta
    file = BytesIO()
    dcmwrite(file, report, enforce_file_format=True)
    return file.getvalue()
