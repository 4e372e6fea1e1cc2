"""The looker: makes the lookups of one policy's outbox. Each asks a view, and becomes commands or nothing.

A sender makes them in turn with its commands, or they have a thread of their own (``run``): while a batch of commands
is executed the next lookups are made. They are one batch ahead and no more: what was found due and is not asked yet
would be found due again.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from threading import Condition, Event
from typing import Any, Final, Protocol
from uuid import UUID, uuid5

from adapters.outbox.outbox import Child, Claim, Entry, Outbox
from domain.ports import Clock
from domain.times import micros
from krypton.policies.each import AWAY, Reachable, each
from krypton.policies.fold import no_step
from krypton.policies.held import kept
from policies.policy import Due, Kind
from streams.broker.backoff import Backoff

log = logging.getLogger(__name__)

AT_A_TIME: Final = 500
IDLE_S: Final = 0.5  # how long an entry of another process can wait for this one
LATE_S: Final = 0.015  # the shortest pause
LOOK_EVERY_S, LOOK_MOST_S = 0.08, 0.25  # pauses between lookups: as long as they take, within these bounds
MISSING_US: Final = 5_000_000
"""How long one that waits for a row is put off where more lookups wait behind it."""
Found = Mapping[UUID, Sequence[tuple[int, Due]] | None]


class Lookup(Protocol):
    """Asks a view what is to be done."""

    def __call__(self, entries: Sequence[Entry]) -> Found:
        """By entry: what it becomes, each with its place among all. Entries that must wait for the view are absent;
        None is one that waits for a row of its own, whatever the view has read: its event may be a dead letter.
        """


class Faced(Enum):
    """What a backlog of lookups calls for: they are made one by one; all was answered, and commands follow; it rests,
    for it can be answered soon.
    """

    ONE_BY_ONE, ANSWERED, RESTS = range(3)


class AtOnce(Protocol):
    """Answers a backlog of lookups at once."""

    def once(self, go_on: Callable[[], bool]) -> Faced:
        """Answer it, if there is one, while ``go_on`` says so."""


class Ahead:
    """How far lookups are ahead of the commands that they become: a batch at most, and none where no more wait."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        """``wake``: who executes the commands."""
        self._wake = wake
        self._turn = Condition()
        self._raised = self._taken = self._done = 0

    def raised(self) -> None:
        """There is one more batch of commands to execute."""
        with self._turn:
            self._raised += 1
        self._wake()

    def so_far(self) -> int:
        """How many batches were raised."""
        return self._raised

    def taken(self, batches: int) -> None:
        """Of so many, no command waits that is not being executed."""
        with self._turn:
            self._taken = batches
            self._turn.notify_all()

    def done(self, batches: int) -> None:
        """Of so many, no command waits."""
        with self._turn:
            self._done = batches
            self._turn.notify_all()

    def wait(self, seconds: float, *, more: bool) -> bool:
        """Waits so long at most until it may be looked up again; whether it may. Where ``more`` lookups wait, it may
        be while the last commands are executed.
        """
        with self._turn:
            return self._turn.wait_for(lambda: (self._taken if more else self._done) == self._raised, seconds)


class Looker:
    """See the module. After ``once``, ``rests`` says whether it is to have a break, and ``raised`` whether there is
    more to do now than before.
    """

    def __init__(
        self,
        outbox: Outbox,
        lookups: Mapping[str, Lookup],
        clock: Clock,
        reachable: Reachable,
        step: Callable[[str], None] = no_step,
        at_once: AtOnce | None = None,
    ) -> None:
        """``at_once``: asked while more wait than are made at a time."""
        self.names = tuple(lookups)
        self.rests = self.raised = self._more_wait = False
        self._outbox = outbox
        self._lookups = lookups
        self._clock = clock
        self._reachable = reachable
        self._step = step
        self._at_once = at_once
        self._stop = Event()

    def run(self, stop: Event, wake: Event, ahead: Ahead) -> None:
        """Until ``stop`` is set; ``wake`` is set where there may be something new."""
        backoff, self._stop = Backoff(stop), stop
        while not stop.is_set():
            if not ahead.wait(IDLE_S, more=not self.rests):
                continue
            wake.clear()
            began = time.monotonic()
            try:
                made = self.once()
                if self.raised:
                    ahead.raised()
                idle = 0.0 if made or self.rests else self._pause()
            except AWAY as away:
                backoff.wait(f"{self._outbox.policy}: waiting for the database ({type(away).__name__})")
                continue
            backoff.reset()
            if self.rests:
                self.rest(stop, began)
            elif idle:
                wake.wait(idle)
        self._outbox.close()

    @staticmethod
    def rest(stop: Event, began: float) -> None:
        """Who comes meanwhile is looked up together: a view is not asked without a break."""
        stop.wait(min(LOOK_MOST_S, max(LOOK_EVERY_S, time.monotonic() - began)))

    def once(self) -> bool:
        """Make those that are due, a batch of each; whether anything became of any. Raises one of ``AWAY``.

        Each lookup by itself: what must wait for one of them holds no other up, nor takes back what it did.
        """
        self.rests = self.raised = False
        faced = self._at_once.once(lambda: not self._stop.is_set()) if self._more_wait and self._at_once else None
        if faced in (Faced.ANSWERED, Faced.RESTS):
            self.raised, self.rests = faced is Faced.ANSWERED, faced is Faced.RESTS
            return self.raised
        self._more_wait = False
        made = [self._look(name) for name in self._lookups]
        return any(made)

    def _pause(self) -> float:
        return pause(self._outbox.next_due(self.names, kinds=()), micros(self._clock()))

    def _look(self, name: str) -> bool:
        with self._outbox.claim(Kind.LOOKUP, micros(self._clock()), AT_A_TIME, name) as claim:
            if not claim.entries:
                return False
            made, raised = self._made(claim, name)
            if made:
                self._step("looked")
            goes_on = made and len(claim.entries) == AT_A_TIME  # a backlog: more wait already
            self.rests = self.rests or not goes_on
            self._more_wait = self._more_wait or goes_on
        self.raised = self.raised or raised
        return made

    def _made(self, claim: Claim, name: str) -> tuple[bool, bool]:
        """Whether any was made, and whether anything became of one."""
        made, raised, missing = False, False, list[Entry]()

        def look(entries: Sequence[Entry]) -> Found:
            with kept(claim.hold):  # a view may take long, and is asked over another session
                return self._lookups[name](entries)

        for part, found in each(claim.entries, look, self._reachable):
            if isinstance(found, Exception):  # parked in the end, where an operator sees it
                failed(claim, self._outbox.policy, part[0], kind(found))
                continue
            for entry in part:
                if (dues := found.get(entry.id)) is not None:
                    claim.became(entry, [child(entry.id, place, due) for place, due in dues])
                    made, raised = True, raised or bool(dues)
                elif entry.id in found:
                    missing.append(entry)
        if missing and len(claim.entries) == AT_A_TIME:  # else the same ones are claimed again, and no later one ever
            claim.put_off(missing, MISSING_US)
        return made, raised


def pause(due: int | None, now: int) -> float:
    """Seconds until the next entry is due (µs), and no more than ``IDLE_S``."""
    wait = IDLE_S if due is None else (due - now) / 1_000_000
    return min(IDLE_S, max(LATE_S, wait))


def child(parent: UUID, place: int, due: Due) -> Child:
    """What the entry of that id becomes, in the outbox."""
    body: dict[str, Any] = dict(due.body)
    told = "|".join(str(body.get(name)) for name in sorted(body))
    return Child(uuid5(parent, f"{due.does}|{told}"), due.kind.value, due.does, body, place, due.at)


def failed(claim: Claim, policy: str, entry: Entry, code: str) -> None:
    """Note a failure, and tell it."""
    told = (policy, entry.kind, entry.id, code)
    if claim.failed(entry, code):
        log.error("%s: %s %s failed for the last time and is parked (%s): krypton policies parked", *told)
    else:
        log.warning("%s: %s %s failed and is tried again later (%s)", *told)


def kind(wrong: Exception) -> str:
    """A library's message may quote a row: only the kind of an error is told."""
    return type(wrong).__name__
