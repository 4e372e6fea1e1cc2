"""Writes a study as a folder for people and programs outside: DICOMDIR, the instances byte for byte, checksums.

The folder appears whole or not at all. Source: DICOM PS3.10 8.2 (file names of eight capitals), PS3.3 F.3 (directory
information), table F.4-1 and F.5 (records).
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from adapters.archive.archive import Archive
from adapters.archive.elements import Reader
from adapters.archive.entry import Row, digest_of, first
from adapters.archive.places import OWNER_ONLY_FOLDER
from adapters.archive.source import opened
from adapters.dicom.implementation import CLASS_UID, VERSION_NAME
from adapters.dicom.part10 import MEDIA_DIRECTORY
from adapters.durable import OWNER_ONLY

CHECKSUMS: Final = "checksums.sha256"
DIRECTORY: Final = "DICOMDIR"
_RECORDS: Final = 0x00041220
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
README: Final = f"""Images and documents of one study, in DICOM: a viewer opens {DIRECTORY}, or the files below DICOM/.

    sha256sum --check {CHECKSUMS}

says whether all files are as they were when they were written here. They name the patient: keep them safe.
"""
Step = Callable[[], None]


class Damaged(Exception):
    """A stored instance is not what came in."""


@dataclass(eq=False)
class _Record:
    """One directory record: what it says, and its place among the others."""

    type: str
    said: Mapping[str, Any]
    file: Sequence[str] = ()
    row: Row | None = None
    below: "list[_Record]" = field(default_factory=list)


def write_study(archive: Archive, study: str, folder: Path, step: Step = lambda: None) -> int:
    """Write a study into a folder that is not there yet; how many instances. ``step``: called for each.

    Raises NotHeld, Damaged, FileExistsError, OSError.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} is there already: name a new folder")
    told = archive.study(study)
    with _whole(folder) as made:
        sums: dict[str, str] = {}
        record = _Record("STUDY", told["said"])
        for place, series in enumerate(told["series"], 1):
            below = _Record("SERIES", series["said"] | _number("00200011", series["said"], place))
            for number, row in enumerate(archive.instances(study, series["uid"]), 1):
                name = ("DICOM", f"SE{place:06}", f"IM{number:06}")
                sums["/".join(name)] = _copy(archive.path(row), made.joinpath(*name), row)
                below.below.append(
                    _Record(_type(row), row["said"] | _number("00200013", row["said"], number), name, row)
                )
                step()
            record.below.append(below)
        patient = _Record(
            "PATIENT", {tag: one for tag, one in told["said"].items() if tag.startswith("0010")}, (), None, [record]
        )
        _write_directory(made / DIRECTORY, patient)
        (made / "README.TXT").write_text(README)
        sums |= {name: hashlib.sha256((made / name).read_bytes()).hexdigest() for name in (DIRECTORY, "README.TXT")}
        (made / CHECKSUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())))
        for file in made.iterdir():
            file.chmod(OWNER_ONLY_FOLDER if file.is_dir() else OWNER_ONLY)
    return len(sums) - 2


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A folder beside it, which takes its name when it is whole."""
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True, mode=OWNER_ONLY_FOLDER)
    try:
        yield aside
        aside.rename(folder)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _copy(source: Path, target: Path, row: Row) -> str:
    """Copy an instance; hex of the SHA-256 of its file. Raises Damaged."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_FOLDER)
    shutil.copyfile(source, target)
    target.chmod(OWNER_ONLY)
    if digest_of(target) != (row["size"], row["digest"]):
        raise Damaged(f"instance {row['sop_uid']} is not what came in: krypton archive check names all such")
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _type(row: Row) -> str:
    sop_class = str(first(row["said"], "00080016"))
    if sop_class == _RAW_DATA:
        return "RAW DATA"
    found = (kind for begins, kind in _TYPES if sop_class.startswith(_STORAGE + begins))
    return next(found, "IMAGE")


def _number(tag: str, said: Mapping[str, Any], place: int) -> dict[str, Any]:
    """A number that a record must have, by place where the instances state none."""
    return {} if first(said, tag) is not None else {tag: {"vr": "IS", "Value": [place]}}


def _write_directory(path: Path, patient: _Record) -> None:
    """Twice: where each record begins is known once they are written, and changes no length."""
    records = list(_flat(patient))
    items = [_item(record) for record in records]
    _write(path, items, 0)
    at = _offsets(path)
    places, item_of = dict(zip(records, at, strict=True)), dict(zip(records, items, strict=True))
    for record, item in item_of.items():
        item.OffsetOfReferencedLowerLevelDirectoryEntity = places[record.below[0]] if record.below else 0
        for one, other in zip(record.below, record.below[1:], strict=False):
            item_of[one].OffsetOfTheNextDirectoryRecord = places[other]
    _write(path, items, at[0])


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


def _write(path: Path, items: Sequence[Dataset], root: int) -> None:
    directory = Dataset()
    directory.FileSetID = "KRYPTON"
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = root
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = root
    directory.FileSetConsistencyFlag = 0
    directory.DirectoryRecordSequence = items
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = MEDIA_DIRECTORY
    directory.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None, entropy_srcs=[_names(items)])
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.ImplementationClassUID = CLASS_UID
    directory.file_meta.ImplementationVersionName = VERSION_NAME
    dcmwrite(path, directory, enforce_file_format=True, overwrite=True)


def _names(items: Sequence[Dataset]) -> str:
    return "|".join(str(item.get("ReferencedSOPInstanceUIDInFile", "")) for item in items)


def _offsets(path: Path) -> list[int]:
    """Where the item of each record begins in the file."""
    with opened(path) as stored:
        reader = Reader(stored)
        elements = reader.elements(stored.start, stored.source.size, stored.explicit)
        records = next(one for one in elements if one.tag == _RECORDS)
        return [at - 8 for at, _ in reader.items(records, stored.explicit)]
