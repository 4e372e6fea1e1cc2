"""Identifiers as DICOM JSON: read whatever a peer writes, and written so that another library reads the same."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from adapters.dicom.network.contexts import EXPLICIT, IMPLICIT
from adapters.dicom.refusal import Unreadable
from adapters.retrieval.identifier import one, read, uids, write

ATTRIBUTES = {
    "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
    "00080020": {"vr": "DA", "Value": ["20260105"]},
    "00080061": {"vr": "CS", "Value": ["CT", "SR"]},
    "00081030": {"vr": "LO", "Value": ["Scanner d'été, Œdème"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "ÉSSAI^Zoé", "Ideographic": "試^験"}]},
    "00100020": {"vr": "LO"},
    "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    "00200013": {"vr": "IS", "Value": [4]},
    "00280010": {"vr": "US", "Value": [512]},
    "00400275": {"vr": "SQ", "Value": [{"00400009": {"vr": "SH", "Value": ["STEP"]}}, {}]},
}


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_what_is_written_is_read_back(syntax: str) -> None:
    assert read(write(ATTRIBUTES, syntax), syntax) == ATTRIBUTES


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_another_library_reads_the_same(syntax: str) -> None:
    dataset = read_dataset(BytesIO(write(ATTRIBUTES, syntax)), syntax == IMPLICIT, True)
    assert (dataset.StudyDate, list(dataset.ModalitiesInStudy)) == ("20260105", ["CT", "SR"])
    assert str(dataset.PatientName) == "ÉSSAI^Zoé=試^験"
    assert dataset.StudyDescription == "Scanner d'été, Œdème"
    assert (dataset.InstanceNumber, dataset.Rows, dataset.PatientID) == (4, 512, "")
    assert [item.get("ScheduledProcedureStepID") for item in dataset.RequestAttributesSequence] == ["STEP", None]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_what_another_library_writes_is_read(syntax: str) -> None:
    asked = Dataset()
    asked.SpecificCharacterSet, asked.QueryRetrieveLevel = "ISO_IR 100", "STUDY"
    asked.PatientName, asked.StudyInstanceUID, asked.StudyTime = "É*", ["1.2", "1.3"], "08-12"
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = syntax == IMPLICIT, True
    write_dataset(file, asked)
    found = read(file.getvalue(), syntax)
    assert (one(found, "00100010"), one(found, "00080030"), one(found, "0020000D")) == ("É*", "08-12", "1.2\\1.3")
    assert uids(found, "0020000D") == ["1.2", "1.3"]


def test_what_is_no_uid_is_refused() -> None:
    with pytest.raises(Unreadable):
        uids({"0020000D": {"vr": "UI", "Value": ["1.2", "../x"]}}, "0020000D")


@given(st.binary(max_size=400), st.sampled_from([EXPLICIT, IMPLICIT]))
def test_any_bytes_are_read_or_refused(data: bytes, syntax: str) -> None:
    try:
        found = read(data, syntax)
    except Unreadable:
        return
    assert isinstance(found, dict)
