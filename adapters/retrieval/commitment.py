"""Storage commitment, push model: says of instances that a site sent whether they are kept, until it is heard.

A request is on disk before it is answered. Its result is reported once everything that came is recorded or refused: on
a new association where it is known where the application listens, else on the one that asks. What is not acknowledged
is reported again, over restarts, for ``KEPT_S``; so a report may come twice. Source: PS3.4 annex J.

    commitments/<site>_<uuid>.json     below the root of the spool: a request whose report was not acknowledged yet
"""

import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final
from uuid import uuid4

from adapters.dicom.network.contexts import COMMITMENT, EXPLICIT, IMPLICIT
from adapters.dicom.network.dialogue import Dialogue
from adapters.dicom.network.dimse import Answer
from adapters.dicom.network.pdu import Malformed, Proposed, Roles
from adapters.dicom.network.requestor import NotAssociated, Requestor
from adapters.dicom.network.wire import Gone, Late
from adapters.dicom.part10 import mapped, read_file_meta
from adapters.dicom.refusal import Unreadable
from adapters.durable import OWNER_ONLY, write
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Name, Spool, path_part
from adapters.retrieval.identifier import Attributes, read, uids
from adapters.retrieval.identifier import write as written
from adapters.retrieval.port import Places

log = logging.getLogger(__name__)

INSTANCE: Final = "1.2.840.10008.1.20.1.1"
"""The one instance that requests are made of."""
REQUEST, ALL_KEPT, SOME_NOT = 1, 1, 2
"""Action type; event types."""
TRANSACTION, REFERENCED, FAILED, REASON = "00081195", "00081199", "00081198", "00081197"
SOP_CLASS, SOP_UID = "00081150", "00081155"
MOST: Final = 10_000
"""Instances of one request, and requests that wait, of all establishments."""
MOST_OF_ONE: Final = 1_000
"""Requests of one establishment that wait: one whose devices never hear theirs keeps no other from asking."""
KEPT_S: Final = 7 * 24 * 3600.0
LOOK_S: Final = 0.2
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 3_600.0
SAME_ASSOCIATION_S: Final = 60.0
"""How long the result is waited for on the association that asks."""


class Status(IntEnum):
    """Answers to an N-ACTION, PS3.7 annex C.5."""

    SUCCESS = 0x0000
    NO_SUCH_INSTANCE = 0x0112
    INVALID_ARGUMENT = 0x0115
    NO_SUCH_ACTION = 0x0123
    RESOURCE_LIMITATION = 0x0213


class Because(IntEnum):
    """Failure Reason (0008,1197), PS3.3 C.14.1.1."""

    PROCESSING_FAILURE = 0x0110
    NO_SUCH_INSTANCE = 0x0112
    CLASS_CONFLICT = 0x0119


@dataclass(frozen=True)
class Pending:
    """A request. ``items``: SOP class and SOP instance; ``asked_at``: seconds since 1970."""

    ae_title: str
    site: str
    transaction: str
    items: Sequence[Sequence[str]]
    asked_at: float


@dataclass
class Commitments:
    """Call ``start``, ``serve`` from any thread, then ``stop``. ``ae_title``: its own."""

    spool: Spool
    places: Places
    ae_title: str
    first_wait_s: float = FIRST_WAIT_S
    _stopping: Event = field(default_factory=Event)
    _waits: dict[Path, tuple[float, float]] = field(default_factory=dict)
    _thread: Thread | None = None

    def start(self) -> None:
        """Report what is left, and what comes."""
        self._thread = Thread(target=self._run, name="dicom commitments", daemon=True)
        self._thread.start()

    def stop(self, grace_s: float = 5.0) -> None:
        """The rest is reported after the next start."""
        self._stopping.set()
        if self._thread:
            self._thread.join(grace_s)

    def serve(self, dialogue: Dialogue) -> None:
        """Answer an N-ACTION; report at once where nobody can be called. Raises what ends the association."""
        asked, agreed = dialogue.asked, dialogue.agreed
        if asked.sop_uid != INSTANCE:
            dialogue.answer(Answer(Status.NO_SUCH_INSTANCE))
        elif asked.action != REQUEST:
            dialogue.answer(Answer(Status.NO_SUCH_ACTION))
        elif self._waiting() >= MOST or self._waiting(agreed.site) >= MOST_OF_ONE:
            dialogue.answer(Answer(Status.RESOURCE_LIMITATION, "too many requests wait to be reported"))
        else:
            try:
                transaction, items = _asked(read(dialogue.data, dialogue.context.transfer))
            except Unreadable as unfit:
                dialogue.answer(Answer(Status.INVALID_ARGUMENT, str(unfit)))
                return
            pending = Pending(agreed.calling, agreed.site, transaction, items, time.time())
            file = self._folder / f"{path_part(agreed.site)}_{uuid4()}.json"
            write(file, json.dumps(asdict(pending)).encode(), OWNER_ONLY)
            dialogue.answer(Answer(Status.SUCCESS))
            if self.places.callee(agreed.site, agreed.calling) is None:
                self._report_here(dialogue, pending, file)

    @property
    def _folder(self) -> Path:
        return self.spool.root / "commitments"

    def _waiting(self, site: str = "") -> int:
        """How many requests wait: of all establishments, or of one."""
        return sum(1 for _ in self._folder.glob(f"{path_part(site)}_*.json" if site else "*.json"))

    def _report_here(self, dialogue: Dialogue, pending: Pending, file: Path) -> None:
        """On the association that asked, as long as it is there."""
        until = time.monotonic() + SAME_ASSOCIATION_S
        while (result := self.result(pending)) is None:
            if time.monotonic() > until or self._stopping.wait(LOOK_S) or dialogue.cancelled():
                return
        event, data = _report(pending, result, dialogue.context.transfer)
        if dialogue.report(COMMITMENT, INSTANCE, event, data) == 0:
            file.unlink(missing_ok=True)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            for file in sorted(self._folder.glob("*.json")):
                if self._waits.get(file, (0.0, 0.0))[0] <= time.monotonic() and not self._stopping.is_set():
                    self._try(file)

    def _try(self, file: Path) -> None:
        try:
            pending = Pending(**json.loads(file.read_bytes()))
            if time.time() - pending.asked_at > KEPT_S:
                log.warning("commitment %s of %s was never heard: given up", pending.transaction, pending.ae_title)
            elif not self._reported(pending):
                self._later(file)
                return
            file.unlink(missing_ok=True)
            self._waits.pop(file, None)
        except FileNotFoundError:  # reported on its own association
            self._waits.pop(file, None)
        except Exception as failed:  # the others are not to wait for it
            log.warning("a commitment could not be reported (%s): tried again", type(failed).__name__)
            self._later(file)

    def _later(self, file: Path) -> None:
        wait = min(2 * self._waits.get(file, (0.0, self.first_wait_s / 2))[1], LONGEST_WAIT_S)
        self._waits[file] = time.monotonic() + wait, wait

    def _reported(self, pending: Pending) -> bool:
        """Whether the result is known, and was heard."""
        callee, result = self.places.callee(pending.site, pending.ae_title), self.result(pending)
        if callee is None or result is None:
            return False
        proposed = [Proposed(1, COMMITMENT, (EXPLICIT, IMPLICIT))]
        try:
            roles = {COMMITMENT: Roles(user=False, provider=True)}
            with Requestor.associate(callee, self.ae_title, proposed, roles, self._stopping.is_set) as association:
                if not association.contexts:
                    raise NotAssociated("it takes no reports")
                context = association.contexts[0]
                event, data = _report(pending, result, context.transfer)
                status = association.report(context, COMMITMENT, INSTANCE, event, data)
                association.release()
        except (NotAssociated, Gone, Late, Malformed) as away:
            log.info("commitment %s could not be reported to %s: %s", pending.transaction, pending.ae_title, away)
            return False
        return status == 0

    def result(self, pending: Pending) -> dict[str, Because | None] | None:
        """What became of each instance, by UID; None of a reason: it is kept. None of all: not known yet."""
        coming = {Name(pending.site, "", file.name).uid for file in self._coming(pending.site)}
        if any(uid in coming for _, uid in pending.items):
            return None
        return {uid: self._kept(pending.site, sop_class, uid) for sop_class, uid in pending.items}

    def _coming(self, site: str) -> Iterable[Path]:
        """What is on disk and not recorded yet, of a site."""
        return self.spool.root.glob(f"work/*/pending/{path_part(site)}/*/*_*")

    def _kept(self, site: str, sop_class: str, uid: str) -> Because | None:
        claim = self.spool.claim(site, uid)
        try:
            with mapped(claim) as data:
                meta = read_file_meta(data)
        except FileNotFoundError:  # or it was moved to a volume that is away
            return Because.PROCESSING_FAILURE if claim.is_symlink() else Because.NO_SUCH_INSTANCE
        except (OSError, Refused):
            return Because.PROCESSING_FAILURE
        return None if meta.sop_class == sop_class else Because.CLASS_CONFLICT


def _asked(attributes: Attributes) -> tuple[str, list[tuple[str, str]]]:
    """The transaction, and the instances. Raises Unreadable."""
    found = uids(attributes, TRANSACTION)
    items = [item for item in attributes.get(REFERENCED, {}).get("Value", ()) if isinstance(item, dict)]
    if len(found) != 1 or not 0 < len(items) <= MOST:
        raise Unreadable(f"a request has a TransactionUID, and 1 to {MOST} instances")
    named = [(uids(item, SOP_CLASS), uids(item, SOP_UID)) for item in items]
    if any(len(of_class) != 1 or len(of_instance) != 1 for of_class, of_instance in named):
        raise Unreadable("each instance has its SOP class and SOP instance UID")
    return found[0], [(of_class[0], of_instance[0]) for of_class, of_instance in named]


def _report(pending: Pending, result: dict[str, Because | None], syntax: str) -> tuple[int, bytes]:
    """The event's type, and its data set."""
    kept = [_reference(item) for item in pending.items if result[item[1]] is None]
    failed = [
        _reference(item) | {REASON: {"vr": "US", "Value": [int(because)]}}
        for item in pending.items
        if (because := result[item[1]]) is not None
    ]
    told: Attributes = {TRANSACTION: {"vr": "UI", "Value": [pending.transaction]}}
    if kept:
        told[REFERENCED] = {"vr": "SQ", "Value": kept}
    if failed:
        told[FAILED] = {"vr": "SQ", "Value": failed}
    return SOME_NOT if failed else ALL_KEPT, written(told, syntax)


def _reference(item: Sequence[str]) -> dict[str, Any]:
    sop_class, uid = item
    return {SOP_CLASS: {"vr": "UI", "Value": [sop_class]}, SOP_UID: {"vr": "UI", "Value": [uid]}}
