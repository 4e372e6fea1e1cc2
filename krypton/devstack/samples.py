"""Generates synthetic DICOM files of two hospitals, with fictitious people, to try Krypton with.

``write`` makes the same files every time, byte for byte, so a second import finds duplicates. FICTIVE Anne has a number
at either hospital, and a dose report under each; one file has no Patient ID, and one is no DICOM at all.
Standard: DICOM PS3.3 (CT and DX images), PS3.16 TID 10011 (CT radiation dose), TID 2000 (basic text).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

from pydicom import uid as uids
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

SAMPLES: Final = UUID("8d0f4b8e-5a1c-5b3e-9a77-2f6c1d0b4e93")  # namespace of the files' UIDs
SIDE: Final = 16  # pixels
UNITS: Final = {"DCM:113838": "mGy.cm", "DCM:113813": "mGy.cm", "DCM:113830": "mGy"}
MEANINGS: Final = {
    "DCM:113701": "X-Ray Radiation Dose Report",
    "DCM:113811": "CT Accumulated Dose Data",
    "DCM:113813": "CT Dose Length Product Total",
    "DCM:113819": "CT Acquisition",
    "DCM:113769": "Irradiation Event UID",
    "DCM:113829": "CT Dose",
    "DCM:113830": "Mean CTDIvol",
    "DCM:113838": "DLP",
    "DCM:125203": "Acquisition Protocol",
    "DCM:121071": "Finding",
    "LN:18748-4": "Diagnostic imaging report",
}


@dataclass(frozen=True)
class Person:
    """Somebody who never was, as one hospital knows them."""

    number: str
    name: str
    birth_date: str
    sex: str


ANNE, ANNE_AT_PAU = Person("1001", "FICTIVE^ANNE", "19700102", "F"), Person("P-77", "FICTIVE^ANNE", "19700102", "F")
PAUL = Person("1002", "TESTPATIENT^PAUL", "19550630", "M")


def write(folder: Path) -> list[Path]:
    """Write the files below a folder, one folder per hospital; returns them."""
    paths = []
    for name, dataset in _files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    odd = folder / "chu-bdx" / "notes.txt"
    odd.write_text("Not DICOM: this file is refused by name, and the others are taken in all the same.\n")
    return [*paths, odd]


def _files() -> Iterator[tuple[str, Dataset]]:
    for number in (1, 2, 3):
        yield f"chu-bdx/anne-ct/{number}.dcm", _image(ANNE, "CT", "anne-ct", number)
    yield "chu-bdx/anne-ct/dose.dcm", _dose_report(ANNE, "anne-ct", {"HEAD": (38.5, 620.0), "NECK": (12.25, 301.5)})
    yield "chu-bdx/paul-dx/1.dcm", _image(PAUL, "DX", "paul-dx", 1)
    nobody = _image(PAUL, "DX", "nobody-dx", 1)
    del nobody.PatientID
    yield "chu-bdx/without-number.dcm", nobody
    for number in (1, 2):
        yield f"ch-pau/anne-ct/{number}.dcm", _image(ANNE_AT_PAU, "CT", "anne-pau-ct", number)
    yield "ch-pau/anne-ct/dose.dcm", _dose_report(ANNE_AT_PAU, "anne-pau-ct", {"CHEST": (7.5, 240.0)})
    yield "ch-pau/anne-ct/report.dcm", _text_report(ANNE_AT_PAU, "anne-pau-ct")


def _image(person: Person, modality: str, study: str, number: int) -> Dataset:
    ct = modality == "CT"
    sop_class = uids.CTImageStorage if ct else uids.DigitalXRayImageStorageForPresentation
    image = _instance(person, sop_class, modality, study, f"image {number}")
    image.StudyDescription = "Scanner tete et cou" if ct else "Radio genou"
    image.InstanceNumber = number
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows = image.Columns = SIDE
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = bytes(number if place % 2 == 0 else 0 for place in range(2 * SIDE * SIDE))
    return image


def _dose_report(person: Person, study: str, events: Mapping[str, tuple[float, float]]) -> Dataset:
    """``events``: protocol to CTDIvol (mGy) and DLP (mGy·cm)."""
    report = _instance(person, uids.XRayRadiationDoseSRStorage, "SR", study, "dose")
    total = _item("DCM:113811", [_number("DCM:113813", sum(dlp for _, dlp in events.values()))])
    report.update(_item("DCM:113701", [total, *(_event(study, *event) for event in events.items())]))
    return report


def _event(study: str, protocol: str, dose: tuple[float, float]) -> Dataset:
    named = _item("DCM:125203", text=protocol)
    event_uid = _item("DCM:113769", uid=_uid(study, protocol))
    measured = _item("DCM:113829", [_number("DCM:113830", dose[0]), _number("DCM:113838", dose[1])])
    return _item("DCM:113819", [named, event_uid, measured])


def _text_report(person: Person, study: str) -> Dataset:
    report = _instance(person, uids.BasicTextSRStorage, "SR", study, "report")
    report.update(_item("LN:18748-4", [_item("DCM:121071", text="Nothing of note: made up for a tutorial.")]))
    return report


def _instance(person: Person, sop_class: str, modality: str, study: str, name: str) -> Dataset:
    """What every instance states, with its File Meta."""
    instance = Dataset()
    instance.SpecificCharacterSet = "ISO_IR 192"
    instance.SOPClassUID, instance.SOPInstanceUID = sop_class, _uid(study, name)
    instance.StudyInstanceUID, instance.SeriesInstanceUID = _uid(study), _uid(study, modality)
    instance.StudyDate, instance.StudyTime = "20260105", "101500"
    instance.AccessionNumber, instance.Modality = study.upper()[:16], modality
    instance.PatientID, instance.PatientName = person.number, person.name
    instance.PatientBirthDate, instance.PatientSex = person.birth_date, person.sex
    instance.file_meta = FileMetaDataset()
    instance.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian
    return instance


def _item(concept: str, below: list[Dataset] | None = None, *, text: str = "", uid: str = "") -> Dataset:
    """A content item: a container of those below, a text, or a UID reference."""
    item = Dataset()
    item.RelationshipType = "CONTAINS"
    item.ValueType = "TEXT" if text else "UIDREF" if uid else "CONTAINER"
    item.ConceptNameCodeSequence = Sequence([_code(concept, MEANINGS[concept])])
    if text:
        item.TextValue = text
    elif uid:
        item.UID = uid
    else:
        item.ContentSequence = Sequence(below or [])
    return item


def _number(concept: str, value: float) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "NUM"
    item.ConceptNameCodeSequence = Sequence([_code(concept, MEANINGS[concept])])
    measured = Dataset()
    measured.NumericValue = str(value)
    measured.MeasurementUnitsCodeSequence = Sequence([_code(f"UCUM:{UNITS[concept]}", UNITS[concept])])
    item.MeasuredValueSequence = Sequence([measured])
    return item


def _code(key: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodingSchemeDesignator, _, code.CodeValue = key.partition(":")
    code.CodeMeaning = meaning
    return code


def _uid(*names: str) -> str:
    """PS3.5 B.2: a UID from a UUID."""
    return f"2.25.{uuid5(SAMPLES, '|'.join(names)).int}"
