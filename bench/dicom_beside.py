"""Benchmark of DICOM reception beside others: one ``storescu`` sends to dcmtk's storescp, to Orthanc and to Krypton.

Instances of 4 kB and 256 kB, from one sender and from four. Rounds alternate between the three, each round gives a
ratio, and the middle one counts: a machine that others use is faster in one minute than in the next. All run with
TCP_NODELAY=1. Krypton and Orthanc flush an instance to disk before they answer, storescp does not.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from bench.listening import LOCAL, Server, serving
from bench.orthanc import PROGRAM, configured

SENDER, CALLED = "BENCH", "KRYPTON"
ENVIRONMENT = os.environ | {"TCP_NODELAY": "1"}
SENDERS = (1, 4)
ROUNDS = 5


@dataclass(frozen=True)
class Load:
    """What one sender sends: so many instances of about so many bytes."""

    name: str
    size: int
    count: int


LOADS = (Load("4 kB", 2_500, 500), Load("256 kB", 256 * 1024, 200))


def orthanc(folder: Path, port: int) -> list[str]:
    """Debian's, as it comes: it flushes each file (SyncStorageArea). It may take the same instances again."""
    return configured(
        folder,
        DicomPort=port,
        DicomAet=CALLED,
        DicomAlwaysAllowStore=True,
        HttpServerEnabled=False,
    )


def storescp(folder: Path, port: int) -> list[str]:
    """One process for each association; it writes files and flushes none."""
    return ["storescp", "--fork", "--output-directory", str(folder), "--aetitle", CALLED, str(port)]


def krypton(folder: Path, port: int) -> list[str]:
    """The storage service, in front of a ledger that only counts."""
    return [sys.executable, "-m", "bench.dicom_server", str(folder / "spool"), str(port)]


SERVERS: dict[str, tuple[str, Server]] = {  # name: (program, command)
    "storescp": ("storescp", storescp),
    "Orthanc": (PROGRAM, orthanc),
    "Krypton": (sys.executable, krypton),
}


def lacking() -> list[str]:
    """The programs that are not installed."""
    return [program for program in ("storescu", "storescp", PROGRAM) if shutil.which(program) is None]


def run(loads: tuple[Load, ...] = LOADS, rounds: int = ROUNDS) -> dict[str, float]:
    """Instances per second of each server, and Krypton's rate in times of the others'; nothing without storescu."""
    if "storescu" in lacking():
        return {}
    servers = {name: command for name, (program, command) in SERVERS.items() if shutil.which(program)}
    measured: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="krypton-bench-") as folder:
        made = {load: files(Path(folder) / load.name.replace(" ", ""), load) for load in loads}
        for _ in range(rounds):
            for name, command in servers.items():
                with serving(Path(folder), command, ENVIRONMENT) as (_, port):
                    for load, senders in made.items():
                        for many in SENDERS:  # none sends what another has sent: that is not stored again
                            rate = load.count * many / sent(senders[many - 1 : 2 * many - 1], port)
                            measured.setdefault(f"{load.name} from {many}: {name}/s", []).append(rate)
    return compared(measured)


def compared(measured: dict[str, list[float]]) -> dict[str, float]:
    """The middle rate of the rounds, and the middle of Krypton's in times of each other's in the same round."""
    figures = {figure: round(statistics.median(rates), 1) for figure, rates in measured.items()}
    for figure, rates in measured.items():
        case, _, name = figure.removesuffix("/s").partition(": ")
        ours = measured.get(f"{case}: Krypton/s")
        if name != "Krypton" and ours:
            ratios = [mine / other for mine, other in zip(ours, rates, strict=True)]
            figures[f"{case}: times {name}"] = round(statistics.median(ratios), 2)
    return figures


def files(folder: Path, load: Load, senders: int = 2 * max(SENDERS) - 1) -> list[Path]:
    """A folder of instances for each sender."""
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    for element in [one for one in dataset if one.tag.is_private]:
        del dataset[element.tag]
    dataset.Rows, dataset.Columns = 16, load.size // 32
    dataset.PixelData = os.urandom(load.size // 32 * 32)
    folders = [folder / str(number) for number in range(senders)]
    for sender in folders:
        sender.mkdir(parents=True)
        dataset.StudyInstanceUID = generate_uid()
        for number in range(load.count):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            dataset.save_as(sender / f"{number:05}.dcm")
    return folders


def sent(folders: list[Path], port: int) -> float:
    """Seconds until one storescu for each folder has sent all of it."""
    command = ["storescu", "-aet", SENDER, "-aec", CALLED, "+sd", LOCAL, str(port)]
    start = time.perf_counter()
    senders = [
        subprocess.Popen([*command, str(folder)], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for folder in folders
    ]
    codes = [sender.wait() for sender in senders]
    if any(codes):
        raise AssertionError("storescu could not send")
    return time.perf_counter() - start


if __name__ == "__main__":
    for program in lacking():
        print(f"not installed: {program}")
    for name_of_figure, value in run().items():
        print(f"{name_of_figure:32} {value:>8}")
