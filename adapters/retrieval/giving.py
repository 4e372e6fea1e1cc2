"""Gives out what a C-MOVE or C-GET asks for: instance by instance, counted, for as long as the ledger lets it be seen.

Nothing is sent before the decision is on record, and the destination of a C-MOVE is known before anything is looked up.
What the asker may not see is as if it were not there. A retrieval ends early when it is cancelled, when who asks is
gone, and when the ledger does not let it be seen any more. Source: PS3.4 C.4.2, C.4.3 and their tables of statuses.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from math import inf
from typing import Final

from adapters.archive.archive import Archive
from adapters.dicom.network.dialogue import Dialogue
from adapters.dicom.network.dimse import Answer, Counts, Operation
from adapters.dicom.refusal import Unreadable
from adapters.retrieval.identifier import of_uids, read, write
from adapters.retrieval.instances import Instance, instances_of
from adapters.retrieval.levels import Level, Wanted, wanted
from adapters.retrieval.port import Asker, Places, Shelf, TooMuch
from adapters.retrieval.targets import Ended, NotSent, Other, Own, Target

log = logging.getLogger(__name__)

FAILED_UIDS: Final = "00080058"
NO_MORE: Final = "it may not be given out any more"
MOMENT_S: Final = 0.1
"""With the shelf's own looks, of which one is good for 0.4 s, bytes end within a second of what they rest on."""
TOLD_S: Final = 0.1
"""At least so long between two pending answers: they are optional (PS3.4 C.4.2.3, C.4.3.3), and each has its price."""
WARNING: Final = 0xB
"""How statuses of a warning begin."""
ELSEWHERE: Final = "part of it is kept on another machine"


class Status(IntEnum):
    """Answers to a C-MOVE or C-GET, PS3.4 tables C.4-2 and C.4-3."""

    SUCCESS = 0x0000
    CANNOT_COUNT = 0xA701
    CANNOT_SEND = 0xA702
    NO_SUCH_DESTINATION = 0xA801
    DOES_NOT_MATCH_CLASS = 0xA900
    SOME_FAILED = 0xB000
    CANCELLED = 0xFE00
    PENDING = 0xFF00


@dataclass
class Watch:
    """Whether what was found may be given out still; asked all the time.

    The shelf is asked in turns, and by all associations: what it let be seen a moment ago is seen still.
    """

    shelf: Shelf
    asker: Asker
    person: str | None = None
    uids: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    looked: dict[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def open(self, uids: Sequence[str]) -> list[str]:
        """Ids of the studies of these UIDs that may be seen; each is on record then."""
        for uid in uids:
            self.uids |= dict.fromkeys(self.shelf.studies(self.asker, uid, self.person), uid)
        return list(self.uids)

    def look(self, study: str) -> None:
        """Raises Ended: the study may not be given out any more."""
        now = self.clock()
        if study not in self.ended:
            if now - self.looked.get(study, -inf) < MOMENT_S:
                return
            if study in self.shelf.studies(self.asker, self.uids[study], self.person):
                self.looked[study] = now
                return
        self.ended.add(study)
        raise Ended


@dataclass
class Giver:
    """Serves C-MOVE and C-GET. ``ae_title``: its own, under which it calls destinations."""

    shelf: Shelf
    archive: Archive
    places: Places
    ae_title: str

    def serve(self, dialogue: Dialogue) -> None:
        """To its last answer. Raises what ends the association."""
        agreed, asked = dialogue.agreed, dialogue.asked
        moves = asked.operation == Operation.C_MOVE
        callee = self.places.callee(agreed.site, asked.destination) if moves else None
        if moves and callee is None:
            told = "no application of that title is registered here for you"
            dialogue.answer(Answer(Status.NO_SUCH_DESTINATION, told))
            return
        asker = Asker(agreed.calling, agreed.site, "C-MOVE" if moves else "C-GET")
        try:
            watch, found, elsewhere = self._found(dialogue, asker)
        except Unreadable as unfit:
            dialogue.answer(Answer(Status.DOES_NOT_MATCH_CLASS, str(unfit)))
            return
        except TooMuch as much:
            dialogue.answer(Answer(Status.CANNOT_COUNT, str(much)))
            return
        target: Target = Own(dialogue)
        if callee:
            target = Other(callee, self.ae_title, found, (agreed.calling, asked.message))
        Run(dialogue, target, watch, found, elsewhere).run()

    def _found(self, dialogue: Dialogue, asker: Asker) -> tuple[Watch, list[Instance], bool]:
        """Raises Unreadable, TooMuch."""
        asked = wanted(read(dialogue.data, dialogue.context.transfer), dialogue.asked.sop_class)
        watch = Watch(self.shelf, asker)
        studies = watch.open(self._uids(asked, watch))
        return watch, *instances_of(self.archive, studies, asked)

    def _uids(self, asked: Wanted, watch: Watch) -> Sequence[str]:
        """The UIDs of the studies that are asked for; of a patient whom the number leads to, these alone."""
        if asked.patient is None:
            return asked.studies
        watch.person = self.shelf.person(watch.asker, *asked.patient)
        if watch.person is None:
            return ()
        return self.shelf.uids(watch.asker, *asked.patient) if asked.level is Level.PATIENT else asked.studies


@dataclass
class Run:
    """The sub-operations of one retrieval."""

    dialogue: Dialogue
    target: Target
    watch: Watch
    instances: Sequence[Instance]
    elsewhere: bool
    completed: int = 0
    warning: int = 0
    failed: list[str] = field(default_factory=list)
    said: str = ""
    told: float = -inf

    def run(self) -> None:
        """Send them one after the other, then give the last answer."""
        cancelled = False
        try:
            for place, instance in enumerate(self.instances):
                if cancelled := self.dialogue.cancelled():
                    break
                self._send(instance)
                self._pending(len(self.instances) - place - 1)
        finally:
            self.target.close()
        self._end(cancelled=cancelled)

    def _send(self, instance: Instance) -> None:
        """Raises what ends the association."""

        def between() -> None:
            self.watch.look(instance.study)
            self.dialogue.cancelled()  # raises where who asks is gone

        try:
            self.watch.look(instance.study)
            status = self.target.send(instance, between)
        except Ended:
            self._not_sent(instance, NO_MORE)
        except NotSent as why:
            self._not_sent(instance, str(why))
        else:
            self._answered(instance, status)

    def _answered(self, instance: Instance, status: int) -> None:
        if status == Status.SUCCESS:
            self.completed += 1
        elif status >> 12 == WARNING:
            self.warning += 1
        else:
            self._not_sent(instance, f"answered with status {status:04X}")

    def _not_sent(self, instance: Instance, why: str) -> None:
        log.warning("instance %s was not sent for %s: %s", instance.sop_uid, self.watch.asker.ae_title, why)
        self.failed.append(instance.sop_uid)
        self.said = why

    def _pending(self, remaining: int) -> None:
        """After the first instance, then ten times a second at most."""
        now = self.watch.clock()
        if now - self.told < TOLD_S:
            return
        self.told = now
        counts = Counts(remaining, self.completed, len(self.failed), self.warning)
        self.dialogue.answer(Answer(Status.PENDING, counts=counts))

    def _end(self, *, cancelled: bool) -> None:
        sent = self.completed + self.warning
        left = len(self.instances) - sent - len(self.failed)
        counts = Counts(left if cancelled else None, self.completed, len(self.failed), self.warning)
        answer = Answer(self._status(cancelled=cancelled), self.said or ELSEWHERE * self.elsewhere, counts)
        told = write(of_uids(self.failed, FAILED_UIDS), self.dialogue.context.transfer) if self.failed else b""
        self.dialogue.answer(answer, told)

    def _status(self, *, cancelled: bool) -> Status:
        if cancelled:
            return Status.CANCELLED
        if not (self.failed or self.warning or self.elsewhere):
            return Status.SUCCESS
        return Status.SOME_FAILED if self.completed + self.warning else Status.CANNOT_SEND
