"""kill -9 between a request for commitment and its report: the next process reports, as soon as somebody listens."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.sop_class import StorageCommitmentPushModel

from adapters.retrieval.commitment import INSTANCE
from tests.fakes.dicom import CT_IMAGE, instance
from tests.fakes.ports import free_port, listens
from tests.fakes.retrieving import sender
from tests.fakes.shelf import as_sent
from tests.waiting import WITHIN_S, until


class Victim:
    """The process."""

    def __init__(self, folder: Path) -> None:
        self.port, self.called = free_port(), free_port()
        folders = [str(folder / "spool"), str(folder / "ledger")]
        self.command = [sys.executable, "-m", "tests.fakes.commitment_process", *folders]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin."""
        root = Path(__file__).parents[2]
        self.process = subprocess.Popen([*self.command, str(self.port), str(self.called)], cwd=root)
        until(self.listens, "the service listens")

    def listens(self) -> bool:
        """Whether it takes connections."""
        return listens(self.port)

    def kill(self) -> None:
        """At once."""
        if self.process:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    """See ``Victim``."""
    one = Victim(tmp_path)
    one.start()
    yield one
    one.kill()


def test_a_request_that_was_answered_is_reported_by_the_next_process(victim: Victim) -> None:
    image = instance()
    entity = sender()
    entity.add_requested_context(CT_IMAGE, ExplicitVRLittleEndian)
    entity.add_requested_context(StorageCommitmentPushModel)
    association = entity.associate("127.0.0.1", victim.port, ae_title="KRYPTON")
    assert association.send_c_store(as_sent(image)).Status == 0
    asked, item = Dataset(), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT_IMAGE, image.SOPInstanceUID
    asked.TransactionUID, asked.ReferencedSOPSequence = "1.2.3.4", [item]
    status, _ = association.send_n_action(asked, 1, StorageCommitmentPushModel, INSTANCE)
    assert status.Status == 0
    victim.kill()
    association.abort()
    heard: Queue[tuple[int, str]] = Queue()

    def hear(event: Any) -> tuple[int, None]:
        (kept,) = event.event_information.ReferencedSOPSequence
        heard.put((event.event_type, str(kept.ReferencedSOPInstanceUID)))
        return 0, None

    listening = sender()
    listening.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    handlers = [(evt.EVT_N_EVENT_REPORT, hear)]
    server = listening.start_server(("127.0.0.1", victim.called), block=False, evt_handlers=handlers)
    try:
        victim.start()
        assert heard.get(timeout=WITHIN_S) == (1, image.SOPInstanceUID)
    finally:
        server.shutdown()
