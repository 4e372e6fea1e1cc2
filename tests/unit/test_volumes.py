"""Studies on several volumes: moved whole, found as ever, never half, and a volume that is away is said to be away."""

import os
import shutil
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.archive.archive import Archive
from adapters.archive.keeping import Keeping
from adapters.archive.media import write_study
from adapters.archive.moving import Moving
from adapters.archive.scrub import look
from adapters.archive.study import bring_up_to_date
from adapters.dicom.folder import ingest_paths
from adapters.dicom.inlet import spool_at
from adapters.inbox import volumes as moving
from adapters.inbox.filed import delete_filed, filed
from adapters.inbox.linked import LINKS, MARK, VolumeAway
from adapters.inbox.spool import Spool
from adapters.inbox.volumes import Volumes
from krypton.errors import SettingsWrong
from krypton.services.image_health import problems_of_volumes
from krypton.settings import Settings
from tests.fakes.dicom import ROOT, SITE, enrolled, instances_recorded, of_type, write
from tests.fakes.ledger import MemoryLedger
from tests.unit.test_archive_study import OTHERS, alone, arrive, image


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_at(tmp_path / "spool", room=10)


@pytest.fixture
def ledger() -> MemoryLedger:
    return enrolled()


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Free bytes of each volume, by name; they may be changed."""
    free = {"a": 1_000, "b": 2_000}
    for name in free:
        (tmp_path / name).mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free.get(Path(folder).name, 1 << 40)))
    return free


@pytest.fixture
def volumes(spool: Spool, room: dict[str, int], tmp_path: Path) -> Volumes:
    return Volumes(spool, [tmp_path / name for name in room])


def lies(spool: Spool, uid: str) -> str:
    """The name of the volume on which an instance lies, or of the spool."""
    return spool.claim(SITE, uid).resolve().relative_to(spool.root.parent.resolve()).parts[0]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def away(volume: Path) -> None:
    """It is not mounted: its folder is an empty one."""
    volume.rename(volume.with_name(f"{volume.name}-elsewhere"))
    volume.mkdir()


def back(volume: Path) -> None:
    volume.rmdir()
    volume.with_name(f"{volume.name}-elsewhere").rename(volume)


def test_a_study_goes_whole_to_the_volume_with_most_room_and_is_found_as_ever(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, tmp_path: Path
) -> None:
    study = arrive(spool, ledger, [image(1), image(2), image(1, series=2)])
    archive = Archive(spool)
    before = archive.study(study), archive.metadata(study, f"{ROOT}1.1"), archive.instances(study, f"{ROOT}1.1")
    content = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in filed(spool, study)}
    assert volumes.move(study) == 0
    assert {lies(spool, uid) for uid in content} == {"b"}
    assert names(tmp_path / "b") == {MARK, *(f"{SITE}_{uid}" for uid in content)}
    assert names(tmp_path / "a") == {MARK}
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in filed(spool, study)} == content
    after = archive.study(study), archive.metadata(study, f"{ROOT}1.1"), archive.instances(study, f"{ROOT}1.1")
    assert after == before
    assert archive.frame(archive.instance(study, f"{ROOT}1.1", f"{ROOT}7.1.2"), 2) == bytes([2, 1])
    assert [one.problem for one in look(spool, study)] == [None] * 3
    assert write_study(archive, study, tmp_path / "out") == 3
    made = list((tmp_path / "b").rglob("*"))
    assert [path for path in (tmp_path / "b", *made) if path.stat().st_mode & OTHERS] == []
    assert volumes.move(study) == 0


def test_what_comes_later_of_a_study_goes_where_the_study_is(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, room: dict[str, int]
) -> None:
    study = arrive(spool, ledger, [image(1)])
    volumes.move(study)
    room["a"] = 9_000
    arrive(spool, ledger, [image(2)])
    other = arrive(spool, ledger, [alone(5)])
    volumes.move(study)
    volumes.move(other)
    assert [lies(spool, f"{ROOT}{uid}") for uid in ("7.1.1", "7.1.2", "9.5")] == ["b", "b", "a"]
    room["b"] = 5
    arrive(spool, ledger, [image(3)])
    volumes.move(study)
    assert lies(spool, f"{ROOT}7.1.3") == "a"


def test_a_volume_that_is_full_or_away_is_named_and_stops_no_other(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, room: dict[str, int], tmp_path: Path
) -> None:
    volumes.look()
    away(tmp_path / "b")
    study = arrive(spool, ledger, [image(1)])
    assert volumes.move(study) == 0
    assert lies(spool, f"{ROOT}7.1.1") == "a"
    room["a"] = 5
    other = arrive(spool, ledger, [alone(5)])
    assert volumes.move(other) == 1
    assert lies(spool, f"{ROOT}9.5") == "spool"
    why = {one.folder.name: one.why for one in volumes.look()}
    assert why["a"] == "it is full"
    assert why["b"].startswith("it is not mounted")
    assert names(tmp_path / "b") == set()


def test_a_folder_with_something_in_it_is_made_no_volume(spool: Spool, volumes: Volumes, tmp_path: Path) -> None:
    spool.root.mkdir(exist_ok=True)
    (tmp_path / "a" / "of-somebody-else").touch()
    (tmp_path / "b" / "lost+found").mkdir()
    assert [bool(one.why) for one in volumes.look()] == [True, False]
    assert not (tmp_path / "a" / MARK).exists()


def test_a_volume_may_be_mounted_elsewhere_than_before(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, room: dict[str, int], tmp_path: Path
) -> None:
    study = arrive(spool, ledger, [image(1)])
    volumes.move(study)
    (tmp_path / "b").rename(tmp_path / "c")
    room["c"] = 3_000
    Volumes(spool, [tmp_path / "a", tmp_path / "c"]).look()
    assert lies(spool, f"{ROOT}7.1.1") == "c"
    assert [one.problem for one in look(spool, study)] == [None]


def test_an_instance_that_is_still_being_recorded_is_not_moved(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, tmp_path: Path
) -> None:
    """Its pending name and its claim are one file."""
    study = arrive(spool, ledger, [image(1), image(2)])
    os.link(spool.claim(SITE, f"{ROOT}7.1.1"), tmp_path / "pending")
    assert volumes.move(study) == 1
    assert [lies(spool, f"{ROOT}7.1.{n}") for n in (1, 2)] == ["spool", "b"]
    (tmp_path / "pending").unlink()
    assert volumes.move(study) == 0
    assert lies(spool, f"{ROOT}7.1.1") == "b"


def test_what_is_sent_again_is_compared_with_what_lies_on_the_volume(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, tmp_path: Path
) -> None:
    study = arrive(spool, ledger, [image(1)])
    volumes.move(study)
    arrive(spool, ledger, [image(1)])
    assert (instances_recorded(ledger), of_type(ledger, "study.conflict_found")) == (1, [])
    arrive(spool, ledger, [image(1, StudyDescription="Autre")])
    assert len(of_type(ledger, "study.conflict_found")) == 1
    assert lies(spool, f"{ROOT}7.1.1") == "b"


def test_while_a_volume_is_away_nothing_is_taken_for_another_or_for_gone(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, tmp_path: Path
) -> None:
    study = arrive(spool, ledger, [image(1)])
    bring_up_to_date(spool, study)
    volumes.move(study)
    away(tmp_path / "b")
    files = write(tmp_path / "again", [image(1)])
    with pytest.raises(VolumeAway, match="/b is not there: mount it"):
        ingest_paths(files, SITE, ledger, spool, lambda _: None)
    assert list(spool.pending()) == []
    with pytest.raises(VolumeAway):
        list(look(spool, study))
    with pytest.raises(VolumeAway):
        delete_filed(spool, study, 10)
    assert Archive(spool).study(study)["series"][0]["instances"] == 1
    assert not list((spool.root / "archive").glob("rot/*"))
    back(tmp_path / "b")
    assert ingest_paths(files, SITE, ledger, spool, lambda _: None).duplicates == 1
    assert [one.problem for one in look(spool, study)] == [None]


def test_a_deletion_takes_the_item_from_its_volume_and_frees_its_claim(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, tmp_path: Path
) -> None:
    study = arrive(spool, ledger, [image(1), image(2)])
    volumes.move(study)
    assert delete_filed(spool, study, 10) == 2
    assert names(tmp_path / "b") == {MARK}
    for number in (1, 2):
        assert not os.path.lexists(spool.claim(SITE, f"{ROOT}7.1.{number}"))


def test_a_deletion_that_was_killed_between_item_and_link_is_finished(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, tmp_path: Path
) -> None:
    study = arrive(spool, ledger, [image(1)])
    volumes.move(study)
    claim = spool.claim(SITE, f"{ROOT}7.1.1")
    claim.resolve().unlink()
    assert delete_filed(spool, study, 10) == 0
    assert not os.path.lexists(claim)


def test_what_is_sent_again_between_the_two_is_taken_in(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, tmp_path: Path
) -> None:
    study = arrive(spool, ledger, [image(1)])
    volumes.move(study)
    spool.claim(SITE, f"{ROOT}7.1.1").resolve().unlink()
    arrive(spool, ledger, [image(1), image(2)])
    assert lies(spool, f"{ROOT}7.1.1") == "spool"
    assert spool.claim(SITE, f"{ROOT}7.1.1").is_file()


def test_what_is_deleted_while_it_is_moved_stays_deleted(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = arrive(spool, ledger, [image(1)])
    copy = Volumes._copy

    def copied(*files: Path) -> None:
        copy(*files)
        delete_filed(spool, study, 10)

    monkeypatch.setattr(Volumes, "_copy", staticmethod(copied))
    assert volumes.move(study) == 0
    assert names(tmp_path / "b") == {MARK}
    assert not os.path.lexists(spool.claim(SITE, f"{ROOT}7.1.1"))


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("dies", ["in the copy", "before the link", "within the link"])
def test_whatever_a_move_dies_at_the_next_one_finishes_it(
    spool: Spool,
    ledger: MemoryLedger,
    volumes: Volumes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dies: str,
) -> None:
    study = arrive(spool, ledger, [image(1), image(2)])
    volumes.look()
    content, replace = {path.name: path.read_bytes() for path in filed(spool, study)}, Path.replace

    def die(*_: Any, **__: Any) -> None:
        raise Died

    with monkeypatch.context() as patched:
        if dies == "in the copy":
            patched.setattr(os, "utime", die)
        elif dies == "before the link":
            patched.setattr(moving, "_point", die)
        else:
            patched.setattr(Path, "replace", lambda at, to: die() if at.is_symlink() else replace(at, to))
            patched.setattr(Path, "unlink", lambda at, missing_ok=False: None)
        with pytest.raises(Died):
            volumes.move(study)
    assert {path.name: path.read_bytes() for path in filed(spool, study)} == content
    volumes.sweep()
    assert volumes.move(study) == 0
    assert {path.name: path.read_bytes() for path in filed(spool, study)} == content
    assert names(tmp_path / "b") == {MARK, *(f"{SITE}_{uid}" for uid in content)}
    assert [one for one in (spool.root / LINKS).iterdir() if one.name.startswith(".")] == []


def test_a_copy_that_no_claim_leads_to_goes_with_its_study(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process was killed between copy and link, and the person is erased before the next one moves it."""
    study = arrive(spool, ledger, [image(1)])

    def die(*_: Any, **__: Any) -> None:
        raise Died

    volumes.look()
    with monkeypatch.context() as patched:
        patched.setattr(moving, "_point", die)
        with pytest.raises(Died):
            volumes.move(study)
    assert len(names(tmp_path / "b")) == 2
    assert delete_filed(spool, study, 10) == 1
    assert names(tmp_path / "b") == {MARK}


def test_a_copy_that_is_another_one_replaces_nothing(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = arrive(spool, ledger, [image(1)])
    monkeypatch.setattr(shutil, "copyfileobj", lambda read, written, _: written.write(read.read()[:-1] + b"x"))
    with pytest.raises(OSError, match="the copy is another one"):
        volumes.move(study)
    assert lies(spool, f"{ROOT}7.1.1") == "spool"
    assert names(tmp_path / "b") == {MARK}


def test_studies_are_moved_once_their_metadata_are_made_and_what_is_there_already_as_it_is_read_again(
    spool: Spool, ledger: MemoryLedger, volumes: Volumes, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    before = arrive(spool, ledger, [alone(5)])
    bring_up_to_date(spool, before)
    arrive(spool, ledger, [image(1)])
    keeping = Keeping(spool, moving=Moving(volumes))
    keeping.make(Event())
    assert keeping.moving
    keeping.moving.run(Event())
    assert [lies(spool, f"{ROOT}{uid}") for uid in ("7.1.1", "9.5")] == ["b", "spool"]
    away(tmp_path / "a")
    while lies(spool, f"{ROOT}9.5") == "spool":
        keeping._scrub()
        keeping.moving.run(Event())
    assert caplog.text.count("a is not used: it is not mounted") == 1


def test_health_names_a_volume_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "dicom").mkdir()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    settings = Settings(home=tmp_path, dicom_volumes=(tmp_path / "a", tmp_path / "b"))
    assert [one.what for one in problems_of_volumes(settings) if "full" not in one.what] == []
    away(tmp_path / "b")
    (what,) = (one.what for one in problems_of_volumes(settings) if "full" not in one.what)
    assert what.startswith(f"volume {tmp_path / 'b'} is not used: it is not mounted")


def test_volumes_are_folders_with_colons_between(tmp_path: Path) -> None:
    def read(value: str) -> tuple[Path, ...]:
        return Settings.read({"KRYPTON_DICOM_VOLUMES": value}, tmp_path).dicom_volumes

    assert read("/mnt/a: b ") == (Path("/mnt/a"), tmp_path / "b")
    assert read("") == ()
    with pytest.raises(SettingsWrong, match="names a folder twice"):
        read("/mnt/a:/mnt/a")
