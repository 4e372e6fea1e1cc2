"""Applications that ask and receive, with pynetdicom: what they ask, what they are answered, what comes to them."""

import threading
import warnings
from collections.abc import Callable
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, Association, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from adapters.dicom.network.requestor import Callee
from tests.fakes.dicom import AE_TITLE, ROOT, instance
from tests.waiting import WITHIN_S, until

FIND = StudyRootQueryRetrieveInformationModelFind
PATIENT_FIND = PatientRootQueryRetrieveInformationModelFind
MOVE, GET = StudyRootQueryRetrieveInformationModelMove, StudyRootQueryRetrieveInformationModelGet
PATIENT_MOVE, PATIENT_GET = (
    PatientRootQueryRetrieveInformationModelMove,
    PatientRootQueryRetrieveInformationModelGet,
)
STUDY = ROOT + "1"
_LOOK_S = 0.01
PIXELS = {"BitsAllocated": 8, "Rows": 10, "Columns": 10, "SamplesPerPixel": 1}


def sender(title: str = AE_TITLE) -> AE:
    """An application that calls."""
    entity = AE(ae_title=title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = WITHIN_S
    return entity


def held(association: Association) -> Association:
    """The association, for several requests one after another: its reactor waits until the association ends.

    pynetdicom lets its reactor go on between two requests, and takes it for paused while it has not woken: woken late,
    it takes the second request's answer for a request of the peer's.
    """
    association._reactor_checkpoint = _Held(association)
    association._is_paused = False  # it says so again where it waits for the new checkpoint
    until(lambda: association._is_paused, "the reactor waits")
    return association


class _Held(threading.Event):
    """A checkpoint that nobody passes before the association ends."""

    def __init__(self, association: Association) -> None:
        super().__init__()
        self._association = association

    def set(self) -> None:
        """A request is answered: the reactor is not needed for the next one."""

    def wait(self, timeout: float | None = None) -> bool:
        """Until the association ends; ``timeout`` is of the signature alone."""
        while not (self._association._kill or super().wait(_LOOK_S)):
            pass
        return True


class Receiver:
    """A PACS that keeps what it is sent, by UID. ``status``: what it answers."""

    def __init__(self, *syntaxes: str, classes: tuple[str, ...] = (CTImageStorage,)) -> None:
        self.kept: dict[str, Dataset] = {}
        self.bytes: dict[str, bytes] = {}
        self.originators: set[tuple[str, int]] = set()
        self.status: Callable[[str], int] = lambda _: 0
        entity = sender("CHB_PACS")
        for each in classes:
            entity.add_supported_context(each, list(syntaxes) or [ExplicitVRLittleEndian])
        self.server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self.take)])
        self.callee = Callee(ae_title="CHB_PACS", host="127.0.0.1", port=self.server.server_address[1])

    def take(self, event: Any) -> int:
        """Keep one."""
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        self.originators.add(
            (event.request.MoveOriginatorApplicationEntityTitle, event.request.MoveOriginatorMessageID)
        )
        status = self.status(dataset.SOPInstanceUID)
        if status == 0:
            self.kept[dataset.SOPInstanceUID] = dataset
            self.bytes[dataset.SOPInstanceUID] = event.request.DataSet.getvalue()
        return status

    def stop(self) -> None:
        """End it."""
        self.server.shutdown()


def identifier(level: str = "STUDY", **keys: Any) -> Dataset:
    """What is asked for, however unfit."""
    asked = Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pydicom's, of values that are none
        for name, value in ({"QueryRetrieveLevel": level} | keys).items():
            setattr(asked, name, value)
    return asked


def moved(
    port: int, asked: Dataset, to: str = "CHB_PACS", model: Any = MOVE, title: str = AE_TITLE
) -> list[tuple[Dataset, Dataset | None]]:
    """All answers to a C-MOVE."""
    entity = sender(title)
    entity.add_requested_context(model)
    association = entity.associate("127.0.0.1", port, ae_title="KRYPTON")
    assert association.is_established
    answers = list(association.send_c_move(asked, to, model))
    association.release()
    return answers


def got(
    port: int, asked: Dataset, *syntaxes: str, model: Any = GET, title: str = AE_TITLE
) -> tuple[list[Any], dict[str, Dataset]]:
    """All answers to a C-GET, and what came with it."""
    kept: dict[str, Dataset] = {}

    def take(event: Any) -> int:
        kept[event.dataset.SOPInstanceUID] = event.dataset
        return 0

    entity = sender(title)
    entity.add_requested_context(model)
    entity.add_requested_context(CTImageStorage, list(syntaxes) or [ExplicitVRLittleEndian])
    association = entity.associate(
        "127.0.0.1",
        port,
        ae_title="KRYPTON",
        ext_neg=[build_role(CTImageStorage, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, take)],
    )
    assert association.is_established
    answers = list(association.send_c_get(asked, model))
    association.release()
    return answers, kept


def counts(status: Dataset) -> tuple[int | None, int, int, int]:
    """Remaining, completed, failed, warning."""
    names = [f"NumberOf{kind}Suboperations" for kind in ("Remaining", "Completed", "Failed", "Warning")]
    remaining, completed, failed, warning = (status.get(name) for name in names)
    return remaining, completed, failed, warning


def images(number: int, **more: Any) -> list[Dataset]:
    """CT images of one study, in two series."""
    of = [{"InstanceNumber": n, "SeriesInstanceUID": f"{ROOT}1.{n % 2 + 1}"} for n in range(1, number + 1)]
    return [instance(**(PIXELS | {"PixelData": bytes([n]) * 5_000} | one | more)) for n, one in enumerate(of, 1)]


def found(
    port: int, asked: Dataset, model: Any = FIND, title: str = AE_TITLE, syntax: str = ExplicitVRLittleEndian
) -> tuple[list[Dataset], Dataset]:
    """What a C-FIND finds, and its last answer."""
    entity = sender(title)
    entity.add_requested_context(model, syntax)
    association = entity.associate("127.0.0.1", port, ae_title="KRYPTON")
    assert association.is_established
    *pending, (last, _) = list(association.send_c_find(asked, model))
    association.release()
    assert {status.Status for status, _ in pending} <= {0xFF00, 0xFF01}
    return [answer for _, answer in pending], last
