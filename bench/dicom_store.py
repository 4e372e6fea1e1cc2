"""Benchmark of DICOM reception: CT_small (39 KB) with fsync, from senders in processes of their own.

Claims: at least 60 instances/s on one association, at least 100/s over four; and at least 0.9 of the rate of dcmtk's
``storescp --ignore`` (which stores nothing) with the same ``storescu``, if dcmtk is installed. ``storescu`` runs as
shipped, and with TCP_NODELAY=1, which removes its own and storescp's Nagle delays (40 ms each per instance).

The ledger is replaced by ``NoLedger``: a batch of some thousand instances is one command, recorded by another thread.
"""

import multiprocessing
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from pynetdicom import AE, evt

from adapters.dicom.inlet import spool_at
from adapters.dicom.storage import Doors, StorageService
from adapters.inbox.recorder import Executes
from bench.listening import LOCAL, listening
from domain.commands.studies import ReceiveStudy
from domain.ports import Answer
from domain.work import A, Command, Envelope
from tests.fakes.ports import free_port

SENDER, CALLED = "BENCH", "KRYPTON"


class NoLedger:
    """Answers at once and counts instances. The ledger's own rate is measured elsewhere."""

    def __init__(self) -> None:
        self.instances = 0
        self.commands: set[UUID] = set()

    def execute(self, command: Command, by: Envelope) -> Answer:
        """Count."""
        if isinstance(command, ReceiveStudy) and by.command_id not in self.commands:
            self.commands.add(by.command_id)
            self.instances += command.instances
        return Answer((), {"study": str(by.command_id), "dose_reports": 0})

    def find(self, cls: type[A], aggregate_id: UUID) -> A | None:
        """Nothing is stored."""


def run(seconds: float = 10, ledger: Executes | None = None) -> dict[str, float]:
    """Instances per second; takes about five times ``seconds`` if dcmtk is installed."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="krypton-bench-") as folder:
        for associations in (1, 4):
            figures[f"store_per_s_{associations}"] = _own_senders(Path(folder), associations, seconds, ledger)
        if shutil.which("storescp") and shutil.which("storescu"):
            figures |= _beside_dcmtk(Path(folder), seconds)
    return figures


@contextmanager
def _service(folder: Path, ledger: Executes) -> Iterator[int]:
    """A service on a new spool; yields its port. At the end every acknowledged instance must be recorded."""
    with tempfile.TemporaryDirectory(dir=folder) as spool:
        service = StorageService(
            ledger=ledger,
            spool=spool_at(Path(spool)),
            site_of=lambda ae_title: "CHB",
            refused=lambda caller: None,
            doors=Doors(port=0),
        )
        service.start()
        try:
            yield service.port
        finally:
            service.stop()


def _own_senders(folder: Path, associations: int, seconds: float, ledger: Executes | None) -> float:
    counting = NoLedger()
    context = multiprocessing.get_context("spawn")
    with _service(folder, ledger or counting) as port, context.Pool(associations) as pool:
        sent = pool.map(_send_for, [(port, seconds)] * associations)
    if ledger is None and counting.instances != sum(count for count, _ in sent):
        raise AssertionError(f"{sum(count for count, _ in sent)} were sent, {counting.instances} recorded")
    return round(sum(count / took for count, took in sent), 1)


def _send_for(work: tuple[int, float]) -> tuple[int, float]:
    """Send one study for ``seconds`` on one association; returns how many, and the duration (s)."""
    port, seconds = work
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.StudyInstanceUID = generate_uid()
    entity = AE(SENDER)
    entity.dimse_timeout = 2
    entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    count, start = 0, time.perf_counter()
    association = _associate(entity, port)
    while time.perf_counter() - start < seconds:
        dataset.SOPInstanceUID = generate_uid()
        while "Status" not in (answer := association.send_c_store(dataset)):
            # pynetdicom's sender can lose an answer that comes before its own reactor has paused: send it again.
            association = _associate(entity, port)
        if answer.Status != 0:
            raise AssertionError(f"answered 0x{answer.Status:04X}")
        count += 1
    took = time.perf_counter() - start
    association.release()
    return count, took


def no_delay(event: Any) -> None:
    """Nagle's algorithm and a delayed acknowledgement would cost 40 ms an instance."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _associate(entity: AE, port: int) -> Any:
    return entity.associate(LOCAL, port, ae_title=CALLED, evt_handlers=[(evt.EVT_CONN_OPEN, no_delay)])


def _beside_dcmtk(folder: Path, seconds: float) -> dict[str, float]:
    """The same storescu against storescp --ignore and against Krypton."""
    figures: dict[str, float] = {}
    for name, settings, count in (("dcmtk", {}, int(20 * seconds)), ("dcmtk_nodelay", {"TCP_NODELAY": "1"}, 600)):
        files = _files(folder / name, count)
        with _storescp(settings) as port:
            theirs = _storescu(files, port, settings, count)
        with _service(folder, NoLedger()) as port:
            ours = _storescu(files, port, settings, count)
        figures |= {f"{name}_storescp_per_s": theirs, f"{name}_krypton_per_s": ours}
        figures[f"{name}_pace"] = round(ours / theirs, 2)
    return figures


def _files(folder: Path, count: int) -> Path:
    folder.mkdir()
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    for number in range(count):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.save_as(folder / f"{number:05}.dcm")
    return folder


@contextmanager
def _storescp(settings: dict[str, str]) -> Iterator[int]:
    port = free_port()
    with listening(["storescp", "--ignore", str(port)], port, os.environ | settings):
        yield port


def _storescu(files: Path, port: int, settings: dict[str, str], count: int) -> float:
    command = ["storescu", "-aet", SENDER, "-aec", CALLED, "+sd", LOCAL, str(port), str(files)]
    start = time.perf_counter()
    subprocess.run(command, env=os.environ | settings, check=True, capture_output=True)
    return round(count / (time.perf_counter() - start), 1)


if __name__ == "__main__":
    for figure, value in run().items():
        print(f"{figure:28} {value:>8}")
