"""A study that is taken away is a folder that any DICOM program opens, with the very bytes that came in."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet

from adapters.archive.archive import Archive, NotHeld
from adapters.archive.media import CHECKSUMS, Damaged, write_study
from adapters.dicom.dicomdir import listed
from adapters.dicom.inlet import spool_at
from adapters.inbox.spool import Spool
from tests.fakes.dicom import ROOT, SITE, enrolled, report
from tests.fakes.ledger import MemoryLedger
from tests.unit.test_archive_study import OTHERS, arrive, image


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_at(tmp_path / "spool", room=0)


@pytest.fixture
def ledger() -> MemoryLedger:
    return enrolled()


def study_of(spool: Spool, ledger: MemoryLedger) -> str:
    """Two series of images, and a report without any number."""
    text = report(SOPInstanceUID=f"{ROOT}7.3.1", SeriesInstanceUID=f"{ROOT}1.3")
    text.CompletionFlag, text.VerificationFlag = "COMPLETE", "UNVERIFIED"
    text.ContentDate, text.ContentTime = "20260105", "1030"
    return arrive(spool, ledger, [image(1), image(2), image(3), image(1, series=2), text])


def exported(spool: Spool, ledger: MemoryLedger, folder: Path) -> Path:
    assert write_study(Archive(spool), study_of(spool, ledger), folder) == 5
    return folder


def test_pydicom_opens_the_file_set_and_finds_every_instance(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path
) -> None:
    files = FileSet(exported(spool, ledger, tmp_path / "out") / "DICOMDIR")
    with files._stage["t"]:  # pydicom leaves it to the garbage collector
        assert {one.SOPInstanceUID for one in files} == {f"{ROOT}7.{n}" for n in ("1.1", "1.2", "1.3", "2.1", "3.1")}
        assert files.find_values("PatientID") == ["T-1"]
        assert {str(name) for name in files.find_values("PatientName")} == {"ESSAI^Élodie"}
        assert sorted(map(int, files.find_values("SeriesNumber"))) == [1, 2, 3]


def test_the_records_form_a_tree_of_patient_study_series_and_instances(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path
) -> None:
    directory = dcmread(exported(spool, ledger, tmp_path / "out") / "DICOMDIR")
    at = {one.seq_item_tell: one for one in directory.DirectoryRecordSequence}

    def tree(offset: int) -> list[tuple[str, list[object]]]:
        found: list[tuple[str, list[object]]] = []
        while offset:
            record = at[offset]
            below: list[object] = list(tree(record.OffsetOfReferencedLowerLevelDirectoryEntity))
            found.append((record.DirectoryRecordType, below))
            offset = record.OffsetOfTheNextDirectoryRecord
        return found

    root = directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity
    nothing: list[object] = []
    images, image_alone, text = [("IMAGE", nothing)] * 3, [("IMAGE", nothing)], [("SR DOCUMENT", nothing)]
    series = [("SERIES", images), ("SERIES", image_alone), ("SERIES", text)]
    assert tree(root) == [("PATIENT", [("STUDY", series)])]
    assert directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity == root


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed: Debian's dicom3tools")
def test_dciodvfy_finds_no_error_in_the_directory(spool: Spool, ledger: MemoryLedger, tmp_path: Path) -> None:
    folder = exported(spool, ledger, tmp_path / "out")
    said = subprocess.run(["dciodvfy", str(folder / "DICOMDIR")], capture_output=True, text=True, check=False)
    assert "BasicDirectory" in said.stderr
    assert [line for line in said.stderr.splitlines() if line.startswith("Error")] == []


def test_each_file_is_byte_for_byte_what_came_in_and_is_listed(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path
) -> None:
    folder = exported(spool, ledger, tmp_path / "out")
    paths = list(listed(folder / "DICOMDIR"))
    assert sorted(paths) == sorted((folder / "DICOM").rglob("IM*"))
    for path in paths:
        assert path.read_bytes() == spool.claim(SITE, str(_read(path).SOPInstanceUID)).read_bytes()


def _read(path: Path) -> Dataset:
    return dcmread(path, stop_before_pixels=True)


def test_checksums_cover_every_other_file(spool: Spool, ledger: MemoryLedger, tmp_path: Path) -> None:
    folder = exported(spool, ledger, tmp_path / "out")
    lines = (line.split("  ") for line in (folder / CHECKSUMS).read_text().splitlines())
    told = {name: digest for digest, name in lines}
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    assert told.keys() == files.keys() - {CHECKSUMS}
    assert all(hashlib.sha256(files[name].read_bytes()).hexdigest() == digest for name, digest in told.items())


def test_only_the_owner_reads_it(spool: Spool, ledger: MemoryLedger, tmp_path: Path) -> None:
    folder = exported(spool, ledger, tmp_path / "out")
    assert [path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & OTHERS] == []


def test_a_damaged_instance_is_not_given_out_and_nothing_is_left(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path
) -> None:
    study = study_of(spool, ledger)
    Archive(spool).study(study)
    claim = spool.claim(SITE, f"{ROOT}7.2.1")
    claim.write_bytes(claim.read_bytes()[:-1] + b"\xff")
    with pytest.raises(Damaged, match=f"{ROOT}7.2.1 is not what came in"):
        write_study(Archive(spool), study, tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


def test_a_folder_that_is_there_is_left_alone(spool: Spool, ledger: MemoryLedger, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="name a new folder"):
        write_study(Archive(spool), study_of(spool, ledger), tmp_path)


def test_a_study_without_instances_here_writes_nothing(spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(NotHeld):
        write_study(Archive(spool), "00000000-0000-8000-8000-000000000009", tmp_path / "out")
    assert not (tmp_path / "out").exists()
