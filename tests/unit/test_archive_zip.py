"""A study as a ZIP file: the files of the folder, of a length that is known, opened by whatever opens ZIP."""

import zlib
from io import BytesIO
from pathlib import Path
from struct import unpack_from
from zipfile import ZIP_STORED, ZipFile

import pytest
from pydicom.fileset import FileSet

from adapters.archive.archive import Archive
from adapters.archive.media import Damaged, write_study, write_zip, zip_study
from adapters.archive.zipped import Member, Zip
from adapters.dicom.inlet import spool_at
from adapters.inbox.spool import Spool
from tests.fakes.dicom import ROOT, SITE, enrolled
from tests.fakes.ledger import MemoryLedger
from tests.unit.test_archive_media import study_of
from tests.unit.test_archive_study import OTHERS

GIB = 1 << 30


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_at(tmp_path / "spool", room=0)


@pytest.fixture
def ledger() -> MemoryLedger:
    return enrolled()


def in_order(data: bytes) -> dict[str, bytes]:
    """The files, as a program finds them that reads from the front and never goes back."""
    found, at = {}, 0
    while data[at : at + 4] == b"PK\x03\x04":
        flags, method, _, crc, size, _, name, extra = unpack_from("<HHLLLLHH", data, at + 6)
        assert (flags & 0x08, method) == (0, ZIP_STORED)
        begin = at + 30 + name + extra
        content = data[begin : begin + size]
        assert zlib.crc32(content) == crc
        found[data[at + 30 : at + 30 + name].decode()] = content
        at = begin + size
    return found


def test_it_holds_the_files_of_the_folder_and_is_as_long_as_was_said(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path
) -> None:
    study, steps = study_of(spool, ledger), list[None]()
    assert write_study(Archive(spool), study, tmp_path / "folder") == 5
    assert write_zip(Archive(spool), study, tmp_path / "study.zip", lambda: steps.append(None)) == 5
    assert len(steps) == 5
    made = tmp_path / "study.zip"
    folder = {
        str(path.relative_to(tmp_path / "folder")): path.read_bytes()
        for path in (tmp_path / "folder").rglob("*")
        if path.is_file()
    }
    with ZipFile(made) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == folder
        opened.extractall(tmp_path / "out")
    assert in_order(made.read_bytes()) == folder
    assert zip_study(Archive(spool), study).size == made.stat().st_size
    assert not made.stat().st_mode & OTHERS
    files = FileSet(tmp_path / "out" / "DICOMDIR")
    with files._stage["t"]:  # pydicom leaves it to the garbage collector
        assert len(files) == 5


def test_a_damaged_instance_is_not_given_out_and_no_file_is_left(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path
) -> None:
    study = study_of(spool, ledger)
    Archive(spool).study(study)
    claim = spool.claim(SITE, f"{ROOT}7.2.1")
    claim.write_bytes(claim.read_bytes()[:-1] + b"\xff")
    with pytest.raises(Damaged, match=f"{ROOT}7.2.1 is not what came in"):
        write_zip(Archive(spool), study, tmp_path / "study.zip")
    assert not list(tmp_path.glob("*zip*"))


def test_a_file_that_is_there_is_left_alone(spool: Spool, ledger: MemoryLedger, tmp_path: Path) -> None:
    (tmp_path / "study.zip").write_text("mine")
    with pytest.raises(FileExistsError, match="name a new file"):
        write_zip(Archive(spool), study_of(spool, ledger), tmp_path / "study.zip")
    assert (tmp_path / "study.zip").read_text() == "mine"


def test_what_is_larger_than_four_gib_is_found_too(tmp_path: Path) -> None:
    """In files with holes, which take no room."""
    sizes = {"small": 3, "large": 5 * GIB, "after": 4}
    made, path = Zip(), tmp_path / "large.zip"
    with path.open("wb") as file:
        for name, size in sizes.items():
            file.write(made.begin(Member(name, size, zlib.crc32(b"abc") if name == "small" else 0)))
            file.write(b"abc" if name == "small" else b"")
            file.seek(size - 3 if name == "small" else size, 1)
        file.write(made.end())
    assert path.stat().st_size == Zip.size(sizes)
    with ZipFile(path) as opened:
        assert {one.filename: one.file_size for one in opened.infolist()} == sizes
        assert opened.read("small") == b"abc"
        with opened.open("large") as large:
            assert large.read(10) == bytes(10)


def test_more_members_than_two_bytes_count_are_found() -> None:
    made = Zip()
    names = [f"{number}" for number in range(70_000)]
    data = b"".join(made.begin(Member(name, 0, 0)) for name in names) + made.end()
    assert len(data) == Zip.size(dict.fromkeys(names, 0))
    with ZipFile(BytesIO(data)) as opened:
        assert opened.namelist() == names
