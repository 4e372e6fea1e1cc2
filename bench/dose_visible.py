"""From a file to a dose that can be seen: real dose reports, taken in by Krypton and by OpenREM, on one PostgreSQL.

Krypton runs as in production (``krypton ingest``, relay, worker): its time ends when the last exposure is a row of
``cumulative_dose``, after it was stored, sealed, decided about and published. OpenREM's is that of its importer alone,
called for one file after another in one process. Krypton is given the files many times, each time with other UIDs and
patients, for it has done with them once before a clock can be read. An event is an exposure that is shown.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_OID, uuid5

import psycopg2
from pydicom import Dataset, dcmread
from pydicom.dataset import FileDataset
from pydicom.tag import Tag

from bench.commands import new_site
from bench.region import processes
from krypton.bootstrap import Krypton
from krypton.services.dicom import ingest
from tests import real_files
from tests.waiting import until

PEER: Final = "openrem==1.0.0b3"  # the first line that installs on a Python of today; a pre-release
ENVIRONMENT: Final = Path(__file__).parents[1] / ".krypton" / "bench" / PEER
INSTALL_S, IMPORT_S = 240, 900
COPIES: Final = 5
ACTOR: Final = "operator:bench"
SHOWN: Final = "SELECT count(*) FROM cumulative_dose_v1.exposure"
UIDS: Final = tuple(map(Tag, ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "UID")))
Figures = dict[str, float]


def run(ours: Krypton) -> Figures:
    """Events per second of both. In an empty ledger."""
    site = new_site(ours)
    with tempfile.TemporaryDirectory(prefix="krypton-bench-") as folder:
        files = sorted(_reports())
        sets = [_copied(files, Path(folder, str(number))) for number in range(COPIES + 1)]
        with processes(ours, ("relay",), ("worker", "cumulative_dose")):
            of_one = _warmed(ours, site, sets[0])
            seconds = _visible(ours, site, sets[1:], of_one)
    shown = of_one * COPIES / seconds
    return {"exposures": of_one * COPIES, "file to visible dose: events/s": shown, **_beside(ours, files, shown)}


def _reports() -> Iterator[Path]:
    """The dose reports among the real files: images and the report without a dose are not."""
    for file in real_files.folder().iterdir():
        if "-Im-" not in file.name and "-SC-" not in file.name and file.name != "ESR_non-dose.dcm":
            yield file


def _copied(files: list[Path], folder: Path) -> Path:
    """The files as others' of another day: what refers to one thing in several files still does."""
    folder.mkdir()
    for file in files:
        dataset = dcmread(file, force=True)
        _renamed(dataset, folder.name)
        dataset.PatientID = f"{dataset.get('PatientID', '')}-{folder.name}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / file.name)
    return folder


def _renamed(dataset: Dataset | FileDataset, salt: str) -> None:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _renamed(item, salt)
        elif element.tag in UIDS and element.value:
            element.value = f"2.25.{uuid5(NAMESPACE_OID, f'{salt}|{element.value}').int}"


def _warmed(ours: Krypton, site: str, folder: Path) -> int:
    """How many exposures one set has, once all are shown: the services are up then."""
    ingest(ours, site, [folder], ACTOR, None)
    seen: list[int] = [0]

    def settled() -> bool:
        seen.append(_shown(ours))
        time.sleep(1.0)
        return seen[-1] > 0 and seen[-1] == seen[-2]

    until(settled, "the first set is shown")
    return seen[-1]


def _visible(ours: Krypton, site: str, sets: list[Path], of_one: int) -> float:
    """Seconds until all of them are shown."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(1) as beside:
        taken = beside.submit(ingest, ours, site, sets, ACTOR, None)
        until(lambda: _shown(ours) == of_one * (len(sets) + 1), "all exposures are shown")
        seconds = time.perf_counter() - begun
        taken.result()  # it goes on to write what images need
    return seconds


def _shown(ours: Krypton) -> int:
    with ours.snapshot() as connection, connection.cursor() as cursor:
        cursor.execute(SHOWN)
        return int(cursor.fetchone()[0])


def _beside(ours: Krypton, files: list[Path], shown: float) -> Figures:
    """OpenREM's rate, where it can be installed."""
    try:
        python = _peer()
    except subprocess.SubprocessError as absent:
        print(f"OpenREM is not measured: {PEER} does not install ({type(absent).__name__})", file=sys.stderr)
        return {}
    told = _imported(ours, python, files)
    rate = told["events"] / told["seconds"]
    return {
        "OpenREM, of the same files: events": told["events"],
        "OpenREM, files that it could not import": told["failed"],
        "OpenREM: events/s": rate,
        "times OpenREM": shown / rate,
    }


def _peer() -> Path:
    """The Python of its environment. Raises SubprocessError."""
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / "ready").exists():
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        told = [str(python), "-m", "pip", "install", "--quiet", PEER]
        subprocess.run(told, check=True, timeout=INSTALL_S, capture_output=True)
        (ENVIRONMENT / "ready").touch()
    return python


def _imported(ours: Krypton, python: Path, files: list[Path]) -> Figures:
    """In a database of its own on the same server."""
    with closing(psycopg2.connect(ours.addresses.database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE openrem")
        where = connection.info
        env = {
            "DJANGO_SETTINGS_MODULE": "openremproject.settings",
            "SQL_ENGINE": "django.db.backends.postgresql",
            "SQL_HOST": where.host,
            "SQL_PORT": str(where.port),
            "POSTGRES_DB": "openrem",
            "POSTGRES_USER": where.user,
            "POSTGRES_PASSWORD": where.password,
        }
    with tempfile.TemporaryDirectory(prefix="krypton-bench-") as media:
        told = subprocess.run(
            [str(python), str(Path(__file__).with_name("openrem_peer.py")), *map(str, files)],
            env={**os.environ, **env, "MEDIA_ROOT": media, "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"},
            cwd=media,
            check=True,
            timeout=IMPORT_S,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ).stdout
    found: Figures = json.loads(told.splitlines()[-1])
    return found
