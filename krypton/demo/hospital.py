"""Sends files over a DICOM association, as a hospital's PACS does, for the demo.

A file without an answer is sent again on another association: on a busy machine pynetdicom may take an answer for a
request of the peer's, and wait for it until the association ends (it looks whether its reactor is paused just while
that goes on).
"""

import socket
from collections.abc import Sequence
from pathlib import Path

from pydicom import Dataset, dcmread
from pynetdicom import AE, Association, evt
from pynetdicom.events import Event

from krypton.errors import ServiceUnavailable

ACCEPTED = {0x0000, 0xB000, 0xB006, 0xB007}  # success and warnings, PS3.4 table B.2-1
MOST_CONTEXTS = 128  # PS3.8: presentation contexts of one association
ATTEMPTS = 3


def send(ae_title: str, host: str, port: int, called: str, files: Sequence[Path]) -> tuple[int, list[str]]:
    """C-STORE each file in one association; returns how many were taken, and why the others were not.

    Raises ServiceUnavailable.
    """
    caller = AE(ae_title=ae_title)
    datasets = [(path, dcmread(path, force=True)) for path in files]
    wanted = {(d.SOPClassUID, d.file_meta.TransferSyntaxUID) for _, d in datasets}
    for sop_class, syntax in sorted(wanted)[:MOST_CONTEXTS]:
        caller.add_requested_context(sop_class, syntax)

    def associate() -> Association:
        association = caller.associate(host, port, ae_title=called, evt_handlers=[(evt.EVT_CONN_OPEN, _no_delay)])
        if not association.is_established:
            raise ServiceUnavailable(f"{called} refused the association of {ae_title}")
        return association

    association, taken, refused = associate(), 0, []
    for path, dataset in datasets:
        for _ in range(ATTEMPTS):
            if "Status" in (answer := _answer(association, dataset)):
                break
            association = associate()
        status = answer.get("Status", 0xA700)
        taken += status in ACCEPTED
        if status not in ACCEPTED:
            refused.append(f"{path.name}: {answer.get('ErrorComment', 'no reason given')} (status {status:#06x})")
    association.release()
    return taken, refused


def _answer(association: Association, dataset: Dataset) -> Dataset:
    """Empty where none came."""
    return association.send_c_store(dataset) if association.is_established else Dataset()


def _no_delay(event: Event) -> None:
    """Without it every answer waits for a delayed acknowledgement."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
