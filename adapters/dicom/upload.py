"""Takes in a DICOM file that comes in piece by piece: its File Meta is read first, then its data set as any other.

What the File Meta says beside SOP class, instance and transfer syntax is not kept, as Krypton writes its own. Source:
DICOM PS3.10 7.1, PS3.18 table I.2-2 (failure reasons).
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from adapters.dicom.attributes import Instance
from adapters.dicom.network.association import ToStore
from adapters.dicom.network.contexts import is_storage
from adapters.dicom.network.pdu import Malformed
from adapters.dicom.part10 import PREAMBLE, PREFIX, FileMeta, read_file_meta
from adapters.dicom.refusal import NotAsNamed
from adapters.dicom.store import Incoming, Sender, Status
from adapters.dicom.taking import Taking
from adapters.dicom.values import is_uid
from adapters.inbox.refusal import Refused

CLASS_NOT_SUPPORTED: Final = 0x0122
_FIRST_LOOK, _LONGEST_META = 1_024, 1_048_576  # bytes
_ELEMENT: Final = 8  # bytes of an element's head


@dataclass(frozen=True)
class Outcome:
    """What became of one file. ``status`` 0: it is on disk; else ``why`` says why not, without any value of it."""

    status: int
    why: str = ""
    sop_class: str = ""
    sop_uid: str = ""
    study_uid: str = ""
    series_uid: str = ""


class Upload:
    """Call ``write`` with its pieces, then ``end``; or ``discard``. ``study_uid``: of the study that it must be of."""

    def __init__(self, taking: Taking, sender: Sender, feeder: Hashable, study_uid: str | None = None) -> None:
        self._taking, self._sender, self._feeder, self._study_uid = taking, sender, feeder, study_uid
        self._head, self._look_at = bytearray(), _FIRST_LOOK
        self._meta: FileMeta | None = None
        self._coming: Incoming | None = None
        self._instance: Instance | None = None
        self._refused: tuple[int, str] | None = None
        self._passed_over = 0  # bytes

    def write(self, data: memoryview) -> None:
        """Take the next bytes. Raises Malformed where a file that is refused has no end."""
        if self._coming:
            self._coming.write(data)
        elif self._refused is None:
            self._head += data
            if len(self._head) >= self._look_at:
                self._look(whole=False)
        else:
            self._passed_over += len(data)
            if self._passed_over > self._taking.largest:
                raise Malformed("a file without end")

    def _look(self, *, whole: bool) -> None:
        """Begin with the data set once all of the File Meta is there; ``whole``: no more comes of it."""
        whole = whole or len(self._head) >= _LONGEST_META
        self._look_at *= 2
        try:
            meta = read_file_meta(bytes(self._head))
        except Refused as refused:
            if whole or self._head[PREAMBLE : PREAMBLE + len(PREFIX)] != PREFIX:
                self._refuse(Status.CANNOT_UNDERSTAND, str(refused))
            return
        if whole or meta.offset + _ELEMENT <= len(self._head):
            self._begin(meta)

    def _begin(self, meta: FileMeta) -> None:
        if not (is_uid(meta.sop_class) and is_uid(meta.sop_uid)):
            missing = "MediaStorageSOPClassUID (0002,0002) or MediaStorageSOPInstanceUID (0002,0003)"
            self._refuse(Status.CANNOT_UNDERSTAND, f"{missing} is missing or no UID: PS3.10 7.1 requires both")
            return
        self._meta = meta
        if not is_storage(meta.sop_class):
            self._refuse(CLASS_NOT_SUPPORTED, "instances of this SOP class are not sent to be kept")
            return
        named = ToStore(sop_class=meta.sop_class, sop_uid=meta.sop_uid, transfer_syntax=meta.transfer_syntax)
        self._coming = self._taking.begin(named, self._sender, self._feeder, self._check)
        self._coming.write(memoryview(bytes(self._head[meta.offset :])))
        self._head.clear()

    def _check(self, instance: Instance) -> None:
        """Raises NotAsNamed: it is of another study than the one that was addressed."""
        self._instance = instance
        if self._study_uid and instance.study_uid != self._study_uid:
            raise NotAsNamed("it is of another study than the address names")

    def _refuse(self, status: int, why: str) -> None:
        self._refused = (status, why)
        self._head.clear()

    def end(self) -> Outcome:
        """All is there: keep it, and say what became of it."""
        if not self._coming and not self._refused:
            self._look(whole=True)
        if self._coming:
            answered = self._coming.end()
            self._refused = (answered.status, answered.comment)
        status, why = self._refused or (Status.CANNOT_UNDERSTAND, "not a DICOM file")
        meta, of = self._meta, self._instance
        return Outcome(
            int(status),
            why,
            meta.sop_class if meta else "",
            meta.sop_uid if meta else "",
            of.study_uid if of else "",
            of.series_uid if of else "",
        )

    def discard(self) -> None:
        """It does not come whole."""
        if self._coming:
            self._coming.discard()
