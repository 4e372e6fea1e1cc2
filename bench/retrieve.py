"""Benchmark of DICOM retrieval beside others: a CT of 1,000 images is fetched from Krypton, dcmqrscp and Orthanc.

By dcmtk's ``getscu`` (C-GET) and ``movescu`` with ``storescp`` (C-MOVE), which keep nothing, on one association and on
eight at once, each of which fetches all. Krypton decides on each study, records it, and looks again all the time; the
others ask nobody. Rounds alternate between the servers, each gives a ratio, and the middle one counts. All run with
TCP_NODELAY=1, and with PDUs of 128 KiB, on the same disk. dcmqrscp is asked on one association alone: beside seven
others it ends one before the study is whole. Orthanc serves eight at once (it serves four, and moves two, unless told).
"""

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from bench.dicom_beside import ENVIRONMENT
from bench.listening import LOCAL, listening
from bench.orthanc import PROGRAM, configured
from bench.region import started
from domain.commands.directory import EnrollSite, RegisterDevice
from domain.work import Envelope
from krypton.bootstrap import Krypton
from tests.fakes.ports import free_port, listens
from tests.waiting import until

CALLED: Final = "KRYPTON"
ASSOCIATIONS: Final = (1, 8)
ROUNDS: Final = 3
LARGEST_PDU: Final = 131_072
PDU: Final = ("-pdu", str(LARGEST_PDU))
ON_ONE_ALONE: Final = ("dcmqrscp",)
PROGRAMS: Final = ("getscu", "movescu", "storescp", "storescu")
QR: Final = """NetworkTCPPort = {port}
MaxPDUSize = 131072
MaxAssociations = 32
HostTable BEGIN
{hosts}
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
KRYPTON {folder} RW (200, 10000mb) ANY
AETable END
"""


@dataclass(frozen=True)
class Study:
    """What is fetched: ``count`` images of about ``size`` bytes, as files in a folder."""

    uid: str
    folder: Path
    count: int


@dataclass(frozen=True)
class Receivers:
    """Applications that fetch, each with a port of its own."""

    ports: Mapping[str, int]

    @staticmethod
    def of(many: int) -> "Receivers":
        """So many."""
        return Receivers({f"BENCH{number}": free_port() for number in range(many)})


def run(ours: Krypton, count: int = 1_000, size: int = 512 * 1024, rounds: int = ROUNDS) -> dict[str, float]:
    """Images a second of each server, and Krypton's rate in times of the others'; nothing without dcmtk."""
    if any(shutil.which(program) is None for program in PROGRAMS):
        return {}
    measured: dict[str, list[float]] = {}
    receivers = Receivers.of(max(ASSOCIATIONS))
    with tempfile.TemporaryDirectory(prefix="krypton-bench-") as home, ExitStack() as servers:
        folder = Path(home)
        study = _study(folder / "study", count, size)
        for title, at in receivers.ports.items():
            receiver = ["storescp", "--ignore", "-aet", title, *PDU, str(at)]
            servers.enter_context(listening(receiver, at, ENVIRONMENT))
        ports = {"Krypton": servers.enter_context(_krypton(ours, receivers, study))}
        for name, program, serving in (("dcmqrscp", "dcmqrscp", _dcmqrscp), ("Orthanc", PROGRAM, _orthanc)):
            if shutil.which(program):
                ports[name] = servers.enter_context(serving(folder, receivers))
                _stored(study, ports[name])
        for measure in range(rounds + 1):
            for how, fetch in (("C-GET", _get), ("C-MOVE", _move)):
                for many in ASSOCIATIONS:
                    for name, port in ports.items():
                        if many > 1 and name in ON_ONE_ALONE:
                            continue
                        rate = study.count * many / _fetched(fetch, receivers, study, port, many)
                        if measure:  # the first round fills caches
                            measured.setdefault(f"{how} from {many}: {name}/s", []).append(rate)
    return compared(measured)


def compared(measured: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The middle rate of the rounds, and the middle of Krypton's in times of each other's in the same round."""
    figures = {figure: round(statistics.median(rates), 1) for figure, rates in measured.items()}
    for figure, rates in measured.items():
        case, _, name = figure.removesuffix("/s").partition(": ")
        if name != "Krypton":
            ratios = [mine / other for mine, other in zip(measured[f"{case}: Krypton/s"], rates, strict=True)]
            figures[f"{case}: times {name}"] = round(statistics.median(ratios), 2)
    return figures


def _study(folder: Path, count: int, size: int) -> Study:
    folder.mkdir()
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    for element in [one for one in dataset if one.tag.is_private]:
        del dataset[element.tag]
    dataset.Rows, dataset.Columns = 16, size // 32
    dataset.PixelData = bytes(range(256)) * (size // 256)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    for number in range(count):
        dataset.InstanceNumber = number + 1
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.save_as(folder / f"{number:05}.dcm")
    return Study(dataset.StudyInstanceUID, folder, count)


@contextmanager
def _krypton(ours: Krypton, receivers: Receivers, study: Study) -> Iterator[int]:
    """The service with its ledger, relay and workers; the study is in the views."""
    port = free_port()
    ours.execute(EnrollSite(code="CHB", name="Hospital of the benchmark", ae_titles=("BENCH",)), Envelope())
    for title, at in receivers.ports.items():
        ours.execute(RegisterDevice(code="CHB", ae_title=title, address=f"{LOCAL}:{at}"), Envelope())
    words = (("relay",), ("worker", "patient_record"), ("worker", "identity_index"), ("dicom", "serve"))
    running = [started(ours, *each, KRYPTON_DICOM_PORT=str(port)) for each in words]
    try:
        until(lambda: listens(port), "Krypton listens")
        _stored(study, port)
        until(lambda: _visible(ours) == study.count, "the study is in the views")
        yield port
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


def _visible(ours: Krypton) -> int:
    with ours.snapshot() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(instances), 0) FROM patient_record.study")
        ((found,),) = cursor.fetchall()
        return int(found)


@contextmanager
def _dcmqrscp(folder: Path, receivers: Receivers) -> Iterator[int]:
    own, port = folder / "dcmqrscp", free_port()
    own.mkdir()
    hosts = "\n".join(f"h{title} = ({title}, {LOCAL}, {at})" for title, at in receivers.ports.items())
    settings = folder / "dcmqrscp.cfg"
    settings.write_text(QR.format(port=port, hosts=hosts, folder=own))
    with listening(["dcmqrscp", "-c", str(settings)], port, ENVIRONMENT):
        yield port


@contextmanager
def _orthanc(folder: Path, receivers: Receivers) -> Iterator[int]:
    own, port = folder / "orthanc", free_port()
    own.mkdir()
    command = configured(
        own,
        DicomPort=port,
        DicomAet=CALLED,
        DicomAlwaysAllowStore=True,
        DicomAlwaysAllowGet=True,
        DicomAlwaysAllowMove=True,
        DicomModalities={title: [title, LOCAL, at] for title, at in receivers.ports.items()},
        HttpServerEnabled=False,
        MaximumPduLength=LARGEST_PDU,
        DicomThreadsCount=max(ASSOCIATIONS),
        ConcurrentJobs=max(ASSOCIATIONS),
    )
    with listening(command, port, ENVIRONMENT):
        yield port


def _stored(study: Study, port: int) -> None:
    command = ["storescu", "-aet", "BENCH", "-aec", CALLED, "+sd", LOCAL, str(port), str(study.folder)]
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True)


Fetch = Callable[[str, Study, int], list[str]]


def _get(title: str, study: Study, port: int) -> list[str]:
    return ["getscu", "-S", "--ignore", *PDU, *_asked(title, study), LOCAL, str(port)]


def _move(title: str, study: Study, port: int) -> list[str]:
    return ["movescu", "-S", "-aem", title, *_asked(title, study), LOCAL, str(port)]


def _asked(title: str, study: Study) -> list[str]:
    key = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study.uid}"]
    return ["-v", "-aet", title, "-aec", CALLED, *key]


def _fetched(fetch: Fetch, receivers: Receivers, study: Study, port: int, many: int) -> float:
    """Seconds until so many have fetched all of it. Raises AssertionError where one has not."""
    with ExitStack() as files:  # a pipe that nobody reads fills, and holds up who writes to it
        told = [files.enter_context(tempfile.TemporaryFile()) for _ in range(many)]
        start = time.perf_counter()
        running = [
            subprocess.Popen(fetch(title, study, port), env=ENVIRONMENT, stdout=file, stderr=subprocess.STDOUT)
            for title, file in zip(receivers.ports, told, strict=False)
        ]
        codes = [process.wait() for process in running]
        took = time.perf_counter() - start
        for code, file in zip(codes, told, strict=True):
            file.seek(0)
            said = file.read().decode(errors="replace")
            if code or "Success" not in said:
                raise AssertionError(f"a study was not fetched whole, on port {port}: {said[-400:]}")
    return took
