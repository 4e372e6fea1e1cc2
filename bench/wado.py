"""Benchmark of WADO-RS: frames, metadata and whole studies, decided on, as ``krypton serve web`` gives them.

Beside it, in the same run, plain file serving (``python -m http.server``, one file of the study's size), and Debian's
Orthanc with its DICOMweb plugin where they are installed. Of a study rounds alternate, and the middle ratio counts. The
study of so many MiB is of instances of 512 KiB, three hundred to a series.
"""

import http.client
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import numpy as np
from pydicom.uid import ExplicitVRLittleEndian

from bench.listening import LOCAL, ended
from bench.orthanc import has_dicomweb
from bench.region import processes, started
from bench.wado_peers import orthanc, plain
from domain.commands.accesses import OpenAccess
from domain.commands.directory import EnrollSite, RegisterProfessional
from domain.commands.identities import Register
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.services.dicom import ingest
from tests.fakes.dicom import instance, part10
from tests.fakes.ports import free_port
from tests.fakes.web import account, accounts_file, digest
from tests.waiting import until

SITE, RPPS = "BENCHSITE", "10101201233"
TOKEN: Final = "fictitious-token-of-a-bench-0123456789-abcdefghijklm"
SIGNED: Final = {"Authorization": f"Bearer {TOKEN}", "Krypton-Reason": "bench"}
FRAMES: Final = {"Accept": "multipart/related; type=application/octet-stream; transfer-syntax=*"}
FILES: Final = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
GZIP: Final = {"Accept": "application/dicom+json", "Accept-Encoding": "gzip"}
STUDY_MIB, ROUNDS, ASKED = 1_024, 3, 500
OF_ORTHANC: Final = 50
"""Frames: it takes a quarter of a second for one of many."""
OF_SERIES, OF_METADATA = 300, 600
MULTIFRAME, NTH = 88, 44
MIB: Final = 1 << 20
Asks = Callable[[str, Mapping[str, str]], int]
"""Asks for a path with headers; how many bytes came."""


def run(ours: Krypton, mib: int = STUDY_MIB) -> dict[str, float]:
    """Milliseconds of a frame and of metadata, MB/s of a study, and what others do; takes several minutes."""
    with tempfile.TemporaryDirectory(prefix="krypton-bench-") as made:
        study = Study(Path(made), mib)
        figures: dict[str, float] = {}
        with _krypton(ours, study) as (port, process), closing(_Client(port, SIGNED)) as client:
            figures |= _frames(client.ask, study, "/dicom-web")
            figures |= _metadata(client.ask, study, "/dicom-web")
            rates, rss = dict[str, list[float]](), _high_water(process)
            with ExitStack() as others:
                path = f"/dicom-web/studies/{study.uid}"
                beside = {"Krypton": (port, SIGNED, path)}
                beside["plain files"] = (others.enter_context(plain(study.folder, study.files)), {}, "/whole")
                if has_dicomweb():
                    beside["Orthanc"] = (others.enter_context(orthanc(study.files)), {}, path)
                for _ in range(ROUNDS):
                    for name, (at, headers, where) in beside.items():
                        rates.setdefault(name, []).append(_rate([(at, headers)], where))
                figures["study, 8 clients: MB/s"] = _rate([(port, SIGNED)] * 8, path)
                if "Orthanc" in beside:
                    with closing(_Client(beside["Orthanc"][0], {})) as peer:
                        figures |= _frames(peer.ask, study, "/dicom-web", "Orthanc: ", OF_ORTHANC)
            figures["study: MiB more"] = round((_high_water(process) - rss) / MIB, 1)
    return figures | _compared(rates)


def _compared(rates: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The middle rates, and the middle of Krypton's in times of the others' in the same round; ``of what is asked``:
    five times Orthanc's or two fifths of plain files', whichever is nearer.
    """
    figures = {f"study: {name}, MB/s": round(statistics.median(each), 1) for name, each in rates.items()}
    times = {
        name: statistics.median(mine / other for mine, other in zip(rates["Krypton"], each, strict=True))
        for name, each in rates.items()
        if name != "Krypton"
    }
    figures |= {f"study: times {name}": round(value, 2) for name, value in times.items()}
    asked = max(times["plain files"] / 0.4, times.get("Orthanc", 0.0) / 5)
    return figures | {"study: of what is asked": round(asked, 2)}


class Study:
    """Files of one study of one person: single frames, a multi-frame, and a series of small ones."""

    def __init__(self, folder: Path, mib: int) -> None:
        self.folder, self.uid = folder, f"2.25.{uuid4().int >> 64}"
        noise = np.random.default_rng(1).integers(0, 256, MIB, "u1").tobytes()
        self.single = [self._file(1 + n // OF_SERIES, 512, 512, 2, noise[: 512 * 1024]) for n in range(2 * mib)]
        many = noise * MULTIFRAME
        self.multi = self._file(900, 1_024, 512, 2, many, MULTIFRAME)
        self.small = [self._file(901, 16, 16, 2, noise[:512]) for _ in range(OF_METADATA)]

    def _file(
        self, series: int, rows: int, columns: int, width: int, pixels: bytes, frames: int = 1
    ) -> tuple[str, str]:
        """Series and UID of a new one."""
        uid, of = f"2.25.{uuid4().int}", f"{self.uid}.{series}"
        made = instance(
            StudyInstanceUID=self.uid,
            SeriesInstanceUID=of,
            SOPInstanceUID=uid,
            SeriesNumber=series,
            Rows=rows,
            Columns=columns,
            NumberOfFrames=frames,
            BitsAllocated=8 * width,
            BitsStored=8 * width,
            HighBit=8 * width - 1,
            PixelRepresentation=0,
            SamplesPerPixel=1,
            PhotometricInterpretation="MONOCHROME2",
            PixelData=pixels,
        )
        made["PixelData"].VR = "OW"
        (self.folder / f"{uid}.dcm").write_bytes(part10(made, ExplicitVRLittleEndian))
        return of, uid

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return sorted(self.folder.glob("*.dcm"))


@contextmanager
def _krypton(ours: Krypton, study: Study) -> Iterator[tuple[int, int]]:
    """Port and process id of a service that may show the study."""
    ours.execute(EnrollSite(code=SITE, name="Benchmark"), Envelope())
    ours.execute(RegisterProfessional(rpps=RPPS, name="Dr Essai", profession="physician", sites=(SITE,)), Envelope())
    stated = {"family": "ESSAI", "given": "Élodie", "birth_date": "1970-01-01", "sex": "F"}
    identity = ours.execute(Register(assigner=SITE, local_id="T-1", stated=stated), Envelope()).result["identity"]
    ingest(ours, SITE, [study.folder], "operator:bench", None)
    opened = OpenAccess(identity=UUID(str(identity)), rpps=RPPS, reason="bench", site=SITE)
    ours.execute(opened, Envelope(f"rpps:{RPPS}"))
    accounts_file(ours.settings.home, account("bench", f"rpps:{RPPS}", token=digest(TOKEN)))
    workers = [("worker", view) for view in ("patient_record", "access_history", "identity_index")]
    with processes(ours, ("relay",), *workers):
        port = free_port()
        service = started(ours, "serve", "web", KRYPTON_WEB_PORT=str(port), KRYPTON_WEB_RATE="100000")
        with ended(service):
            until(lambda: _shows(port, study), "the study is shown")
            yield port, service.pid


def _shows(port: int, study: Study) -> bool:
    try:
        with closing(_Client(port, SIGNED)) as client:
            client.ask(f"/dicom-web/studies/{study.uid}/series/{study.multi[0]}/metadata", GZIP)
    except (OSError, AssertionError):
        return False
    return True


class _Client:
    """One connection that is kept."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._http, self._headers = http.client.HTTPConnection(LOCAL, port, timeout=60), headers
        self.close = self._http.close

    def ask(self, path: str, headers: Mapping[str, str]) -> int:
        """See ``Asks``."""
        self._http.request("GET", path, headers={**self._headers, **headers})
        answer, size, piece = self._http.getresponse(), 0, bytearray(MIB)
        while count := answer.readinto(piece):
            size += count
        assert answer.status == http.client.OK, (answer.status, path)
        return size


def _frames(ask: Asks, study: Study, root: str, whose: str = "", asked: int = ASKED) -> dict[str, float]:
    figures = {}
    singles = [f"{_at(root, study, *study.single[n % len(study.single)])}/frames/1" for n in range(asked)]
    for name, paths in (
        ("frame of 512 KiB", singles),
        (
            "frame 44 of 88 in 88 MiB",
            [f"{_at(root, study, *study.multi)}/frames/{NTH}"] * asked,
        ),
    ):
        took = sorted(_timed(lambda path=path: ask(path, FRAMES)) for path in paths)  # type: ignore[misc]
        figures[f"{whose}{name}: p50 ms"] = round(1_000 * statistics.median(took), 2)
        figures[f"{whose}{name}: p99 ms"] = round(1_000 * took[int(0.99 * len(took))], 2)
    return figures


def _metadata(ask: Asks, study: Study, root: str) -> dict[str, float]:
    path = f"{root}/studies/{study.uid}/series/{study.small[0][0]}/metadata"
    took = [_timed(lambda: ask(path, GZIP)) for _ in range(50)]
    listed = [_timed(lambda: ask(f"{root}/studies/{study.uid}/series", GZIP)) for _ in range(100)]
    return {
        "list of series: p50 ms": round(1_000 * statistics.median(listed), 2),
        "metadata of 600, first: ms": round(1_000 * took[0], 1),
        "metadata of 600, again: ms": round(1_000 * statistics.median(took[1:]), 2),
    }


def _at(root: str, study: Study, series: str, uid: str) -> str:
    return f"{root}/studies/{study.uid}/series/{series}/instances/{uid}"


def _timed(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def _rate(clients: Sequence[tuple[int, Mapping[str, str]]], path: str) -> float:
    """MB/s of so many clients together."""
    sizes = list[int]()

    def fetch(port: int, headers: Mapping[str, str]) -> None:
        with closing(_Client(port, headers)) as client:
            sizes.append(client.ask(path, FILES))

    threads = [threading.Thread(target=fetch, args=one) for one in clients]
    began = time.perf_counter()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(sizes) == len(clients), "an answer was not whole"
    return round(sum(sizes) / 1e6 / (time.perf_counter() - began), 1)


def _high_water(process: int) -> int:
    """The most memory that a process has held, in bytes."""
    (line,) = [one for one in Path(f"/proc/{process}/status").read_text().splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) * 1_024
