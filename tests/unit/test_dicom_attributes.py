"""What is read of an instance: which attributes, in which character set, and how a broken one is refused."""

import io
from pathlib import Path
from typing import Any

import pytest
from pydicom.data import get_charset_files, get_testdata_file
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from adapters.dicom.attributes import READS, Instance, read_header, read_instance
from adapters.dicom.part10 import read_file_meta
from adapters.dicom.refusal import AttributeMissing, Unreadable
from adapters.inbox.refusal import Refused
from tests.fakes.dicom import instance, part10


def read(data: bytes) -> Instance:
    meta = read_file_meta(data)
    stream = io.BytesIO(data)
    stream.seek(meta.offset)
    return read_instance(read_header(stream, len(data), meta.transfer_syntax))


def read_changed(**changes: Any) -> Instance:
    return read(part10(instance(**changes)))


def file_of(name: str) -> bytes:
    return Path(str(get_testdata_file(name))).read_bytes()


def test_every_field_of_a_plain_instance_is_read() -> None:
    """The person, the study and the series, as encoded."""
    found = read_changed(IssuerOfPatientID="CHP")
    assert (found.patient.local_id, found.patient.issuer) == ("T-1", "CHP")
    assert (found.patient.family, found.patient.given) == ("ESSAI", "Élodie")
    assert (found.patient.birth_date, found.patient.sex) == ("1970-01-01", "F")
    assert (found.accession, found.modality, found.description) == ("A-1", "CT", "Scanner d'essai")
    assert found.started_at == "2026-01-05T10:15:00"


@pytest.mark.parametrize("keyword", [keyword for keyword, required in READS.values() if required])
@pytest.mark.parametrize("value", [None, ""])
def test_a_required_attribute_that_is_missing_is_named(keyword: str, value: str | None) -> None:
    """Absent and empty are the same."""
    with pytest.raises(AttributeMissing, match=f"^{keyword} is missing"):
        read_changed(**{keyword: value})


def test_a_refusal_never_holds_a_value() -> None:
    """Values name people."""
    with pytest.raises(AttributeMissing) as refused:
        read_changed(PatientName="SECRET^Personne", StudyInstanceUID=None)
    assert "SECRET" not in str(refused.value)


def test_a_uid_that_is_none_is_refused_because_it_becomes_a_file_name() -> None:
    """Even where it would lead out of the spool."""
    dataset = instance()
    dataset.SOPInstanceUID = "1.2.3"
    data = part10(dataset).replace(b"1.2.3\0", b"../../")
    with pytest.raises(AttributeMissing, match="SOPInstanceUID is not a UID"):
        read(data)


@pytest.mark.filterwarnings("ignore:Unknown encoding", "ignore:Incorrect value")  # pydicom's, of the misspelt ones
@pytest.mark.parametrize(
    ("declared", "raw", "family"),
    [
        ("ISO_IR 100", "Lefèvre".encode("latin-1"), "Lefèvre"),
        ("ISO_IR 192", "Lefèvre".encode(), "Lefèvre"),
        ("ISO_IR 100", "Lefèvre".encode(), "Lefèvre"),  # declared Latin-1, written UTF-8
        (None, "Lefèvre".encode("latin-1"), "Lefèvre"),
        ("ISO-IR 192", "Lefèvre".encode(), "Lefèvre"),  # misspelt
        ("KLINGON", "Lefèvre".encode(), "Lefèvre"),
        ("ISO_IR 101", "Křiž".encode("iso8859_2"), "Křiž"),
        ("ISO_IR 144", "Люк".encode("iso8859_5"), "Люк"),
        ("ISO_IR 192", b"Lef\xe8vre", "Lef\ufffdvre"),  # declared UTF-8, written Latin-1: flagged, not lost
        ("\\ISO 2022 IR 100", b"\x1b-ALef\xe8vre", "Lefèvre"),
    ],
)
def test_accents_survive_what_devices_do(declared: str | None, raw: bytes, family: str) -> None:
    """PS3.3 C.12.1.1.2, and its common misreadings."""
    dataset = instance(SpecificCharacterSet=None, PatientName="X" * (len(raw) + len(raw) % 2))
    data = part10(dataset).replace(b"X" * (len(raw) + len(raw) % 2), raw + b" " * (len(raw) % 2))
    if declared is not None:
        value = declared.encode() + b" " * (len(declared) % 2)
        element = b"\x08\x00\x05\x00CS" + len(value).to_bytes(2, "little") + value
        offset = read_file_meta(data).offset
        data = data[:offset] + element + data[offset:]
    assert read(data).patient.family == family


@pytest.mark.parametrize(
    ("name", "family", "given"),
    [
        ("chrFren", "Buc", "Jérôme"),
        ("chrGerm", "Äneas", "Rüdiger"),
        ("chrArab", "قباني", "لنزار"),
        ("chrH31", "Yamada", "Tarou"),
        ("chrH32", "ﾔﾏﾀﾞ", "ﾀﾛｳ"),
        ("chrI2", "Hong", "Gildong"),
        ("chrJapMulti", "やまだ", "たろう"),
        ("chrKoreanMulti", "김희중", None),
        ("chrX1", "Wang", "XiaoDong"),
    ],
)
def test_pydicoms_character_set_files_are_read(name: str, family: str, given: str | None) -> None:
    """One or several sets, with code extensions."""
    (path,) = get_charset_files(f"{name}.dcm")
    patient = read(Path(path).read_bytes()).patient
    assert (patient.family, patient.given) == (family, given)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DUPONT^Anne^Marie^Dr", ("DUPONT", "Anne")),
        ("DUPONT", ("DUPONT", None)),
        ("^Anne", (None, "Anne")),
        ("=山田^太郎", ("山田", "太郎")),
        ("==やまだ^たろう", ("やまだ", "たろう")),
        ("^^^^", (None, None)),
        (None, (None, None)),
    ],
)
def test_the_first_component_group_with_a_name_counts(
    name: str | None, expected: tuple[str | None, str | None]
) -> None:
    """Alphabetic, else ideographic, else phonetic (PS3.5 6.2.1)."""
    patient = read_changed(PatientName=name).patient
    assert (patient.family, patient.given) == expected


@pytest.mark.parametrize("number", ["12@ 34", "79@2", "@@79@@2"])
def test_a_control_character_in_the_patient_id_is_refused(number: str) -> None:
    """A number without it would be another person's; those at the ends are padding. The value is not told."""
    data = part10(instance(PatientID=number)).replace(number.encode(), number.replace("@", "\x1f").encode())
    with pytest.raises(AttributeMissing, match=r"^PatientID holds a control character") as refused:
        read(data)
    assert "79" not in str(refused.value)


def test_a_control_character_in_an_optional_text_is_a_space() -> None:
    """No view could keep a NUL, and no study is lost over a text."""
    texts = {"AccessionNumber": "AB##junk", "StudyDescription": "Tho##rax", "IssuerOfPatientID": "CH##P"}
    dataset = instance(PatientName="ES##SAI^Élo##die", **texts)
    found = read(part10(dataset).replace(b"##", b"\0\x1b"))
    assert (found.accession, found.description, found.patient.issuer) == ("AB  junk", "Tho  rax", "CH  P")
    assert (found.patient.family, found.patient.given) == ("ES  SAI", "Élo  die")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("19700101", "1970-01-01"), ("0", None), ("", None), ("19701301", None), ("1970", None), (None, None)],
)
def test_a_birth_date_that_is_none_is_not_known(raw: str | None, expected: str | None) -> None:
    """Never 0000, never an error."""
    dataset = instance(PatientBirthDate=None)
    if raw is not None:
        dataset.add_new("PatientBirthDate", "LO", raw)  # LO: pydicom will not write a bad DA
    assert read(part10(dataset)).patient.birth_date == expected


@pytest.mark.parametrize(("raw", "expected"), [("M", "M"), ("F", "F"), ("O", "I"), ("", None), ("X", None)])
def test_sex_other_is_indeterminate(raw: str, expected: str | None) -> None:
    """DICOM's O is I in France."""
    assert read_changed(PatientSex=raw).patient.sex == expected


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("20260105", "101500.25", "2026-01-05T10:15:00.25"),
        ("20260105", "", "2026-01-05"),
        ("20260105", "nonsense", "2026-01-05"),
        ("", "101500", None),
    ],
)
def test_a_study_time_that_is_none_leaves_the_date(date: str, time: str, expected: str | None) -> None:
    """A date alone is worth keeping."""
    dataset = instance(StudyDate=date, StudyTime=None)
    dataset.add_new("StudyTime", "LO", time)
    assert read(part10(dataset)).started_at == expected


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_every_encoding_of_a_dataset_is_read(syntax: str) -> None:
    """PS3.5 Annex A, without decoding pixels."""
    assert read(part10(instance(), syntax)).patient.local_id == "T-1"


def test_a_private_transfer_syntax_is_read_as_explicit_little_endian() -> None:
    """As all but one of the standard ones are."""
    data = part10(instance())
    stream = io.BytesIO(data)
    stream.seek(read_file_meta(data).offset)
    assert read_instance(read_header(stream, len(data), "1.2.3.4")).patient.local_id == "T-1"


@pytest.mark.parametrize("left", [0, 1, 131, 132, 140, 200, 400, -1, -100])
def test_a_file_that_is_cut_off_anywhere_is_refused(left: int) -> None:
    """Never taken for a smaller one."""
    data = file_of("CT_small.dcm")
    cut = data[:left] if left >= 0 else data[: len(data) + left]
    # CT_small ends with 126 bytes of padding after its pixels: cut into the pixels, too.
    cut = cut if left >= 0 else data[: len(data) - 138 + left]
    with pytest.raises(Refused):
        read(cut)


def test_encapsulated_pixels_that_are_cut_off_are_refused() -> None:
    """Their fragments end with a delimiter (PS3.5 A.4)."""
    data = file_of("JPEG2000.dcm")
    with pytest.raises(Unreadable, match="cut off"):
        read(data[:-20])


def test_what_is_no_dicom_file_is_refused() -> None:
    """With the reason."""
    with pytest.raises(Unreadable, match="not a DICOM file"):
        read(b"%PDF-1.7" * 100)


def test_a_file_without_transfer_syntax_is_refused() -> None:
    """It could only be guessed."""
    with pytest.raises(AttributeMissing, match="TransferSyntaxUID"):
        read(file_of("meta_missing_tsyntax.dcm"))
