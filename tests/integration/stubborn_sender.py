"""A sender that sends each instance until it is answered, whatever becomes of the service meanwhile."""

from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt

from tests.fakes.dicom import AE_TITLE, CT_IMAGE, no_delay
from tests.waiting import until

# pynetdicom's sender leaves the socket of a connection that was refused or reset to the garbage collector.
LEAVES_SOCKETS = "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"


class StubbornSender:
    """Sends to one port of this machine, one association at a time."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered = 0
        self._association: Any = None

    def send(self, datasets: list[Dataset]) -> None:
        """Until each was answered with success; the association stays open."""
        for dataset in datasets:
            until(partial(self._sent, dataset), "answered with success")
            self.answered += 1

    def release(self) -> None:
        """End the association, if there is one."""
        if self._association and self._association.is_established:
            self._association.release()

    def _sent(self, dataset: Dataset) -> bool:
        if not (self._association and self._association.is_established):
            self._association = self._associate()
        try:
            return bool(self._association.send_c_store(dataset).get("Status") == 0)
        except RuntimeError:  # the association is gone
            return False

    def _associate(self) -> Any:
        entity = AE(AE_TITLE)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = 3
        entity.add_requested_context(CT_IMAGE, ExplicitVRLittleEndian)
        handlers = [(evt.EVT_CONN_OPEN, no_delay)]
        return entity.associate("127.0.0.1", self.port, ae_title="KRYPTON", evt_handlers=handlers)
