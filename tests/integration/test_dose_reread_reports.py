"""Stored dose reports are read again: by a run that is killed, by two at once, and of whoever they are by now."""

import errno
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydicom import uid as uids
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from adapters.dicom import intake
from adapters.dicom.folder import ingest_paths
from adapters.dicom.inlet import spool_at
from domain.commands.identities import Register
from domain.commands.studies import ReassignStudy
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.services import dose_reread
from krypton.services.dose_reread import Wish, reread
from krypton.settings import Settings
from tests.fakes.dicom import instance, new_uid, write
from tests.forked import SERVER
from tests.integration.ruled_world import RuledWorld
from tests.unit.test_dose_report import MGY_CM, ct, item, number
from tests.waiting import WITHIN_S

pytestmark = pytest.mark.live
VIEWS = ("identity_index", "cumulative_dose", "dose_practice", "patient_record")
STORED, NOW = b"620.0", b"310.0"
"""What the files state when they come in, and as a later program reads them."""


class Stored:
    """Dose reports that came in, one for each of several persons."""

    def __init__(self, world: RuledWorld, home: Path, count: int) -> None:
        self.world, self._home = world, home
        self._spool = spool_at(world.ours.settings.instances)
        self.uids = [new_uid() for _ in range(count)]
        for place, uid in enumerate(self.uids):
            ingest_paths(
                write(home / uid, [report(uid, f"P{place}")]), "CHA", world.ours.ledger, self._spool, lambda _: None
            )
        self.look()

    def look(self) -> None:
        """What the workers do."""
        for view in VIEWS:
            self.world.work(view)

    def path(self, uid: str) -> Path:
        return self._spool.claim("CHA", uid)

    def change(self) -> None:
        """From now on each is read otherwise."""
        for uid in self.uids:
            path = self.path(uid)
            path.chmod(0o600)
            path.write_bytes(path.read_bytes().replace(STORED, NOW))

    def again(self, *, write: bool = True) -> dict[str, Any]:
        done = reread(self.world.ours, Wish(write=write), "system:test")
        self.look()
        return done

    def recorded(self) -> list[dict[str, Any]]:
        return [event.data for event in self.world.history() if event.type == "dose.reported"]

    def readings(self) -> list[int]:
        """How often each report is on record."""
        return sorted(Counter(one["study_id"] for one in self.recorded()).values())


def report(uid: str, patient: str) -> Dataset:
    of = {"StudyInstanceUID": new_uid(), "SeriesInstanceUID": new_uid(), "PatientID": patient, "Modality": "SR"}
    made = instance(SOPInstanceUID=uid, SOPClassUID=uids.XRayRadiationDoseSRStorage, **of)
    shot = ct(item("125203", "TEXT", TextValue="Mirabelle"), number("113838", STORED.decode(), MGY_CM), event=new_uid())
    made.ContentSequence = Sequence([shot])
    return made


@pytest.fixture
def world(installed_url: str, tmp_path: Path) -> Iterator[RuledWorld]:
    made = RuledWorld(installed_url, tmp_path)
    yield made
    made.close()


def killed(settings: Settings, after: int) -> None:
    """In a process of its own: a run that is killed once so many reports are done."""
    left = [after]

    def step() -> None:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    ours = Krypton(settings, Addresses("127.0.0.1:1", str(settings.database)))
    reread(ours, Wish(write=True), "system:test", step=step)


def test_a_run_that_was_killed_is_run_again_and_each_report_is_recorded_once(world: RuledWorld, tmp_path: Path) -> None:
    stored = Stored(world, tmp_path, 4)
    stored.change()
    process = SERVER.Process(target=killed, args=(world.ours.settings, 2))
    process.start()
    process.join(WITHIN_S)
    assert process.exitcode == -signal.SIGKILL
    assert stored.readings() == [1, 1, 2, 2]
    stored.look()
    done = stored.again()
    assert (done["same"], len(done["changed"]), done["refused"]) == (2, 2, [])
    assert stored.readings() == [2, 2, 2, 2]
    assert (stored.again()["same"], stored.readings()) == (4, [2, 2, 2, 2])


def test_a_run_whose_views_are_late_records_nothing_twice(world: RuledWorld, tmp_path: Path) -> None:
    """What another run wrote meanwhile is told, and left as it is."""
    stored = Stored(world, tmp_path, 2)
    stored.change()
    for _ in range(2):
        done = reread(world.ours, Wish(write=True), "system:test")
    assert [one["reason"].partition("was ")[2] for one in done["refused"]] == [
        "read again meanwhile: run krypton dose reread again (D6)"
    ] * 2
    assert stored.readings() == [2, 2]


def test_two_runs_at_once_record_each_report_once(
    world: RuledWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = Stored(world, tmp_path, 2)
    stored.change()
    real, others = intake.dose_in, list[dict[str, Any]]()

    def then_another_run(path: Path, site: str) -> Any:
        read = real(path, site)
        monkeypatch.setattr(dose_reread, "dose_in", real)
        others.append(reread(world.ours, Wish(write=True), "system:other"))
        return read

    monkeypatch.setattr(dose_reread, "dose_in", then_another_run)
    done = reread(world.ours, Wish(write=True), "system:test")
    assert [len(others[0]["changed"]), len(done["changed"]), len(done["refused"])] == [2, 0, 2]
    assert stored.readings() == [2, 2]


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_read(
    world: RuledWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = Stored(world, tmp_path, 3)
    stored.change()
    broken, real = stored.path(stored.uids[1]), intake.dose_in

    def from_a_bad_disk(path: Path, site: str) -> Any:
        if path == broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return real(path, site)

    monkeypatch.setattr(dose_reread, "dose_in", from_a_bad_disk)
    done = stored.again()
    assert (len(done["changed"]), stored.readings()) == (2, [1, 2, 2])
    (refused,) = done["refused"]
    assert (refused["report_uid"], refused["reason"]) == (
        stored.uids[1],
        "its file cannot be read (Input/output error)",
    )


def test_words_for_tests_of_devices_hold_for_reports_that_came_before_once_these_are_read_again(
    world: RuledWorld, tmp_path: Path
) -> None:
    stored = Stored(world, tmp_path, 2)
    world.publish("phantom-words", 1, {"words": [{"word": "mirabelle", "in": "protocol"}]})
    counted = "SELECT count(*) FROM dose_practice.exposure WHERE counts"
    assert world.query(counted) == [(2,)]
    assert [one["changes"] for one in stored.again(write=False)["changed"]] == [["qa"], ["qa"]]
    stored.again()
    assert world.query(counted) == [(0,)]
    done = stored.again()
    assert (done["same"], done["changed"]) == (2, [])
    world.publish("phantom-words", 2, {"words": [{"word": "mirabelle", "in": "protocol", "site": "CHB"}]})
    stored.again()
    assert world.query(counted) == [(2,)]


def test_of_whom_a_report_was_and_is_erased_nothing_is_read(world: RuledWorld, tmp_path: Path) -> None:
    stored = Stored(world, tmp_path, 2)
    stored.change()
    gone = stored.recorded()[0]
    world.ours.vault.destroy(gone["identity_id"])
    done = stored.again()
    assert (done["no_file"], len(done["changed"]), done["refused"]) == (1, 1, [])
    assert [one["study"] for one in done["changed"]] == [stored.recorded()[1]["study_id"]]


def test_a_report_whose_study_went_to_another_person_is_read_again_for_them(world: RuledWorld, tmp_path: Path) -> None:
    stored = Stored(world, tmp_path, 1)
    stored.change()
    (before,) = stored.recorded()
    other = world.ask(Register(assigner="CHA", local_id="another", stated={"family": "FICTIVE"})).result["identity"]
    study = UUID(before["study_id"])
    world.ask(ReassignStudy(study=study, to_identity=UUID(str(other)), reason="wrong patient chosen"))
    stored.look()
    stored.again()
    assert [one["identity_id"] for one in stored.recorded()] == [before["identity_id"], str(other)]
    assert stored.again()["same"] == 1
