"""A storage service as a process of its own, to be killed: python -m tests.fakes.dicom_process SPOOL LEDGER PORT.

Its ledger is a folder with one file per command, written as a database commits: whole or not at all.
"""

import json
import sys
import time
from pathlib import Path
from uuid import UUID

from adapters.dicom.inlet import spool_at
from adapters.dicom.receiver import Ways
from adapters.dicom.storage import Doors, StorageService
from adapters.durable import write
from adapters.inbox.batches import Limits
from domain.commands.studies import ReceiveStudy
from domain.ports import Answer
from domain.work import A, Command, Envelope
from tests.fakes.dicom import SITE

LONGEST_LIFE_S = 300


class FolderLedger:
    """Answers a repeated command as the first time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder

    def execute(self, command: Command, by: Envelope) -> Answer:
        """Store it once."""
        assert isinstance(command, ReceiveStudy)
        file = self.folder / f"{by.command_id}.json"
        if not file.exists():
            write(file, json.dumps({"instances": command.instances}).encode())
        return Answer((), {"study": command.study_uid, "dose_reports": 0})

    def find(self, cls: type[A], aggregate_id: UUID) -> A | None:
        """No aggregate is stored."""

    def instances(self) -> int:
        """How many it counts, over all commands."""
        return sum(json.loads(file.read_text())["instances"] for file in self.folder.glob("*.json"))


def main(spool: str, ledger: str, port: str) -> None:
    """Serve until killed, or for five minutes at most, where a test forgot it."""
    service = StorageService(
        ledger=FolderLedger(Path(ledger)),
        spool=spool_at(Path(spool)),
        site_of=lambda ae_title: SITE,
        refused=lambda caller: None,
        doors=Doors(port=int(port)),
        ways=Ways(batches=Limits(quiet_s=0.2, linger_s=0.05, items=7)),
    )
    service.start()
    time.sleep(LONGEST_LIFE_S)
    service.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
