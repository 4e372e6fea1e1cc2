"""Answers for one instance that comes over a network: keeps it durably, and says with a status what became of it.

Success means that the bytes are on disk. Source: DICOM PS3.4 table B.2-1, PS3.7 annex C.5.
"""

import logging
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from adapters.dicom.batch import Held
from adapters.dicom.bounds import MIB, Most
from adapters.dicom.intake import Check, arriving, keep_dataset
from adapters.dicom.network.association import ToStore
from adapters.dicom.network.dimse import COMMENT, Answer
from adapters.dicom.network.pdu import Malformed
from adapters.dicom.refusal import NotAsNamed, NothingToRecord
from adapters.dicom.values import is_uid
from adapters.inbox.arriving import Arriving
from adapters.inbox.desk import Desk
from adapters.inbox.refusal import Refused

log = logging.getLogger(__name__)


class Status(IntEnum):
    """Answers to a C-STORE."""

    SUCCESS = 0x0000
    OUT_OF_RESOURCES = 0xA700  # PS3.4 B.2.3: try again later
    DOES_NOT_MATCH_CLASS = 0xA900  # PS3.4 B.2.3: a dose report without dose, or another object than was named
    CANNOT_UNDERSTAND = 0xC000  # PS3.4 B.2.3


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who sends. ``actor``: as whom it is recorded; ``title``: the AE title, where there is one."""

    site: str
    actor: str
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Of what one message may bring."""

    instance_mib: int = 4_096
    read: Most = field(default_factory=Most)


class Incoming:
    """``adapters.dicom.network.association.Receiving`` of one instance; ``held``: called with what is new."""

    def __init__(
        self,
        desk: Desk,
        bounds: Bounds,
        asked: ToStore,
        sender: Sender,
        held: Callable[[Held], None],
        check: Check | None = None,
    ) -> None:
        self._desk, self._bounds, self._asked, self._sender, self._held = desk, bounds, asked, sender, held
        self._check = check
        self._came: Arriving | None = None
        self._passed_over = 0  # bytes
        self._refused = self._refused_at_once()
        if self._refused is None:
            self._came = arriving(desk, asked, sender.title)

    def _refused_at_once(self) -> Answer | None:
        if not (is_uid(self._asked.sop_class) and is_uid(self._asked.sop_uid)):
            self._log("refused: its SOP class or SOP instance is named by no UID")
            return answer(
                Status.CANNOT_UNDERSTAND,
                "SOPInstanceUID is not a UID (PS3.5 9.1): ask the sender's vendor to correct it",
            )
        if self._desk.spool.is_full():
            self._log("not stored: the disk is full, free some space", logging.ERROR)
            return answer(Status.OUT_OF_RESOURCES, "no room on the disk: try again later")
        return None

    def write(self, data: memoryview) -> None:
        """Take the next bytes; of what is refused, pass over as many as an instance may have. Raises Malformed."""
        if self._came is None:
            self._pass_over(len(data))
            return
        try:
            if self._came.size + len(data) > self._bounds.instance_mib * MIB:
                self._log(f"refused: larger than {self._bounds.instance_mib} MiB")
                most = f"larger than {self._bounds.instance_mib} MiB, which is the most taken here"
                self._refuse(answer(Status.CANNOT_UNDERSTAND, most))
            else:
                self._came.write(data)
        except OSError as full:
            self._log(f"not stored: {full.strerror}", logging.ERROR)
            self._refuse(answer(Status.OUT_OF_RESOURCES, "no room on the disk: try again later"))

    def _pass_over(self, count: int) -> None:
        self._passed_over += count
        if self._passed_over > self._bounds.instance_mib * MIB:
            raise Malformed("a data set without end")

    def _refuse(self, why: Answer) -> None:
        self.discard()
        self._came, self._refused = None, why

    def end(self) -> Answer:
        """Keep it."""
        if self._came is None:
            return self._refused or answer(Status.OUT_OF_RESOURCES, "not stored")
        try:
            held = keep_dataset(
                self._desk,
                self._came,
                self._asked,
                site=self._sender.site,
                actor=self._sender.actor,
                most=self._bounds.read,
                check=self._check,
            )
            if held:
                self._held(held)
            return Answer(Status.SUCCESS)
        except Refused as refused:
            self._log(f"refused: {refused}")
            return answer(_status(refused), str(refused))
        except Exception as broken:  # the peer waits for an answer, whatever broke on our side
            self._log(f"could not be kept ({type(broken).__name__})", logging.ERROR)
            return answer(Status.OUT_OF_RESOURCES, "not stored because of a server error: try again later")
        finally:
            self.discard()

    def discard(self) -> None:
        """It does not come whole, or is kept."""
        if self._came is not None:
            self._came.discard()

    def _log(self, what: str, level: int = logging.WARNING) -> None:
        named = self._asked.sop_uid if is_uid(self._asked.sop_uid) else "without a UID"  # else it may be a name
        log.log(level, "instance %s of %s %s", named, self._sender.actor, what)


def _status(refused: Refused) -> Status:
    match refused:
        case NothingToRecord() | NotAsNamed():
            return Status.DOES_NOT_MATCH_CLASS
        case _:
            return Status.CANNOT_UNDERSTAND


def answer(status: Status, why: str) -> Answer:
    """The answer to a refused instance, with the reason, shortened, as Error Comment (0000,0902; PS3.7 C.5)."""
    return Answer(int(status), textwrap.shorten(why, COMMENT, placeholder="..."))
