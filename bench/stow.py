"""Benchmark of STOW-RS beside Orthanc with its DICOMweb plugin: 1,000 instances of 0.5 MB; and memory for one of 2 GB.

One client sends requests of 50 instances, one after the other. Rounds alternate between the two servers, each gives a
ratio, and the middle one counts. Both flush an instance to disk before they answer. Krypton's is the web service with
its limits and accounts, in front of a ledger that only keeps what it is told.
"""

import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import httpx

from adapters.dicom.part10 import read_file_meta
from bench.dicom_beside import Load, files
from bench.listening import LOCAL, Process, Server, serving
from bench.orthanc import DICOMWEB, WEB_ALONE, configured, has_dicomweb
from tests.fakes.dicom import instance, part10
from tests.fakes.stow import BOUNDARY, SENDS, accounts, body

LOAD: Final = Load("0.5 MB", 512 * 1024, 1_000)
AT_ONCE, ROUNDS = 50, 3
LARGE: Final = 2 << 30
PATIENCE_S: Final = 600.0
PIECE: Final = 1 << 20


def orthanc(folder: Path, port: int) -> list[str]:
    """Debian's, as it comes, with its plugin."""
    web = {"Enable": True, "Root": "/dicom-web/"}
    return configured(folder, **WEB_ALONE, HttpPort=port, Plugins=[str(DICOMWEB)], DicomWeb=web)


def krypton(folder: Path, port: int) -> list[str]:
    """The web service."""
    home = folder / "home"
    home.mkdir()
    accounts(home)
    return [sys.executable, "-m", "tests.fakes.stow_process", str(home), str(folder / "ledger"), str(port)]


def run(load: Load = LOAD, large: int = LARGE, rounds: int = ROUNDS) -> dict[str, float]:
    """Instances a second of each server, Krypton's in times of Orthanc's, and memory for one large file."""
    servers: dict[str, Server] = {"Krypton": krypton, "Orthanc": orthanc}
    if not has_dicomweb():
        del servers["Orthanc"]
    measured: dict[str, list[float]] = {name: [] for name in servers}
    with tempfile.TemporaryDirectory(prefix="krypton-bench-") as folder:
        (sent,) = files(Path(folder) / "sent", load, 1)
        whole = [path.read_bytes() for path in sorted(sent.iterdir())]
        for _ in range(rounds):
            for name, command in servers.items():
                with serving(Path(folder), command) as (_, port):
                    measured[name].append(load.count / stored(whole, port))
        with serving(Path(folder), krypton) as (process, port):
            grown = one_large(process, port, large)
    figures = {f"{name}, instances/s": round(statistics.median(rates), 1) for name, rates in measured.items()}
    if "Orthanc" in measured:
        ratios = [mine / other for mine, other in zip(measured["Krypton"], measured["Orthanc"], strict=True)]
        figures["times Orthanc"] = round(statistics.median(ratios), 2)
    return figures | {"one part of 2 GB: MiB of memory": grown}


def stored(whole: Sequence[bytes], port: int) -> float:
    """Seconds until all files are stored."""
    begun = time.perf_counter()
    with client(port) as http:
        for at in range(0, len(whole), AT_ONCE):
            answer = http.post("/dicom-web/studies", content=body(whole[at : at + AT_ONCE]))
            assert answer.status_code == httpx.codes.OK, answer.text
    return time.perf_counter() - begun


def one_large(process: Process, port: int, size: int) -> float:
    """By how many MiB the process grows at most while a file with so many bytes of pixels comes in."""
    with client(port) as http:
        assert http.post("/dicom-web/studies", content=body([part10(instance())])).status_code == httpx.codes.OK
        before = memory(process.pid, "VmRSS")
        answer = http.post("/dicom-web/studies", content=large(size))
        assert answer.status_code == httpx.codes.OK, answer.text
    return round((memory(process.pid, "VmHWM") - before) / 1024, 1)


def large(size: int) -> Iterator[bytes]:
    """The pieces of a body of one file with so many bytes of pixels; below 4 GiB."""
    file = part10(instance())
    data = file[read_file_meta(file).offset :]
    pixels = b"\xe0\x7f\x10\x00OW\0\0" + size.to_bytes(4, "little")
    yield f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + file[: -len(data)] + data + pixels
    for _ in range(size // PIECE):
        yield bytes(PIECE)
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


def client(port: int) -> httpx.Client:
    """The sender."""
    return httpx.Client(base_url=f"http://{LOCAL}:{port}", headers=SENDS, timeout=PATIENCE_S)


def memory(pid: int, field: str) -> int:
    """KiB, of a process."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


if __name__ == "__main__":
    for name_of_figure, value in run().items():
        print(f"{name_of_figure:40} {value:>8}")
