"""Gives a study out as files for people and programs outside: DICOMDIR, the instances byte for byte, checksums.

As a folder, which appears whole or not at all; or as a ZIP file, which is written while it is sent.
"""

import hashlib
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.archive.archive import Archive
from adapters.archive.directory import File, FileSet, file_set
from adapters.archive.entry import digest_of
from adapters.archive.places import OWNER_ONLY_FOLDER
from adapters.archive.zipped import Member, Zip
from adapters.dicom.refusal import Unreadable
from adapters.durable import OWNER_ONLY, PART, write_whole

CHECKSUMS: Final = "checksums.sha256"
DIRECTORY: Final = "DICOMDIR"
NOTE: Final = "README.TXT"
PIECE: Final = 1024 * 1024
README: Final = f"""Images and documents of one study, in DICOM: a viewer opens {DIRECTORY}, or the files below DICOM/.

    sha256sum --check {CHECKSUMS}

says whether all files are as they were when they were written here. They name the patient: keep them safe.
"""
Step = Callable[[], None]


class Damaged(Exception):
    """A stored instance is not what came in."""


def write_study(archive: Archive, study: str, folder: Path, step: Step = lambda: None) -> int:
    """Write a study into a folder that is not there yet; how many instances. ``step``: called for each.

    Raises NotHeld, Damaged, FileExistsError, OSError.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} is there already: name a new folder")
    found = file_set(archive, study)
    with _whole(folder) as made:
        made.mkdir(mode=OWNER_ONLY_FOLDER)
        sums = {}
        for file in found.files:
            sums[file.name] = _copy(file, made / file.name)
            step()
        for name, content in _beside(found, sums).items():
            (made / name).write_bytes(content)
            (made / name).chmod(OWNER_ONLY)
    return len(found.files)


@dataclass(frozen=True)
class Zipped:
    """A study as a ZIP file: how long it is, how many instances are in it, and its pieces, which are made as they are
    taken: taking one raises Damaged, OSError.
    """

    size: int
    instances: int
    pieces: Iterator[bytes]


def zip_study(archive: Archive, study: str, step: Step = lambda: None) -> Zipped:
    """``step``: called for each instance that was given out. Raises NotHeld, OSError."""
    found = file_set(archive, study)
    beside = _beside(found, {file.name: "0" * 64 for file in found.files})  # as long as they will be
    sizes = {file.name: file.row["size"] for file in found.files} | {name: len(one) for name, one in beside.items()}
    return Zipped(Zip.size(sizes), len(found.files), _pieces(found, step))


def write_zip(archive: Archive, study: str, target: Path, step: Step = lambda: None) -> int:
    """Write a study into a ZIP file that is not there yet; how many instances. Raises as ``write_study`` does."""
    if target.exists():
        raise FileExistsError(f"{target} is there already: name a new file")
    zipped = zip_study(archive, study, step)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, zipped.pieces, OWNER_ONLY)
    return zipped.instances


def _beside(found: FileSet, sums: dict[str, str]) -> dict[str, bytes]:
    """What lies beside the instances; ``sums``: of these, hex of the SHA-256 of each file."""
    made = {DIRECTORY: found.directory, NOTE: README.encode()}
    sums = sums | {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    return made | {CHECKSUMS: "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()}


def _pieces(found: FileSet, step: Step) -> Iterator[bytes]:
    """The bytes of a ZIP file. Each instance is read twice: what is damaged is not begun."""
    made, sums = Zip(), dict[str, str]()
    for file in found.files:
        sums[file.name], crc = _sums(file)
        yield made.begin(Member(file.name, file.row["size"], crc))
        left = file.row["size"]
        with file.path.open("rb") as opened:
            while left and (piece := opened.read(min(PIECE, left))):
                left -= len(piece)
                yield piece
        if left:
            raise _damaged(file)
        step()
    for name, content in _beside(found, sums).items():
        yield made.begin(Member(name, len(content), zlib.crc32(content))) + content
    yield made.end()


def _sums(file: File) -> tuple[str, int]:
    """Hex of the SHA-256 of an instance's file, and its CRC-32. Raises Damaged."""
    _check(file, file.path)
    digest, crc = hashlib.sha256(), 0
    with file.path.open("rb") as opened:
        while piece := opened.read(PIECE):
            digest.update(piece)
            crc = zlib.crc32(piece, crc)
    return digest.hexdigest(), crc


def _check(file: File, path: Path) -> None:
    """Raises Damaged."""
    try:
        found = digest_of(path)
    except Unreadable:
        raise _damaged(file) from None
    if found != (file.row["size"], file.row["digest"]):
        raise _damaged(file)


def _damaged(file: File) -> Damaged:
    return Damaged(f"instance {file.row['sop_uid']} is not what came in: krypton archive check names all such")


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A name beside it for a folder, which takes the target's name when it is whole."""
    aside = target.with_name(f"{target.name}{PART}")
    shutil.rmtree(aside, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield aside
        aside.rename(target)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _copy(file: File, target: Path) -> str:
    """Copy an instance; hex of the SHA-256 of its file. Raises Damaged."""
    for folder in (target.parent.parent, target.parent):
        folder.mkdir(exist_ok=True, mode=OWNER_ONLY_FOLDER)
    shutil.copyfile(file.path, target)
    target.chmod(OWNER_ONLY)
    _check(file, target)
    with target.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
