"""A service that commits, as a process to be killed: python -m tests.fakes.commitment_process SPOOL LEDGER PORT CALLED.

``CALLED``: the port on which the application listens that asks.
"""

import sys
import time
from pathlib import Path

from adapters.dicom.inlet import spool_at
from adapters.dicom.network.dimse import Operation
from adapters.dicom.network.requestor import Callee
from adapters.dicom.receiver import Ways
from adapters.dicom.storage import Doors, StorageService
from adapters.inbox.batches import Limits
from adapters.retrieval.commitment import Commitments
from adapters.retrieval.service import Served
from tests.fakes.dicom import AE_TITLE, SITE
from tests.fakes.dicom_process import LONGEST_LIFE_S, FolderLedger
from tests.fakes.shelf import Places


def main(spool: str, ledger: str, port: str, called: str) -> None:
    """Serve until killed, or for five minutes at most, where a test forgot it."""
    callee = Callee(ae_title=AE_TITLE, host="127.0.0.1", port=int(called))
    held = spool_at(Path(spool))
    commitments = Commitments(held, Places({(SITE, AE_TITLE): callee}), "KRYPTON", first_wait_s=0.1)
    service = StorageService(
        ledger=FolderLedger(Path(ledger)),
        spool=held,
        site_of=lambda ae_title: SITE,
        refused=lambda caller: None,
        doors=Doors(port=int(port)),
        ways=Ways(batches=Limits(quiet_s=0.2, linger_s=0.05)),
        serve=Served({Operation.N_ACTION: commitments.serve}),
    )
    service.start()
    commitments.start()
    time.sleep(LONGEST_LIFE_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
