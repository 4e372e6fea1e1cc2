"""What a list shows of a study reads as DICOM JSON for every client, whatever is not known of it."""

import json
from typing import Any

import pytest
from pydicom.dataset import Dataset

from krypton.queries.study_attributes import study_attributes

STUDY: dict[str, Any] = {
    "study_uid": "1.2.3",
    "date": "2026-01-05T10:15:30.5+01:00",
    "accession": "A-1",
    "description": "Thorax",
    "modalities": ["CT", "SR"],
    "series": 3,
    "instances": 612,
    "assigner": "CHB",
    "local_id": "T-1",
    "traits": {"family": "山田", "given": "Ωmega", "birth_date": "1970-01-31", "sex": "I"},
}
NOTHING = dict.fromkeys(STUDY) | {"study_uid": "1.2.3", "modalities": [], "series": 0, "instances": 0}


def dataset(study: dict[str, Any]) -> Dataset:
    """As a client reads it."""
    return Dataset.from_json(json.loads(json.dumps(study_attributes(study))))


def test_a_study_reads_as_it_is_known() -> None:
    found = dataset(STUDY)
    assert (found.StudyDate, found.StudyTime, found.TimezoneOffsetFromUTC) == ("20260105", "101530.5", "+0100")
    assert (str(found.PatientName), found.PatientID, found.IssuerOfPatientID) == ("山田^Ωmega", "T-1", "CHB")
    assert (found.PatientBirthDate, found.PatientSex, found.SpecificCharacterSet) == ("19700131", "O", "ISO_IR 192")
    assert [*found.ModalitiesInStudy] == ["CT", "SR"]
    assert (found.NumberOfStudyRelatedSeries, found.NumberOfStudyRelatedInstances) == (3, 612)


def test_what_is_not_known_has_no_value_and_breaks_nothing() -> None:
    said = study_attributes(NOTHING)
    assert not [tag for tag, one in said.items() if None in one.get("Value", ())]
    found = dataset(NOTHING)
    assert (found.PatientName, found.PatientID, found.StudyDate) == ("", "", "")


@pytest.mark.parametrize(
    ("stated", "shown"), [("1970-00-00", ""), ("1970-31-05", ""), ("1970-12-00", ""), (None, ""), ("[erased]", "")]
)
def test_a_birth_date_is_whole_or_left_out(stated: str | None, shown: str) -> None:
    assert dataset(STUDY | {"traits": {"family": "X", "birth_date": stated}}).PatientBirthDate == shown


def test_signs_that_part_names_are_no_part_of_one() -> None:
    assert str(dataset(STUDY | {"traits": {"family": "A^B=C\\D", "given": None}}).PatientName) == "A B C D"


@pytest.mark.parametrize(
    ("date", "time"), [("2026-01-05", ""), ("2026-01-05T10", "10"), ("2026-01-05T10:15", "1015"), ("soon", "")]
)
def test_a_time_has_the_precision_that_is_known(date: str, time: str) -> None:
    assert dataset(STUDY | {"date": date}).StudyTime == time
