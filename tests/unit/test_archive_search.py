"""Series and instances of a study are found by DICOM keys without opening an instance."""

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from adapters.archive.archive import Archive
from adapters.archive.search import INSTANCES, SERIES, meeting
from adapters.dicom.inlet import spool_at
from domain.query_keys import BadKey
from tests.fakes.dicom import ROOT, enrolled
from tests.unit.test_archive_study import arrive, image


def request(step: str, procedure: str) -> Dataset:
    item = Dataset()
    item.ScheduledProcedureStepID, item.RequestedProcedureID = step, procedure
    return item


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], list[Any]]:
    """The series of a study, and the instances of the first one."""
    spool, ledger = spool_at(tmp_path_factory.mktemp("search") / "spool", room=0), enrolled()
    asked = Sequence([request("S1", "P1"), request("S2", "P2")])
    text = image(1, series=3, Modality="SR", SeriesDescription="Œdème, suivi")
    study = arrive(
        spool, ledger, [image(1), image(2), image(10), image(1, series=2, RequestAttributesSequence=asked), text]
    )
    archive = Archive(spool)
    return archive.study(study)["series"], list(archive.instances(study, f"{ROOT}1.1"))


@pytest.mark.parametrize(
    ("keys", "series"),
    [
        ({}, [1, 2, 3]),
        ({"Modality": "SR"}, [3]),
        ({"Modality": "C*", "SeriesNumber": "2"}, [2]),
        ({"SeriesDescription": "oedeme*"}, [3]),
        ({"SeriesDescription": "serie?"}, [1, 2]),
        ({"SeriesInstanceUID": f"{ROOT}1.1\\{ROOT}1.3"}, [1, 3]),
        ({"RequestAttributesSequence.ScheduledProcedureStepID": "S1"}, [2]),
        (
            {
                "RequestAttributesSequence.ScheduledProcedureStepID": "S1",
                "RequestAttributesSequence.RequestedProcedureID": "P2",
            },
            [],
        ),
        ({"BodyPartExamined": ""}, [1, 2, 3]),
        ({"BodyPartExamined": "CHEST"}, []),
    ],
    ids=str,
)
def test_series_are_found_by_keys(found: Any, keys: dict[str, str], series: list[int]) -> None:
    assert [one["said"]["00200011"]["Value"][0] for one in meeting(found[0], SERIES, keys)] == series


@pytest.mark.parametrize(
    ("keys", "numbers"), [({"InstanceNumber": "10"}, [10]), ({"Rows": "1"}, [1, 2, 10]), ({"NumberOfFrames": "3"}, [])]
)
def test_instances_are_found_by_keys(found: Any, keys: dict[str, str], numbers: list[int]) -> None:
    assert [one["said"]["00200013"]["Value"][0] for one in meeting(found[1], INSTANCES, keys)] == numbers


def test_what_they_are_not_searched_by_is_said(found: Any) -> None:
    with pytest.raises(BadKey, match="not searched by PatientWeight, but by SeriesInstanceUID"):
        meeting(found[0], SERIES, {"PatientWeight": "70"})
