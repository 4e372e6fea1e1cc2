"""Reads the few attributes that Krypton needs from a DICOM instance; ``READS`` lists them all.

Values are taken as encoded and decoded here, so that an odd value in one attribute never loses an instance. Only
required attributes can cause a refusal, which names the attribute and never its value. A control character in an
optional text becomes a space; in the Patient ID it is refused, because without it the number would be a different one.
Standard: DICOM PS3.3 C.7.1 (patient), C.7.2 (study), C.7.3 (series), C.12.1 (SOP common).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from adapters.dicom.bounds import MIB, UNBOUNDED, Metered, Most, inflated
from adapters.dicom.charsets import decode, person_name
from adapters.dicom.completeness import Completeness, Stream
from adapters.dicom.refusal import AttributeMissing, TooLarge, Unreadable
from adapters.dicom.sr_tree import LONGEST, is_uid, iso
from domain.errors import BadTraits
from domain.texts import plain
from domain.traits import LONGEST_ID, refuse_odd_id

READS: Final[dict[str, tuple[str, bool]]] = {  # field: (attribute, required)
    "sop_class": ("SOPClassUID", True),  # PS3.3 C.12.1
    "sop_uid": ("SOPInstanceUID", True),
    "study_uid": ("StudyInstanceUID", True),  # C.7.2.1
    "series_uid": ("SeriesInstanceUID", True),  # C.7.3.1
    "local_id": ("PatientID", True),  # C.7.1.1; type 2 there, but a record needs to know whose it is
    "issuer": ("IssuerOfPatientID", False),
    "name": ("PatientName", False),
    "birth_date": ("PatientBirthDate", False),
    "sex": ("PatientSex", False),
    "accession": ("AccessionNumber", False),
    "study_date": ("StudyDate", False),
    "study_time": ("StudyTime", False),
    "description": ("StudyDescription", False),
    "modality": ("Modality", False),
    "title": ("DocumentTitle", False),  # C.24.2, encapsulated documents
}
_UIDS = ("sop_class", "sop_uid", "study_uid", "series_uid")
_SEXES = {"M": "M", "F": "F", "O": "I"}  # other, in France: I, indéterminé
_CHARACTER_SET = "SpecificCharacterSet"
_TAGS: Final = [BaseTag(tag_for_keyword(keyword) or 0) for keyword in (_CHARACTER_SET, *(k for k, _ in READS.values()))]
_BULK = 0x7FE00000  # pixel data and what follows it
_DEFLATED = {
    DeflatedExplicitVRLittleEndian,
    "1.2.840.10008.1.2.4.95",
    "1.2.840.10008.1.2.4.205",
}  # PS3.5 A.5, A.7, A.12


@dataclass(frozen=True)
class Patient:
    """The person as sent; part of a batch's key. ``birth_date`` ``YYYY-MM-DD``; ``sex`` M, F, I; None: not known."""

    local_id: str
    issuer: str | None
    family: str | None
    given: str | None
    birth_date: str | None
    sex: str | None


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One composite instance's header. ``started_at``: study date and time as encoded, ISO 8601 without zone."""

    sop_class: str
    sop_uid: str
    study_uid: str
    series_uid: str
    patient: Patient
    accession: str | None
    started_at: str | None
    description: str | None
    modality: str | None
    title: str | None


def read_header(
    stream: Stream, end: int, transfer_syntax: str, *, whole: bool = False, most: Most = UNBOUNDED
) -> Dataset:
    """The dataset from the stream's position up to the pixel data, which is not decoded.

    ``end``: length of the stream; ``whole``: all attributes, else only those in ``READS``. Raises Unreadable if the
    bytes are no dataset, or end too early, even within the pixel data; TooLarge.
    """
    syntax = UID(transfer_syntax)
    if syntax in _DEFLATED:
        file, end = inflated(stream, most)
        with file:
            return _read(file, end, UID(ExplicitVRLittleEndian), whole, most)
    return _read(stream, end, syntax, whole, most)


def _read(stream: Stream, end: int, syntax: UID, whole: bool, most: Most) -> Dataset:
    # A private transfer syntax is taken as explicit VR little endian, as all but one of the standard ones are.
    implicit, little = (syntax.is_implicit_VR, syntax.is_little_endian) if syntax.is_transfer_syntax else (False, True)
    if end > most.header_mib * MIB:
        stream = Metered(stream, most)
    ends = Completeness(stream, end, little_endian=little)
    tags = None if whole else _TAGS
    try:
        dataset = read_dataset(stream, implicit, little, stop_when=ends.check(_BULK), specific_tags=tags)
    except TooLarge:
        raise
    except Exception as broken:  # pydicom raises many kinds of error for a broken dataset
        raise Unreadable(f"broken: its dataset cannot be parsed ({type(broken).__name__})") from None
    ends.verify(found=len(dataset))
    return dataset


def read_instance(dataset: Dataset) -> Instance:
    """Read the attributes in ``READS``. Raises AttributeMissing, which names the attribute."""
    text = _reader(dataset)
    read = {name: text(keyword) for name, (keyword, _) in READS.items()}
    for name, (keyword, required) in READS.items():
        if required and not read[name]:
            raise AttributeMissing(f"{keyword} is missing: ask the sender's vendor to fill it")
        if name in _UIDS and not is_uid(read[name] or ""):  # it becomes a file name
            raise AttributeMissing(f"{keyword} is not a UID (PS3.5 9.1): ask the sender's vendor to correct it")
        if not required:
            read[name] = plain(read[name] or "")[:LONGEST] or None
    _refuse_odd_id(read["local_id"] or "")
    family, given = person_name(read["name"] or "")
    return Instance(
        sop_class=read["sop_class"] or "",
        sop_uid=read["sop_uid"] or "",
        study_uid=read["study_uid"] or "",
        series_uid=read["series_uid"] or "",
        patient=Patient(
            local_id=read["local_id"] or "",
            issuer=read["issuer"],
            family=family,
            given=given,
            birth_date=_birth_date(read["birth_date"]),
            sex=_SEXES.get((read["sex"] or "").upper()),
        ),
        accession=read["accession"],
        started_at=_started_at(read["study_date"], read["study_time"]),
        description=read["description"],
        modality=read["modality"],
        title=read["title"],
    )


def _refuse_odd_id(local_id: str) -> None:
    try:
        refuse_odd_id(local_id)
    except BadTraits:
        raise AttributeMissing(
            f"PatientID holds a control character, or more than {LONGEST_ID} characters: ask the sender's vendor to "
            "correct it"
        ) from None


def _reader(dataset: Dataset) -> Callable[[str], str | None]:
    """Reads one attribute's text: decoded, without padding; None if absent or empty."""
    declared = (_raw(dataset, _CHARACTER_SET) or b"").decode("ascii", "replace").split("\\")

    def text(keyword: str) -> str | None:
        return decode(_raw(dataset, keyword) or b"", declared).strip(" \0\r\n\t") or None

    return text


def _raw(dataset: Dataset, keyword: str) -> bytes | None:
    """The value as encoded."""
    try:
        value = dataset.get_item(keyword).value
    except (AttributeError, KeyError):
        return None
    return value if isinstance(value, bytes) else None


def _birth_date(text: str | None) -> str | None:
    """``YYYYMMDD`` (or ``YYYY.MM.DD``, used before 1993) as ``YYYY-MM-DD``; ``0``, a year alone or nonsense: not
    known.
    """
    return iso(digits) if len(digits := (text or "").replace(".", "")) == len("YYYYMMDD") else None


def _started_at(date: str | None, time: str | None) -> str | None:
    day = (date or "").replace(".", "")
    return iso(day + (time or "").replace(":", "")) or iso(day)
