"""Names the files of a study that is taken away, and makes their DICOMDIR.

Source: PS3.10 8.2 (file names of eight capitals), PS3.3 F.3 (directory information), table F.4-1 and F.5 (records).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from adapters.archive.archive import Archive
from adapters.archive.entry import Row, first
from adapters.dicom.implementation import CLASS_UID, VERSION_NAME
from adapters.dicom.part10 import MEDIA_DIRECTORY

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_TYPES: Final = (  # of SOP classes that begin so; the first that fits
    ("88.59", "KEY OBJECT DOC"),
    ("88.", "SR DOCUMENT"),
    ("104.", "ENCAP DOC"),
    ("11.", "PRESENTATION"),
    ("9.", "WAVEFORM"),
    ("481.2", "RT DOSE"),
    ("481.3", "RT STRUCTURE SET"),
    ("481.5", "RT PLAN"),
    ("481.8", "RT PLAN"),
    ("66.1", "REGISTRATION"),
    ("66.2", "FIDUCIAL"),
    ("66.3", "REGISTRATION"),
)
_RAW_DATA: Final = f"{_STORAGE}66"


@dataclass(frozen=True)
class File:
    """An instance: its name among the files, with slashes; where it is kept, and what is known of it."""

    name: str
    path: Path
    row: Row


@dataclass(frozen=True)
class FileSet:
    """The files of a study, and the bytes of their DICOMDIR."""

    files: Sequence[File]
    directory: bytes


@dataclass(eq=False)
class _Record:
    """One directory record: what it says, and its place among the others."""

    type: str
    said: Mapping[str, Any]
    file: Sequence[str] = ()
    row: Row | None = None
    below: "list[_Record]" = field(default_factory=list)


def file_set(archive: Archive, study: str) -> FileSet:
    """Raises NotHeld, OSError."""
    told = archive.study(study)
    files: list[File] = []
    record = _Record("STUDY", told["said"])
    for place, series in enumerate(told["series"], 1):
        below = _Record("SERIES", series["said"] | _number("00200011", series["said"], place))
        for number, row in enumerate(archive.instances(study, series["uid"]), 1):
            name = ("DICOM", f"SE{place:06}", f"IM{number:06}")
            files.append(File("/".join(name), archive.path(row), row))
            below.below.append(_Record(_type(row), row["said"] | _number("00200013", row["said"], number), name, row))
        record.below.append(below)
    of_patient = {tag: one for tag, one in told["said"].items() if tag.startswith("0010")}
    return FileSet(files, _directory(_Record("PATIENT", of_patient, (), None, [record])))


def _type(row: Row) -> str:
    sop_class = str(first(row["said"], "00080016"))
    if sop_class == _RAW_DATA:
        return "RAW DATA"
    found = (kind for begins, kind in _TYPES if sop_class.startswith(_STORAGE + begins))
    return next(found, "IMAGE")


def _number(tag: str, said: Mapping[str, Any], place: int) -> dict[str, Any]:
    """A number that a record must have, by place where the instances state none."""
    return {} if first(said, tag) is not None else {tag: {"vr": "IS", "Value": [place]}}


def _directory(patient: _Record) -> bytes:
    """Twice: where each record begins is known once they are written, and changes no length."""
    records = list(_flat(patient))
    items = [_item(record) for record in records]
    at = [one.seq_item_tell for one in dcmread(BytesIO(_written(items, 0))).DirectoryRecordSequence]
    places, item_of = dict(zip(records, at, strict=True)), dict(zip(records, items, strict=True))
    for record, item in item_of.items():
        item.OffsetOfReferencedLowerLevelDirectoryEntity = places[record.below[0]] if record.below else 0
        for one, other in zip(record.below, record.below[1:], strict=False):
            item_of[one].OffsetOfTheNextDirectoryRecord = places[other]
    return _written(items, at[0])


def _flat(record: _Record) -> Iterator[_Record]:
    yield record
    for below in record.below:
        yield from _flat(below)


def _item(record: _Record) -> Dataset:
    item = Dataset.from_json({tag: one for tag, one in record.said.items() if "BulkDataURI" not in one})
    item.OffsetOfTheNextDirectoryRecord = 0
    item.RecordInUseFlag = 0xFFFF
    item.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    item.DirectoryRecordType = record.type
    item.SpecificCharacterSet = "ISO_IR 192"
    if record.type == "STUDY":
        for keyword in [one.keyword for one in item if one.tag.group == 0x0010]:
            delattr(item, keyword)
        item.StudyID = item.get("StudyID") or "1"
    if record.row is not None:
        item.ReferencedFileID = list(record.file)
        item.ReferencedSOPClassUIDInFile = first(record.said, "00080016")
        item.ReferencedSOPInstanceUIDInFile = record.row["sop_uid"]
        item.ReferencedTransferSyntaxUIDInFile = record.row["transfer_syntax"]
    return item


def _written(items: Sequence[Dataset], root: int) -> bytes:
    directory = Dataset()
    directory.FileSetID = "KRYPTON"
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = root
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = root
    directory.FileSetConsistencyFlag = 0
    directory.DirectoryRecordSequence = items
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = MEDIA_DIRECTORY
    directory.file_meta.MediaStorageSOPInstanceUID = f"2.25.{uuid5(NAMESPACE_OID, _names(items)).int}"
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.ImplementationClassUID = CLASS_UID
    directory.file_meta.ImplementationVersionName = VERSION_NAME
    file = BytesIO()
    dcmwrite(file, directory, enforce_file_format=True)
    return file.getvalue()


def _names(items: Sequence[Dataset]) -> str:
    return "|".join(str(item.get("ReferencedSOPInstanceUIDInFile", "")) for item in items)
