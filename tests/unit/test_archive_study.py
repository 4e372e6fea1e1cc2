"""What the archive keeps of a study is that of the instances held, whatever came when and whatever died."""

import errno
import gzip
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

import pytest
from pydicom.dataset import Dataset

from adapters.archive import archive as archive_files
from adapters.archive import series as series_files
from adapters.archive import study as study_files
from adapters.archive.archive import Archive, NotHeld
from adapters.archive.keeping import Keeping
from adapters.archive.pixels import NoFrame
from adapters.archive.places import folder_of
from adapters.archive.scrub import CHANGED, MISSING, Pass, look, orphans, rotten
from adapters.archive.study import bring_up_to_date, forget, fresh
from adapters.dicom.folder import ingest_paths
from adapters.dicom.inlet import spool_at
from adapters.inbox.filed import delete_filed, grown
from adapters.inbox.spool import Spool
from tests.fakes.dicom import OTHER_SITE, ROOT, SITE, enrolled, instance, of_type, write
from tests.fakes.ledger import MemoryLedger
from tests.waiting import WITHIN_S

OTHERS = 0o077
NUMBER = "00200013"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_at(tmp_path / "spool", room=0)


@pytest.fixture
def ledger() -> MemoryLedger:
    return enrolled()


@pytest.fixture
def archive(spool: Spool) -> Archive:
    return Archive(spool)


def image(number: int, series: int = 1, **changes: Any) -> Dataset:
    """A CT image of two frames."""
    stated: dict[str, Any] = {"SOPInstanceUID": f"{ROOT}7.{series}.{number}", "InstanceNumber": number}
    stated |= {"SeriesInstanceUID": f"{ROOT}1.{series}", "SeriesNumber": series, "SeriesDescription": f"Série {series}"}
    stated |= {
        "Rows": 1,
        "Columns": 2,
        "BitsAllocated": 8,
        "NumberOfFrames": 2,
        "PixelData": bytes([number, 0, number, 1]),
    }
    dataset = instance(**(stated | changes))
    dataset["PixelData"].VR = "OB"
    return dataset


def alone(study: int) -> Dataset:
    """The only image of a study."""
    return image(1, StudyInstanceUID=f"{ROOT}{study}", SOPInstanceUID=f"{ROOT}9.{study}")


def arrive(spool: Spool, ledger: MemoryLedger, datasets: Sequence[Dataset], site: str = SITE) -> str:
    """Take instances in, as from a site; the id of their study."""
    folder = spool.root.parent / f"in-{len(list(spool.root.parent.iterdir()))}"
    ingest_paths(write(folder, datasets), site, ledger, spool, lambda _: None)
    return str(of_type(ledger, "study.arrived", "study.extended")[-1].aggregate_id)


def numbers(archive: Archive, study: str, series: int = 1) -> list[int]:
    """The instance numbers in the metadata of a series, which are those of its index, too."""
    uid = f"{ROOT}1.{series}"
    told = json.loads(gzip.decompress(archive.metadata(study, uid)))
    rows = archive.instances(study, uid)
    assert [one["00080018"]["Value"][0] for one in told] == [row["sop_uid"] for row in rows]
    return [one[NUMBER]["Value"][0] for one in told]


def files(spool: Spool, study: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder_of(spool, study).iterdir()}


def test_a_study_that_came_in_is_told_by_series_without_its_instances(
    spool: Spool, ledger: MemoryLedger, archive: Archive
) -> None:
    study = arrive(spool, ledger, [image(2), image(1), image(1, series=2)])
    bring_up_to_date(spool, study)
    for held in (spool.root / "instances").rglob("*"):
        if held.is_file():
            held.chmod(0)
    told = archive.study(study)
    assert [(one["uid"], one["instances"]) for one in told["series"]] == [(f"{ROOT}1.1", 2), (f"{ROOT}1.2", 1)]
    assert told["series"][1]["said"]["0008103E"] == {"vr": "LO", "Value": ["Série 2"]}
    assert told["said"]["00100020"] == {"vr": "LO", "Value": ["T-1"]}
    assert numbers(archive, study) == [1, 2]
    row = archive.instance(study, f"{ROOT}1.1", f"{ROOT}7.1.2")
    assert row["said"]["00080018"]["Value"] == [f"{ROOT}7.1.2"]


def test_each_frame_is_given_out_by_number(spool: Spool, ledger: MemoryLedger, archive: Archive) -> None:
    study = arrive(spool, ledger, [image(1), image(2)])
    row = archive.instance(study, f"{ROOT}1.1", f"{ROOT}7.1.2")
    assert [archive.frame(row, number) for number in (1, 2)] == [bytes([2, 0]), bytes([2, 1])]
    with pytest.raises(NoFrame):
        archive.frame(row, 3)


def test_an_instance_that_comes_later_joins_its_series(spool: Spool, ledger: MemoryLedger, archive: Archive) -> None:
    study = arrive(spool, ledger, [image(1), image(3)])
    assert numbers(archive, study) == [1, 3]
    assert arrive(spool, ledger, [image(2), image(4), image(9, series=2)]) == study
    assert numbers(archive, study) == [1, 2, 3, 4]
    assert numbers(archive, study, 2) == [9]


def test_files_made_bit_by_bit_are_those_made_at_once(spool: Spool, ledger: MemoryLedger, archive: Archive) -> None:
    study = arrive(spool, ledger, [image(1)])
    bring_up_to_date(spool, study)
    arrive(spool, ledger, [image(3), image(2, series=2)])
    bring_up_to_date(spool, study)
    arrive(spool, ledger, [image(2)])
    bring_up_to_date(spool, study)
    bit_by_bit = files(spool, study)
    forget(spool, study)
    bring_up_to_date(spool, study)
    assert files(spool, study) == bit_by_bit


def test_to_do_it_again_changes_and_reads_nothing(spool: Spool, ledger: MemoryLedger) -> None:
    study = arrive(spool, ledger, [image(1), image(2)])
    assert bring_up_to_date(spool, study).read == 2
    before = files(spool, study)
    assert bring_up_to_date(spool, study, whole=True).read == 0
    assert files(spool, study) == before


@pytest.mark.parametrize("suffix", ["study.json", ".index", ".json.gz"])
@pytest.mark.parametrize("how", ["missing", "cut off", "empty"])
def test_a_file_that_is_lost_or_damaged_is_made_again(
    spool: Spool, ledger: MemoryLedger, archive: Archive, suffix: str, how: str
) -> None:
    study = arrive(spool, ledger, [image(1), image(2), image(1, series=2)])
    bring_up_to_date(spool, study)
    before = files(spool, study)
    for file in folder_of(spool, study).glob(f"*{suffix}"):
        if how == "missing":
            file.unlink()
        else:
            os.truncate(file, file.stat().st_size // 2 if how == "cut off" else 0)
    bring_up_to_date(spool, study, whole=True)
    assert files(spool, study) == before


class Died(BaseException):
    """The process is gone: no handler sees it."""


WRITES = 5  # two files of each series, and the study's


@pytest.mark.parametrize("at", range(WRITES))
def test_wherever_a_process_dies_the_next_one_finishes(
    spool: Spool, ledger: MemoryLedger, archive: Archive, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    study = arrive(spool, ledger, [image(1), image(1, series=2)])
    bring_up_to_date(spool, study)
    arrive(spool, ledger, [image(2), image(2, series=2)])
    with monkeypatch.context() as patched:
        dies = _dying(at)
        for module in (series_files, study_files):
            patched.setattr(module, "write", dies(module.write))
        patched.setattr(series_files, "_write_gzip", dies(series_files._write_gzip))
        with pytest.raises(Died):
            bring_up_to_date(spool, study)
    assert grown(spool) == [study]
    assert numbers(archive, study) == numbers(archive, study, 2) == [1, 2]
    bring_up_to_date(spool, study)
    assert grown(spool) == []


def _dying(at: int) -> Any:
    """Wraps functions so that the call of that number, over all of them, is the last thing that a process does."""
    left = at

    def wrap(function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            nonlocal left
            done = function(*arguments)
            left -= 1
            if left < 0:
                raise Died
            return done

        return call

    return wrap


def test_who_reads_a_series_while_it_is_written_waits_and_gets_one_writing(
    spool: Spool, ledger: MemoryLedger, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They looked before it grew; the metadata are written by now, the index is not."""
    study = arrive(spool, ledger, [image(1)])
    archive.study(study)
    arrive(spool, ledger, [image(2)])
    monkeypatch.setattr(Archive, "study", lambda *_: {})
    written, goes_on, waits = Event(), Event(), Semaphore(0)
    writes, locked = vars(series_files)["write"], vars(archive_files)["alone"]

    def slow(*given: Any) -> None:
        written.set()
        goes_on.wait(WITHIN_S)
        writes(*given)

    def waiting(folder: Path) -> Any:
        waits.release()
        return locked(folder)

    monkeypatch.setattr(archive_files, "alone", waiting)
    monkeypatch.setattr(series_files, "write", slow)
    with ThreadPoolExecutor() as threads:
        writing = threads.submit(bring_up_to_date, spool, study)
        written.wait(WITHIN_S)
        reading = [
            threads.submit(lambda: [row["sop_uid"] for row in archive.each(study, f"{ROOT}1.1")]),
            threads.submit(lambda: [row["sop_uid"] for row, _ in archive.described(study, f"{ROOT}1.1")]),
        ]
        assert all(waits.acquire(timeout=WITHIN_S) for _ in reading)
        goes_on.set()
        assert writing.result(WITHIN_S).read == 1
        assert [one.result(WITHIN_S) for one in reading] == [[f"{ROOT}7.1.1", f"{ROOT}7.1.2"]] * 2


def test_what_arrives_is_made_ready_in_the_background(spool: Spool, ledger: MemoryLedger) -> None:
    studies = {arrive(spool, ledger, [alone(n)]) for n in (1, 2)}
    assert set(grown(spool)) == studies
    seen: list[None] = []
    Keeping(spool).make(Event(), lambda: seen.append(None))
    assert len(seen) == 2
    assert all(fresh(spool, study) for study in studies)
    assert grown(spool) == []


def test_a_study_that_fails_keeps_no_other_waiting(
    spool: Spool, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (arrive(spool, ledger, [alone(n)]) for n in (1, 2))
    (spool.root / "archive").mkdir()
    (spool.root / "archive" / bad[-3:]).touch()  # no folder can be made there
    if bad[-3:] == good[-3:]:
        pytest.skip("both ids end alike")
    keeping = Keeping(spool)
    keeping.make(Event())
    assert fresh(spool, good)
    assert grown(spool) == [bad]


def test_the_same_instance_from_two_sites_is_shown_once(spool: Spool, ledger: MemoryLedger, archive: Archive) -> None:
    study = arrive(spool, ledger, [image(1, IssuerOfPatientID=SITE)])
    again = arrive(spool, ledger, [image(1, IssuerOfPatientID=SITE), image(2, IssuerOfPatientID=SITE)], OTHER_SITE)
    assert again == study
    assert numbers(archive, study) == [1, 2]
    assert list(archive.study(study)["left_out"].values()) == [study_files.TWICE]


def test_what_cannot_be_read_is_left_out_and_named(spool: Spool, ledger: MemoryLedger, archive: Archive) -> None:
    study = arrive(spool, ledger, [image(1), image(2)])
    claim = spool.claim(SITE, f"{ROOT}7.1.2")
    claim.write_bytes(b"\0" * 300)
    assert numbers(archive, study) == [1]
    ((left_out, why),) = archive.study(study)["left_out"].items()
    assert spool.root / left_out == claim
    assert "not a DICOM file" in why
    assert damaged(spool, study) == {f"{ROOT}7.1.1": None, f"{ROOT}7.1.2": why}


@pytest.mark.parametrize("series", ["1.2.999", "../../../etc", ""])
def test_what_is_not_there_is_said(spool: Spool, ledger: MemoryLedger, archive: Archive, series: str) -> None:
    study = arrive(spool, ledger, [image(1)])
    with pytest.raises(NotHeld):
        archive.metadata(study, series)
    with pytest.raises(NotHeld):
        archive.instances(study, series)
    with pytest.raises(NotHeld):
        archive.instance(study, series, "1.2.3")
    with pytest.raises(NotHeld):
        archive.instance(study, f"{ROOT}1.1", "1.2.999")
    with pytest.raises(NotHeld):
        archive.study("00000000-0000-8000-8000-000000000009")


def test_nothing_is_left_of_a_study_whose_instances_were_deleted(
    spool: Spool, ledger: MemoryLedger, archive: Archive
) -> None:
    study = arrive(spool, ledger, [image(1)])
    archive.study(study)
    delete_filed(spool, study, 10)
    forget(spool, study)
    assert not folder_of(spool, study).exists()
    assert grown(spool) == []
    with pytest.raises(NotHeld):
        archive.study(study)


def test_what_a_crash_left_of_a_deleted_study_goes_at_the_next_start(
    spool: Spool, ledger: MemoryLedger, archive: Archive
) -> None:
    study = arrive(spool, ledger, [image(1)])
    archive.study(study)
    delete_filed(spool, study, 10)
    assert list(orphans(spool)) == [study]
    assert not folder_of(spool, study).exists()


def test_only_the_owner_reads_what_names_people(spool: Spool, ledger: MemoryLedger, archive: Archive) -> None:
    before = os.umask(0o022)
    try:
        study = arrive(spool, ledger, [image(1)])
        archive.study(study)
    finally:
        os.umask(before)
    held = [path for name in ("archive", "instances") for path in (spool.root / name).rglob("*") if path.is_file()]
    assert len(held) == 4
    assert [path for path in held if path.stat().st_mode & OTHERS] == []


def damaged(spool: Spool, study: str) -> dict[str, str | None]:
    return {Path(one.claim).name: one.problem for one in look(spool, study)}


@pytest.fixture
def held(spool: Spool, ledger: MemoryLedger) -> tuple[str, Path]:
    """A study of two instances, and the file of one of them."""
    study = arrive(spool, ledger, [image(1), image(2)])
    bring_up_to_date(spool, study)
    return study, spool.claim(SITE, f"{ROOT}7.1.2")


def test_a_byte_that_changed_is_found_and_noted_until_it_is_whole_again(spool: Spool, held: tuple[str, Path]) -> None:
    study, claim = held
    whole = claim.read_bytes()
    claim.write_bytes(whole[:-1] + b"\xff")
    assert damaged(spool, study) == {f"{ROOT}7.1.1": None, f"{ROOT}7.1.2": CHANGED}
    (noted,) = rotten(spool)
    assert (noted["study"], noted["problem"], spool.root / noted["claim"]) == (study, CHANGED, claim)
    claim.write_bytes(whole)
    assert set(damaged(spool, study).values()) == {None}
    assert rotten(spool) == []


@pytest.mark.parametrize("count", [0, 100, 400])
def test_a_file_that_was_cut_is_found(spool: Spool, held: tuple[str, Path], count: int) -> None:
    study, claim = held
    os.truncate(claim, count)
    assert damaged(spool, study)[f"{ROOT}7.1.2"]
    assert len(rotten(spool)) == 1


def test_what_the_disk_cannot_read_is_noted_and_the_pass_goes_on(
    spool: Spool, held: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    study, claim = held
    inode, read = claim.stat().st_ino, os.pread

    def broken(fd: int, count: int, at: int) -> bytes:
        if os.fstat(fd).st_ino == inode:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(fd, count, at)

    monkeypatch.setattr(os, "pread", broken)
    assert damaged(spool, study) == {f"{ROOT}7.1.1": None, f"{ROOT}7.1.2": "the disk cannot read it"}
    forget(spool, study)
    bring_up_to_date(spool, study)
    monkeypatch.undo()
    told = fresh(spool, study)
    assert told
    assert list(told["left_out"].values()) == ["the disk cannot read it"]
    monkeypatch.setattr(os, "pread", broken)
    assert damaged(spool, study) == {f"{ROOT}7.1.1": None, f"{ROOT}7.1.2": "the disk cannot read it"}
    monkeypatch.undo()


def test_a_file_that_is_gone_is_found_and_one_that_was_deleted_with_its_study_is_not(
    spool: Spool, held: tuple[str, Path]
) -> None:
    study, claim = held
    claim.unlink()
    assert damaged(spool, study)[f"{ROOT}7.1.2"] == MISSING
    delete_filed(spool, study, 10)
    forget(spool, study)
    assert damaged(spool, study) == {}
    assert rotten(spool) == []


def test_a_pass_goes_on_where_the_last_process_ended(spool: Spool, ledger: MemoryLedger) -> None:
    studies = {arrive(spool, ledger, [alone(n)]) for n in range(4)}
    steps = Pass(spool).steps()
    first = [next(steps).study for _ in range(3)]
    rest = [one.study for one in Pass(spool).steps()]
    assert {*first, *rest} == studies
    assert len(rest) == 2  # the one that may not be finished, and the last
    assert {one.study for one in Pass(spool).steps()} == studies
