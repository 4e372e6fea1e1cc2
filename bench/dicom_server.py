"""The DICOM storage service as a process of its own, to be measured: python -m bench.dicom_server SPOOL PORT."""

import signal
import sys
from pathlib import Path
from threading import Event

from adapters.dicom.inlet import spool_at
from adapters.dicom.storage import Doors, StorageService
from bench.dicom_store import NoLedger


def main(spool: str, port: str) -> None:
    """Serve until SIGTERM."""
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Path(spool).mkdir(parents=True)
    service = StorageService(
        ledger=NoLedger(),
        spool=spool_at(Path(spool)),
        site_of=lambda ae_title: "CHB",
        refused=lambda caller: None,
        doors=Doors(port=int(port)),
    )
    service.start()
    stop.wait()
    service.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
