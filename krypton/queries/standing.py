"""One decision for the many images of a study: on record once, and looked at again while they are given out.

A viewer asks for a thousand frames in ten seconds, and a radiologist looks at one study. So the gate decides once for
each caller, study and reason; what is asked next within ``STANDS_S`` rests on that decision as long as the ledger would
decide so still, which is looked at again, without a record, before anything is shown on a look older than ``AGAIN_S``.
Nothing of it outlives the process: each decides for itself.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final
from uuid import UUID

from domain.actors import Caller
from domain.aggregates.study import Study
from domain.errors import NotFound
from krypton.bootstrap import Krypton
from krypton.queries.gate import KEPT_REASON, RECORDED, Recorded, ViewRefused, again, permit
from krypton.queries.studies import LEFT_OUT
from krypton.queries.study_uids import NOBODYS, Row, is_open, shown_whole, studies_of_uid, task_of

log = logging.getLogger(__name__)
STANDS_S: Final = 300.0
"""How long a decision stands: whoever goes on looking is on record again."""
AGAIN_S: Final = 0.4
SOON_S: Final = 0.2
"""From then on it is looked at again, and who asks need not wait for it."""
REFUSED_S: Final = 1.0
"""How long a refusal stands: who asks a hundred times a second is on record once in it."""
MOST: Final = 4_096
"""Decisions of one process; the one that was asked for longest ago is forgotten, and made again."""
Clock = Callable[[], float]
Later = Callable[[Callable[[], None]], None]
"""Has something done, sooner or later."""


def _at_once(what: Callable[[], None]) -> None:
    what()


@dataclass(frozen=True)
class Seen:
    """A study that may be shown. ``studies``: its ids in the ledger: one, or one of each site that sent it for this
    person; ``identity``: whom it was decided on; ``members``: that person's identities.
    """

    uid: str
    studies: tuple[str, ...]
    identity: str
    members: frozenset[str]


class Decision:
    """A decision to show a study, and whether it stands. Any number of threads may ask."""

    def __init__(
        self, seen: Seen, recorded: Recorded, look: Callable[[], bool], clock: Clock, at: float, later: Later
    ) -> None:
        self._seen, self._look, self._clock, self._later = seen, look, clock, later
        self._recorded = recorded._replace(standing=self)
        self._made_at = self._looked_at = at
        self._ended = self._looking = False
        self._lock, self._turn = Lock(), Lock()

    def good(self, caller: Caller) -> bool:
        """Whether what is asked now, for the same reason, may rest on it."""
        recorded = self._recorded.command.caller.reason
        same = recorded == (caller.reason if caller.reason is not None else _kept(self._seen.members))
        return same and self._clock() - self._made_at < STANDS_S and self.holds()

    def told(self) -> Seen:
        """What may be shown; noted as what the request rests on."""
        if (noted := RECORDED.get()) is not None:
            noted.append(self._recorded)
        return self._seen

    def known(self) -> bool | None:
        """Whether it stands, without a look; None: it takes one."""
        return None if self._old(AGAIN_S) and not self._ended else not self._ended

    def holds(self) -> bool:
        """Whether it stands, by a look that is fresh enough. Raises what a look raises."""
        if self._ended or not self._old(SOON_S):
            return not self._ended
        if not self._old(AGAIN_S):
            with self._lock:
                begins, self._looking = not self._looking, True
            if begins:
                self._later(self._ahead)
            return not self._ended
        with self._turn:
            if self._old(SOON_S) and not self._ended:
                self._see()
            return not self._ended

    def _ahead(self) -> None:
        """Look before it is time. Where nothing is found out, the next who asks finds out why."""
        try:
            self._see()
        except Exception as error:
            log.warning("whether a decision stands is not known: %s", type(error).__name__)
        finally:
            self._looking = False

    def _see(self) -> None:
        began = self._clock()
        self._ended = self._ended or not self._look()
        self._looked_at = max(self._looked_at, began)

    def _old(self, most_s: float) -> bool:
        return self._clock() - self._looked_at >= most_s


@dataclass(frozen=True)
class Refusal:
    """A decision on record not to show a study."""

    error: Callable[[], Exception]
    clock: Clock
    at: float

    def good(self, _: Caller) -> bool:
        """Whether it stands."""
        return self.clock() - self.at < REFUSED_S

    def told(self) -> Seen:
        """Raises ViewRefused, NotFound."""
        raise self.error()


@dataclass
class _Slot:
    """What was decided last on one question."""

    lock: Lock = field(default_factory=Lock)
    held: Decision | Refusal | None = None


class Standing:
    """The decisions of one process. ``later``: looks at one in another thread, while nobody waits."""

    def __init__(self, ours: Krypton, clock: Clock = time.monotonic, later: Later = _at_once) -> None:
        self._ours, self._clock, self._later = ours, clock, later
        self._slots: OrderedDict[tuple[Caller, str, UUID | None], _Slot] = OrderedDict()
        self._lock = Lock()

    def seen(self, caller: Caller, uid: str, person: UUID | None = None) -> Seen:
        """What this caller may see of the study of a UID, decided and on record. ``person``: the uuid of an identity of
        whose it is; without it the UID alone says.

        Raises NotFound: there is none that the caller sees; Ambiguous; and as ``permit`` does.
        """
        slot = self._slot((caller, uid, person))
        held = slot.held
        if held is None or not held.good(caller):
            with slot.lock:
                if slot.held is None or slot.held is held or not slot.held.good(caller):
                    slot.held = self._decide(caller, uid, person)
                held = slot.held
        return held.told()

    def _slot(self, key: tuple[Caller, str, UUID | None]) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            if len(self._slots) > MOST:
                self._slots.popitem(last=False)
            return slot

    def _decide(self, caller: Caller, uid: str, person: UUID | None) -> Decision | Refusal:
        """Decide, and have it on record. Raises NotFound, where nothing is on record, and as ``permit`` does."""
        at = self._clock()
        token = RECORDED.set(noted := list[Recorded]())
        try:
            return self._decided(studies_of_uid(self._ours, caller, uid, person), caller, uid, noted, at)
        except ViewRefused as refused:
            rule = refused.rule
            return Refusal(lambda: ViewRefused(rule, task_of(caller), caller.role), self._clock, at)
        finally:
            RECORDED.reset(token)

    def _decided(
        self, rows: Sequence[Row], caller: Caller, uid: str, noted: Sequence[Recorded], at: float
    ) -> Decision | Refusal:
        """On the studies of one person."""
        ours, identity = self._ours, rows[0]["identity"]
        allowed = permit(ours, caller, task_of(caller), identity, asked=[f"study={row['study']}" for row in rows])
        shown = shown_whole(ours, rows, allowed)
        if not shown.studies:
            said = LEFT_OUT if shown.partly else NOBODYS
            return Refusal(lambda: NotFound(said), self._clock, at)
        seen, recorded = Seen(uid, shown.studies, identity, allowed.members), noted[-1]
        return Decision(
            seen, recorded, lambda: _stands(ours, recorded, seen, shown.versions), self._clock, at, self._later
        )


def _kept(members: Collection[str]) -> str | None:
    """Why somebody asks about a person, where the face keeps it."""
    kept = KEPT_REASON.get()
    return kept(members) if kept else None


def _stands(ours: Krypton, recorded: Recorded, seen: Seen, versions: Mapping[UUID, int]) -> bool:
    """Whether the ledger would show all of it still. What came in later is shown too, where nobody opposes it."""
    found = again(ours, recorded, versions)
    if found is None:
        return False
    now, work = found
    for study, version in versions.items():
        held = work.get(Study, study)
        if not is_open(work, held, seen.members) or (now["feeding"] and held.version != version):
            return False
    return True
