"""The metadata of an instance: DICOM JSON as PS3.18 annex F has it, whatever a device has written."""

import base64
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_charset_files, get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from adapters.archive.bulk import NoBulk, read_bulk
from adapters.archive.document import Described, describe
from adapters.archive.source import opened
from adapters.archive.values import value
from adapters.inbox.refusal import Refused
from tests.fakes.dicom import instance, part10
from tests.fakes.pydicom_files import PART_10, PYDICOM_FILES

CHANGES = st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=8)
URI = "instances/1.2.3/bulkdata/"
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def described(path: Path) -> Described:
    with opened(path) as stored:
        return describe(stored, URI, {0x00100010, 0x00280010})


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(described(path).document, parse_constant=pytest.fail)
    return found


def stored_as(folder: Path, dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> Path:
    path = folder / "one.dcm"
    path.write_bytes(part10(dataset, syntax))
    return path


@pytest.mark.filterwarnings("ignore:Expected explicit VR")  # pydicom tells of implicit VR in between
@pytest.mark.parametrize("path", PART_10, ids=lambda path: path.stem)
def test_a_document_says_what_pydicom_says(path: Path) -> None:
    """Of every attribute before the pixels, in sequences too."""
    dataset = dcmread(path, stop_before_pixels=True)
    theirs = dataset.to_json_dict(bulk_data_threshold=10**9, suppress_invalid_tags=True)
    assert list(differing(document(path), theirs)) == []


def differing(ours: dict[str, Any], theirs: dict[str, Any]) -> Any:
    """Tags whose attributes are not the same."""
    tags = {tag for tag in ours.keys() | theirs.keys() if tag[4:] != "0000" and tag < "7FE00000" and tag != "00080005"}
    for tag in sorted(tags):
        if not same(ours.get(tag), theirs.get(tag)):
            yield tag, ours.get(tag), theirs.get(tag)


def same(ours: Any, theirs: Any) -> bool:
    if ours is None or theirs is None:
        return ours is not None  # pydicom leaves out what it cannot parse
    if "BulkDataURI" in ours:
        return "InlineBinary" in theirs or len(theirs["Value"]) > 100
    if ours["vr"] == "SQ":
        pairs = list(zip(ours.get("Value", []), theirs.get("Value", []), strict=True))
        return not [different for one, other in pairs for different in differing(one, other)]
    if "InlineBinary" in ours or "InlineBinary" in theirs:
        return bool(ours.get("InlineBinary", "").rstrip("A=") == theirs.get("InlineBinary", "").rstrip("A="))
    mine, others = plain(ours.get("Value", [])), plain(theirs.get("Value", []))
    return ours["vr"] == theirs["vr"] and (mine == others or close(mine, others))


def plain(values: list[Any]) -> list[Any]:
    """Without padding, and without what is empty."""
    found = [one.strip(" \0") if isinstance(one, str) else one for one in values if one != {"Alphabetic": "^^^^"}]
    return [one for one in found if one not in (None, "", {})]


def close(mine: list[Any], others: list[Any]) -> bool:
    numbers = all(isinstance(one, int | float) for one in (*mine, *others))
    return numbers and len(mine) == len(others) and all(map(math.isclose, mine, others))


CHARSETS = [Path(str(name)) for name in get_charset_files("*.dcm")]


@pytest.mark.parametrize("file", [file for file in CHARSETS if "SQ" not in file.stem], ids=lambda path: path.stem)
def test_names_in_all_character_sets_are_in_unicode_by_groups(file: Path) -> None:
    found = document(file)
    name = dcmread(file).PatientName
    said = found["00100010"]["Value"][0] if "Value" in found["00100010"] else {}
    groups = {"Alphabetic": name.alphabetic, "Ideographic": name.ideographic, "Phonetic": name.phonetic}
    assert said == {group: text for group, text in groups.items() if text}
    assert found["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}


@pytest.mark.parametrize("file", [file for file in CHARSETS if "SQ" in file.stem], ids=lambda path: path.stem)
def test_an_item_may_have_a_character_set_of_its_own(file: Path) -> None:
    (item,) = dcmread(file).RequestedProcedureCodeSequence
    (said,) = document(file)["00321064"]["Value"]
    assert said["00100010"]["Value"][0]["Ideographic"] == item.PatientName.ideographic
    assert "00080005" not in said


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_every_encoding_gives_the_same_document(tmp_path: Path, syntax: str) -> None:
    dataset = instance(Rows=2, Columns=3, PixelRepresentation=1)
    dataset.PatientAge = "045Y"
    dataset.PixelSpacing = ["0.50", "1e-1"]
    dataset.SmallestImagePixelValue = -5
    dataset.FrameIncrementPointer = 0x00181063
    dataset.ReferencedSOPInstanceUID = "1.2.3.4"
    inner = Dataset()
    inner.TextValue = "Ligne une\r\nligne deux é\\è"
    inner.add_new(0x00409225, "FD", [1.5, -2.0])
    dataset.ContentSequence = Sequence([inner, Dataset()])
    dataset.RequestAttributesSequence = Sequence([])
    found = document(stored_as(tmp_path, dataset, syntax))
    assert found["00280030"] == {"vr": "DS", "Value": [0.5, 0.1]}
    assert found["00280106"] == {"vr": "SS", "Value": [-5]}
    assert found["00280009"] == {"vr": "AT", "Value": ["00181063"]}
    assert found["0040A730"]["Value"][0]["0040A160"] == {"vr": "UT", "Value": ["Ligne une\r\nligne deux é\\è"]}
    assert found["0040A730"]["Value"][0]["00409225"] == {"vr": "FD", "Value": [1.5, -2.0]}
    assert found["0040A730"]["Value"][1] == {}
    assert found["00400275"] == {"vr": "SQ"}
    assert not any(tag.startswith("0002") for tag in found)


def test_an_empty_attribute_within_a_sequence_has_no_value(tmp_path: Path) -> None:
    inner = Dataset()
    inner.CodeValue, inner.CodeMeaning, inner.PatientName = "", None, ""
    dataset = instance()
    dataset.ConceptNameCodeSequence = Sequence([inner])
    (found,) = document(stored_as(tmp_path, dataset))["0040A043"]["Value"]
    assert found == {"00080100": {"vr": "SH"}, "00080104": {"vr": "LO"}, "00100010": {"vr": "PN"}}


def test_pixels_are_left_out_and_long_bytes_are_named_where_they_are(tmp_path: Path) -> None:
    inner = Dataset()
    inner.add_new(0x00091010, "OB", b"b" * 1_026)
    dataset = instance(PixelData=b"\0" * 4)
    dataset["PixelData"].VR = "OW"
    dataset.add_new(0x00091001, "OB", b"ab")
    dataset.add_new(0x00091002, "UN", b"c" * 1_026)
    dataset.add_new(0x00283006, "US", list(range(600)))
    dataset.ContentSequence = Sequence([Dataset(), inner])
    path = stored_as(tmp_path, dataset)
    found = document(path)
    assert "7FE00010" not in found
    assert found["00091001"] == {"vr": "OB", "InlineBinary": base64.b64encode(b"ab").decode()}
    assert found["00091002"] == {"vr": "UN", "BulkDataURI": f"{URI}00091002"}
    assert found["00283006"] == {"vr": "US", "BulkDataURI": f"{URI}00283006"}
    assert found["0040A730"]["Value"][1]["00091010"] == {"vr": "OB", "BulkDataURI": f"{URI}0040A730/2/00091010"}
    assert read_bulk(path, "00091002") == b"c" * 1_026
    assert read_bulk(path, "0040A730/2/00091010") == b"b" * 1_026


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_bulk_data_is_given_out_in_little_endian(tmp_path: Path, syntax: str) -> None:
    dataset = instance()
    dataset.add_new(0x00283006, "US", list(range(600)))
    path = stored_as(tmp_path, dataset, syntax)
    assert read_bulk(path, "00283006") == b"".join(number.to_bytes(2, "little") for number in range(600))


@pytest.mark.parametrize("where", ["", "0040A730", "00091099", "0040A730/3/00091010", "0040A730/1", "../x", "0040a730"])
def test_bulk_data_that_is_not_there_is_said(tmp_path: Path, where: str) -> None:
    dataset = instance()
    dataset.ContentSequence = Sequence([Dataset()])
    dataset["ContentSequence"].is_undefined_length = True
    path = stored_as(tmp_path, dataset, ImplicitVRLittleEndian)
    with pytest.raises(NoBulk):
        read_bulk(path, where)


ODD = {
    "a decimal comma": ("DS", b"1,5", ["1,5"]),
    "no number": ("DS", b"NaN\\1.0", ["NaN", 1.0]),
    "digits that JSON does not know": ("DS", b"+1.\\.5\\007", [1, 0.5, 7]),
    "many digits": ("DS", b"0.10000000000000000001", [0.1]),
    "more than any number": ("DS", b"1e999", ["1e999"]),
    "a fraction": ("IS", b"1.5", [1.5]),
    "a whole number with a point": ("IS", b"3.0", [3.0]),
    "too large to be whole": ("IS", b"12345678901234567890", [12345678901234567890.0]),
    "words": ("IS", b"three", ["three"]),
    "a date that is none": ("DA", b"2026.13.45", ["2026.13.45"]),
    "a name with six components": ("PN", b"A^B^C^D^E^F", [{"Alphabetic": "A^B^C^D^E^F"}]),
    "a name of delimiters": ("PN", b"^^^^", None),
    "values between empty ones": ("LO", b"\\a\\", [None, "a", None]),
    "not a number": ("FD", b"\0\0\0\0\0\0\xf8\x7f", None),
    "a UID with spaces": ("UI", b"1.2 \0", ["1.2"]),
    "large and whole": ("UV", b"\xff" * 8, [str(2**64 - 1)]),
    "a tag": ("AT", b"\x28\0\x10\0", ["00280010"]),
}


@pytest.mark.parametrize(("vr", "raw", "expected"), ODD.values(), ids=ODD)
def test_an_odd_value_is_kept_as_json_can_say_it(vr: str, raw: bytes, expected: list[Any] | None) -> None:
    found = json.loads(f"{{{value(vr, raw, ['ISO_IR 192'], little=True)}}}", parse_constant=pytest.fail)
    assert found == {"vr": vr} | ({"Value": expected} if expected else {})


@pytest.mark.parametrize("vr", ["US", "FL", "FD", "AT", "SL", "SV"])
def test_a_value_of_the_wrong_length_is_unknown_bytes(vr: str) -> None:
    found = json.loads(f"{{{value(vr, b'abc', [], little=True)}}}")
    assert found == {"vr": "UN", "InlineBinary": base64.b64encode(b"abc").decode()}


VRS: tuple[str, ...] = (
    "AE",
    "AS",
    "AT",
    "CS",
    "DA",
    "DS",
    "DT",
    "FL",
    "FD",
    "IS",
    "LO",
    "LT",
    "OB",
    "OD",
    "OF",
    "OL",
    "OV",
    "OW",
    "PN",
)
VRS += ("SH", "SL", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV", "ZZ")


@given(vr=st.sampled_from(VRS), raw=st.binary(max_size=40), little=st.booleans(), declared=st.sampled_from(
    ["", "ISO_IR 100", "ISO_IR 192", "GB18030", "ISO 2022 IR 87", "no such set"]
))  # fmt: skip
def test_any_bytes_under_any_vr_make_json(vr: str, raw: bytes, little: bool, declared: str) -> None:
    found = json.loads(f"{{{value(vr, raw, [declared], little=little)}}}", parse_constant=pytest.fail)
    assert set(found) in ({"vr"}, {"vr", "Value"}, {"vr", "InlineBinary"})
    json.dumps(found).encode()


@given(changes=CHANGES, name=st.sampled_from(
    ["CT_small", "MR_small_bigendian", "UN_sequence", "image_dfl", "priv_SQ", "test-SR", "reportsi", "rtplan"]
))  # fmt: skip
def test_whatever_bytes_are_changed_a_document_is_json_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[tuple[int, int]]
) -> None:
    data = bytearray((PYDICOM_FILES / f"{name}.dcm").read_bytes())
    for at, byte in changes:
        data[132 + at % min(4_000, len(data) - 132)] = byte
    path = tmp_path_factory.mktemp("changed") / "one.dcm"
    path.write_bytes(data)
    try:
        found = described(path)
    except Refused:
        return
    json.loads(found.document, parse_constant=pytest.fail)


def test_the_uids_that_it_is_kept_under_are_uids_whatever_vr_is_stated(tmp_path: Path) -> None:
    path = stored_as(tmp_path, instance(SOPInstanceUID="12345678"))
    path.write_bytes(path.read_bytes().replace(b"\x08\x00\x18\x00UI", b"\x08\x00\x18\x00IS"))
    assert document(path)["00080018"] == {"vr": "UI", "Value": ["12345678"]}


def test_attributes_that_are_asked_for_are_answered_apart(tmp_path: Path) -> None:
    found = described(stored_as(tmp_path, instance(Rows=2)))
    assert found.said == {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "ESSAI^Élodie"}]},
        "00280010": {"vr": "US", "Value": [2]},
    }


def test_pixels_that_cannot_be_found_leave_the_metadata(tmp_path: Path) -> None:
    dataset = instance(Rows=2, Columns=2, BitsAllocated=16, PixelData=b"\0" * 4)
    dataset["PixelData"].VR = "OW"
    found = described(stored_as(tmp_path, dataset))
    assert found.frames is None
    assert found.problem == "broken: its pixel data hold fewer bytes than 1 frames take"
    assert json.loads(found.document)["00280010"]["Value"] == [2]


def test_a_sequence_of_stated_length_that_holds_no_items_is_bytes(tmp_path: Path) -> None:
    data = part10(instance())
    odd = b"\x08\x00\x40\x11SQ\0\0\x06\0\0\0abcdef"
    path = tmp_path / "one.dcm"
    path.write_bytes(data + odd)
    assert document(path)["00081140"] == {"vr": "UN", "InlineBinary": base64.b64encode(b"abcdef").decode()}


def test_unknown_private_attributes_in_implicit_vr_are_bytes(tmp_path: Path) -> None:
    dataset = instance()
    block = dataset.private_block(0x0009, "NOBODY KNOWS", create=True)
    block.add_new(1, "LO", "abcd")
    found = document(stored_as(tmp_path, dataset, ImplicitVRLittleEndian))
    assert found["00090010"] == {"vr": "LO", "Value": ["NOBODY KNOWS"]}
    assert found["00091001"] == {"vr": "UN", "InlineBinary": base64.b64encode(b"abcd").decode()}


@pytest.mark.parametrize("name", ["CT_small.dcm", "test-SR.dcm"])
def test_a_document_is_one_line(name: str) -> None:
    assert "\n" not in described(Path(str(get_testdata_file(name)))).document
