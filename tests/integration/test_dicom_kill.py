"""kill -9 of the storage service, again and again while it is sent to: nothing answered is lost or recorded twice."""

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from pydicom.dataset import Dataset

from adapters.dicom.inlet import spool_at
from tests.fakes.dicom import instance, part10
from tests.fakes.dicom_process import FolderLedger
from tests.fakes.ports import free_port, listens
from tests.integration.stubborn_sender import LEAVES_SOCKETS, StubbornSender
from tests.waiting import WITHIN_S, until

INSTANCES, KILLS = 120, 6

pytestmark = pytest.mark.filterwarnings(LEAVES_SOCKETS)


class Victim:
    """The process, and what was sent to it."""

    def __init__(self, folder: Path) -> None:
        self.spool, self.ledger = folder / "spool", FolderLedger(folder / "ledger")
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.answered = 0

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.fakes.dicom_process", str(self.spool), str(self.ledger.folder)]
        self.process = subprocess.Popen([*command, str(self.port)], cwd=Path(__file__).parents[2])
        until(self.listens, "the service listens")

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def listens(self) -> bool:
        return listens(self.port)

    def send(self, datasets: list[Dataset]) -> None:
        sender = StubbornSender(self.port)
        sender.send(datasets)
        sender.release()
        self.answered += sender.answered


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    one = Victim(tmp_path)
    one.start()
    yield one
    one.kill()
    gc.collect()  # here, where the warning is expected


def test_every_instance_answered_is_recorded_exactly_once_through_kills(victim: Victim) -> None:
    """Some are killed while storing, some while recording, some while recovering."""
    datasets = [instance() for _ in range(INSTANCES)]
    for dataset in datasets:
        part10(dataset)
    senders = [threading.Thread(target=victim.send, args=[datasets[part::2]], daemon=True) for part in range(2)]
    for sender in senders:
        sender.start()
    random = Random(7)
    for _ in range(KILLS):
        time.sleep(random.uniform(0.05, 0.4))  # the moment of the kill
        victim.kill()
        victim.start()
    for sender in senders:
        sender.join(WITHIN_S)
    assert victim.answered == INSTANCES
    until(lambda: not any(spool_at(victim.spool).pending()), "nothing is left that could be recorded")
    assert victim.ledger.instances() == INSTANCES
    assert len(list((victim.spool / "instances").rglob("1.*"))) == INSTANCES


def test_a_restart_records_what_was_answered_before_the_kill(victim: Victim) -> None:
    """Though nobody sends any more."""
    datasets = [instance() for _ in range(3)]
    for dataset in datasets:
        part10(dataset)
    victim.send(datasets)
    victim.kill()
    victim.start()
    until(lambda: victim.ledger.instances() == len(datasets), "all recorded")
