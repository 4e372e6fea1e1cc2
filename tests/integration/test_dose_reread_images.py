"""Doses of image headers are read again: what differs is shown, recorded where asked, and then the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydicom import uid as uids
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from adapters.dicom.folder import ingest_paths
from adapters.dicom.inlet import spool_at
from adapters.dicom.rdsr import images
from domain.errors import NotFound
from krypton.services.dose_reread import Wish, reread
from projections.cumulative_dose import queries
from tests.fakes.dicom import instance, new_uid, write
from tests.integration.ruled_world import RuledWorld
from tests.unit.test_dose_report import GY_M2, number, projection

pytestmark = pytest.mark.live
DX = uids.DigitalXRayImageStorageForPresentation
MISTAKEN = ("ImageAndFluoroscopyAreaDoseProduct", "cGy.cm2")  # the standard's unit is dGy.cm2


@pytest.fixture
def world(installed_url: str, tmp_path: Path) -> Iterator[RuledWorld]:
    made = RuledWorld(installed_url, tmp_path)
    yield made
    made.close()


def view(study: str, number: int, dap: str, serial: str = "7") -> Dataset:
    return instance(
        StudyInstanceUID=study,
        SOPClassUID=DX,
        Modality="DX",
        ImageAndFluoroscopyAreaDoseProduct=dap,
        DeviceSerialNumber=serial,
        PatientID="17",
        IrradiationEventUID=f"2.25.9{number}",
    )


def take(world: RuledWorld, folder: Path, *some: Dataset) -> None:
    """One batch, as the images come in."""
    spool = spool_at(world.ours.settings.instances)
    ingest_paths(write(folder / new_uid(), some), "CHA", world.ours.ledger, spool, lambda _: None)
    look(world)


def look(world: RuledWorld) -> None:
    for name in ("cumulative_dose", "patient_record"):
        world.work(name)


def dap(world: RuledWorld) -> float | None:
    (found,) = {identity for (identity,) in world.query("SELECT identity_id::text FROM cumulative_dose.dose_owner")}
    with world.ours.snapshot() as connection:
        shown = queries.dose(connection, [{"identity": found, "assigner": "CHA", "local_id": "17"}])
    value: float | None = shown["totals"]["dap_mgycm2"]
    return value


def again(world: RuledWorld, *, write: bool = False, study: UUID | None = None) -> dict[str, Any]:
    done = reread(world.ours, Wish(study=study, write=write), "system:test")
    look(world)
    return done


def test_what_is_read_otherwise_is_shown_first_then_recorded_once(
    world: RuledWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two batches of one device and one of another: each device has one statement afterwards."""
    study = new_uid()
    with monkeypatch.context() as before:
        before.setitem(images._DOSES, "dap", MISTAKEN)
        take(world, tmp_path, view(study, 1, "1"), view(study, 2, "2", serial="8"))
        take(world, tmp_path, view(study, 3, "4"))
        assert again(world)["changed"] == []
    assert dap(world) == 70.0
    head = world.head()
    shown = again(world)
    assert (shown["read"], shown["same"], shown["refused"], world.head()) == (2, 0, [], head)
    assert sorted(one["changes"] for one in shown["changed"]) == [
        ["dap_mgycm2 of 1 exposures", "raw of 1 exposures"],
        ["dap_mgycm2 of 2 exposures", "raw of 2 exposures"],
    ]
    assert dap(world) == 70.0
    written = again(world, write=True)
    assert [one["written"] for one in written["changed"]] == [True, True]
    assert dap(world) == 700.0
    head = world.head()
    last = again(world, write=True)
    assert (last["same"], last["changed"], world.head()) == (2, [], head)


def test_of_a_study_of_which_an_image_is_not_here_nothing_is_read(
    world: RuledWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = new_uid()
    with monkeypatch.context() as before:
        before.setitem(images._DOSES, "dap", MISTAKEN)
        take(world, tmp_path, view(study, 1, "1"), view(study, 2, "2"))
    world.query("UPDATE patient_record.study SET instances = instances + 1 RETURNING study_id")
    (refused,) = again(world, write=True)["refused"]
    assert refused["reason"] == "not all images of the study are kept here"
    assert dap(world) == 30.0


def test_a_device_whose_report_came_is_left_beside_one_that_has_none(world: RuledWorld, tmp_path: Path) -> None:
    """Its images stated what the report tells now, and would be new at each reading."""
    study = new_uid()
    take(world, tmp_path, view(study, 1, "1"), view(study, 2, "2", serial="8"))
    report = instance(
        StudyInstanceUID=study, SOPClassUID=uids.XRayRadiationDoseSRStorage, DeviceSerialNumber="8", PatientID="17"
    )
    report.ContentSequence = Sequence([projection(number("122130", "3e-6", GY_M2), event="2.25.4")])
    take(world, tmp_path, report)
    assert dap(world) == 130.0
    for recorded in (True, False):
        done = again(world, write=recorded)
        assert (done["changed"], done["refused"]) == ([], [])
    assert dap(world) == 130.0


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(site="CHX"), "no establishment CHX: krypton site list"),
        (Wish(study=UUID(int=7)), "krypton dose reports --all"),
        (Wish(report="2.25.77"), "krypton dose reports --all"),
    ],
    ids=["site", "study", "report"],
)
def test_what_is_not_on_record_is_not_found(world: RuledWorld, tmp_path: Path, wish: Wish, said: str) -> None:
    """Nothing read would look like nothing that differs."""
    take(world, tmp_path, view(new_uid(), 1, "1"))
    with pytest.raises(NotFound, match=said):
        reread(world.ours, wish, "system:test")
    assert reread(world.ours, Wish(site="CHB"), "system:test")["read"] == 0
