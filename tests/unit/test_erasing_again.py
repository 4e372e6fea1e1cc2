"""A DICOM folder follows erasures while its service runs, and what a backup brings back goes once it is recorded."""

import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from krypton.erasing import cleaning
from krypton.erasing.again import Again
from krypton.services import dicom
from tests.unit.test_dicom_crash import Died
from tests.unit.test_erasing_instances import Folder
from tests.waiting import WITHIN_S, until


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@contextmanager
def service(folder: Folder, clean_every_s: float) -> Iterator[None]:
    """The DICOM service, on a port of its own."""
    stop = Event()
    thread = Thread(target=dicom.serve, args=(folder.ours, stop, clean_every_s), kwargs={"keeps": False})
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(WITHIN_S)
        assert not thread.is_alive()


def test_a_service_that_runs_for_long_deletes_of_whoever_is_erased_meanwhile(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine carried the erasure out; this one does not start again."""
    started, from_the_start = Event(), Again.from_the_start

    def whole(again: Again) -> int:
        found = from_the_start(again)
        started.set()
        return found

    monkeypatch.setattr(Again, "from_the_start", whole)
    folder.receive("M", "1")
    folder.receive("P", "2")
    folder.later()
    with service(folder, clean_every_s=0.01):
        assert started.wait(WITHIN_S)
        folder.note("M")
        until(lambda: list(folder.held()) == ["instances P"], "the erased person's instances are gone")


def test_what_a_backup_had_in_hand_of_an_erased_person_goes_once_it_is_recorded(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger knows the batch and answers as the first time, so it is filed under the erased person's study."""
    monkeypatch.setattr(cleaning, "LOOK_S", 0.01)
    root, backup = folder.spool.root, folder.home / "dicom.tar"
    with pytest.raises(Died):
        folder.receive("M", "1", step="executed")
    with tarfile.open(backup, "w") as tar:
        tar.add(root, "dicom")
    folder.later()
    folder.note("M")
    shutil.rmtree(root)
    with tarfile.open(backup) as tar:
        tar.extractall(root.parent, filter="data")
    assert list(folder.held()) == ["instances M"]
    with service(folder, clean_every_s=3_600.0):
        until(lambda: not list(folder.held()) and not list(root.glob("work/*/batches/*")), "it is gone")
    assert not [file for file in root.rglob("*") if file.is_file()]


def test_a_database_that_is_away_is_asked_again(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "LOOK_S", 0.01)
    folder.receive("M", "1")
    folder.later()
    folder.note("M")
    again, away = Again(folder.ours), [OSError("away"), OSError("away")]
    whole = again.from_the_start

    def from_the_start() -> int:
        if away:
            raise away.pop()
        return whole()

    monkeypatch.setattr(again, "from_the_start", from_the_start)
    clean = cleaning.Cleaning(again, lambda: 0)
    clean.start()
    until(lambda: not list(folder.held()), "it is gone")
    clean.stop()
    assert not clean.is_alive()


def test_while_a_batch_is_in_hand_the_next_time_is_about_the_same_people(folder: Folder) -> None:
    folder.receive("P", "2")
    with pytest.raises(Died):
        folder.receive("M", "1", step="executed")
    folder.later()
    folder.note("M")
    again = Again(folder.ours)
    assert (again.follow(), again.upto) == (1, 0)
    shutil.rmtree(folder.spool.root / "work")
    assert (again.follow(), again.upto) == (1, folder.ledger.recorder.max_notification_id())
