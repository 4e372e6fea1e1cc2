"""Reads the few attributes that Krypton needs from a DICOM instance; ``READS`` lists them all.

Values are taken as encoded and decoded here, so that an odd value in one attribute never loses an instance. Only
required attributes can cause a refusal, which names the attribute and never its value. A control character in an
optional text becomes a space; in the Patient ID it is refused, because without it the number would be a different one.
Standard: DICOM PS3.3 C.7.1 (patient), C.7.2 (study), C.7.3 (series), C.12.1 (SOP common).
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from adapters.dicom.bounds import MIB, UNBOUNDED, Metered, Most, inflated
from adapters.dicom.charsets import decode, person_name
from adapters.dicom.completeness import Completeness, Stream
from adapters.dicom.rdsr import images
from adapters.dicom.refusal import AttributeMissing, TooLarge, Unreadable
from adapters.dicom.values import LONGEST, encoded, is_uid, iso, sequence
from domain.errors import BadTraits
from domain.ins import AUTHORITIES
from domain.texts import plain
from domain.traits import LONGEST_ID, first_day, refuse_odd_id

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
_DATE: Final = re.compile("([0-9]{4})([0-9]{2})([0-9]{2})")
_CHARACTER_SET = "SpecificCharacterSet"
_SEQUENCES = ("IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence")  # of whom a number is, and others
_TAG_OF: Final = {
    keyword: BaseTag(tag_for_keyword(keyword) or 0) for keyword in (_CHARACTER_SET, *(k for k, _ in READS.values()))
}
ATTRIBUTES: Final = [*_TAG_OF.values(), *(BaseTag(tag_for_keyword(keyword) or 0) for keyword in _SEQUENCES)]
TAGS: Final = [*ATTRIBUTES, *images.TAGS]
"""Of all attributes that are read."""
BULK = 0x7FE00000  # pixel data and what follows it
DEFLATED = {
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
    ins: str | None = None
    ins_oid: str | None = None


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
    with readable(stream, end, transfer_syntax, most) as (stream, end, implicit, little):
        ends = Completeness(stream, end, little_endian=little)
        tags = None if whole else TAGS
        metered = metered_if_large(stream, end, most)
        try:
            dataset = read_dataset(metered, implicit, little, stop_when=ends.check(BULK), specific_tags=tags)
        except TooLarge:
            raise
        except Exception as broken:  # pydicom raises many kinds of error for a broken dataset
            raise Unreadable(f"broken: its dataset cannot be parsed ({type(broken).__name__})") from None
        ends.verify(found=len(dataset))
    return dataset


def metered_if_large(stream: Stream, end: int, most: Most) -> Stream:
    """The stream, of which no more is read than may be parsed."""
    return Metered(stream, most) if end > most.header_mib * MIB else stream


@contextmanager
def readable(stream: Stream, end: int, transfer_syntax: str, most: Most) -> Iterator[tuple[Stream, int, bool, bool]]:
    """The stream and its end, inflated where it is deflated; whether its VR is implicit, and little endian.

    A private transfer syntax is taken as explicit VR little endian, as all but one of the standard ones are.
    """
    syntax = UID(transfer_syntax)
    if syntax in DEFLATED:
        file, end = inflated(stream, most)
        with file:
            yield file, end, False, True
        return
    implicit, little = (syntax.is_implicit_VR, syntax.is_little_endian) if syntax.is_transfer_syntax else (False, True)
    yield stream, end, implicit, little


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
    local_id, issuer, ins, oid = _numbers(dataset, read["local_id"] or "", read["issuer"])
    return Instance(
        sop_class=read["sop_class"] or "",
        sop_uid=read["sop_uid"] or "",
        study_uid=read["study_uid"] or "",
        series_uid=read["series_uid"] or "",
        patient=Patient(
            local_id=local_id,
            issuer=issuer,
            family=family,
            given=given,
            birth_date=_birth_date(read["birth_date"]),
            sex=_SEXES.get((read["sex"] or "").upper()),
            ins=ins,
            ins_oid=oid,
        ),
        accession=read["accession"],
        started_at=_started_at(read["study_date"], read["study_time"]),
        description=read["description"],
        modality=read["modality"],
        title=read["title"],
    )


def _numbers(dataset: Dataset, local_id: str, issuer: str | None) -> tuple[str, str | None, str | None, str | None]:
    """The local id and its issuer, and the INS and its OID: an INS is its authority's number, never the site's.

    Where the Patient ID is an INS, the local id is the first other one that is none; without one it is the INS itself,
    with its authority as issuer. The authority is known by its OID (0010,0024), or by the issuer's text (0010,0021).
    """
    numbers = [(local_id, issuer, _authority(dataset, issuer))]
    for other in sequence(dataset, "OtherPatientIDsSequence"):
        named = encoded(other, "IssuerOfPatientID") or None
        if 0 < len(number := encoded(other, "PatientID")) <= LONGEST_ID:
            numbers.append((number, named, _authority(other, named)))
    ins, oid = next(((number.replace(" ", ""), oid) for number, _, oid in numbers if oid), (None, None))
    own = next(((number, named) for number, named, oid in numbers if oid is None), None)
    if own is None:
        return ins or local_id, AUTHORITIES[oid or ""], ins, oid
    return *own, ins, oid


def _authority(dataset: Dataset, issuer: str | None) -> str | None:
    """The OID of INS under which a number was issued; None where it is no INS."""
    for qualifiers in sequence(dataset, "IssuerOfPatientIDQualifiersSequence"):
        if (oid := encoded(qualifiers, "UniversalEntityID")) in AUTHORITIES:
            return oid
    told = {*(issuer or "").split("&")}  # some write an HL7 assigning authority: name&OID&ISO
    return next((oid for oid, name in AUTHORITIES.items() if told & {oid, name}), None)


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
        value = dataset.get_item(_TAG_OF[keyword]).value
    except (AttributeError, KeyError):
        return None
    return value if isinstance(value, bytes) else None


def _birth_date(text: str | None) -> str | None:
    """``YYYYMMDD`` (or ``YYYY.MM.DD``, used before 1993) as ``YYYY-MM-DD``, also with 00 for what is not known of it;
    ``0``, a year alone or nonsense: not known.
    """
    found = _DATE.fullmatch((text or "").replace(".", ""))
    written = "-".join(found.groups()) if found else ""
    return written if first_day(written) else None


def _started_at(date: str | None, time: str | None) -> str | None:
    day = (date or "").replace(".", "")
    return iso(day + (time or "").replace(":", "")) or iso(day)
