"""The sender: executes the entries of one policy's outbox, with retries, idempotently by id.

Commands go to the ledger, which knows their ids; lookups ask a view and become commands; deliveries go to their target.
A refusal is an answer; what only comes too early is asked again when it is due. What fails is tried again, later each
time, and parked at last. A server that is away is waited for, and counts as no failure (``each``). Kill it anywhere:
what was not noted is done again under the same id.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Any, Final, Protocol
from uuid import UUID, uuid5

from adapters.outbox.outbox import Child, Claim, Entry, Outbox
from domain.errors import NotDelivered, NotFound, RuleBroken
from domain.ports import Answer, Clock, Notice, Notices
from domain.times import micros
from domain.work import Command, Envelope
from krypton.policies.each import AWAY, Reachable, each
from krypton.policies.fold import no_step
from policies import commands
from policies.policy import Due, Kind, Policy
from streams.broker.backoff import Backoff

log = logging.getLogger(__name__)

AT_A_TIME: Final = {Kind.COMMAND: 200, Kind.LOOKUP: 500}
IDLE_S: Final = 0.5  # how long an entry of another process can wait for this sender
LATE_S: Final = 0.015  # the shortest pause
LOOK_EVERY_S, LOOK_MOST_S = 0.08, 0.25  # pauses between lookups: as long as they take, within these bounds
PRUNE_S: Final = 3_600.0
Executed = Answer | RuleBroken | NotFound
Asked = tuple[Command, Envelope]
Execute = Callable[[Sequence[Asked]], Sequence[Executed]]
Found = Mapping[UUID, Sequence[tuple[int, Due]]]


class Lookup(Protocol):
    """Asks a view what is to be done."""

    def __call__(self, entries: Sequence[Entry]) -> Found:
        """By entry: what it becomes, each with its place among all. Entries that must wait for the view are absent."""


class Sender:
    """Executes the outbox of ``policy``. ``reachable``: raises one of ``AWAY`` while the ledger cannot be reached;
    ``head``: the ledger's last position.
    """

    def __init__(
        self,
        outbox: Outbox,
        execute: Execute,
        clock: Clock,
        *,
        policy: Policy,
        lookups: Mapping[str, Lookup],
        notices: Notices,
        reachable: Reachable,
        head: Callable[[], int],
        step: Callable[[str], None] = no_step,
    ) -> None:
        self._outbox = outbox
        self._execute = execute
        self._clock = clock
        self._policy = policy
        self._lookups = lookups
        self._notices = notices
        self._reachable = reachable
        self._head = head
        self._step = step
        self._actor = f"system:policy-{outbox.policy}"
        self._looked = False
        self._prune_at = 0.0

    def run(self, stop: Event, wake: Event) -> None:
        """Until ``stop`` is set; ``wake`` is set where there may be something new."""
        backoff = Backoff(stop)
        while not stop.is_set():
            wake.clear()
            began, self._looked = time.monotonic(), False
            try:
                worked = self.once()
                pause = 0.0 if worked else self._pause()
            except AWAY as away:
                backoff.wait(f"{self._outbox.policy}: waiting for the database ({type(away).__name__})")
                continue
            backoff.reset()
            if self._looked:  # who comes meanwhile is looked up together: a view is not asked without a break
                stop.wait(min(LOOK_MOST_S, max(LOOK_EVERY_S, time.monotonic() - began)))
            elif pause:
                wake.wait(pause)
        self._outbox.close()

    def once(self) -> bool:
        """Do what is due now, a batch of each kind; whether there was anything. Raises one of ``AWAY``."""
        if (asked := self._commands()) == AT_A_TIME[Kind.COMMAND]:
            return True  # more may wait, and a lookup before they are asked would call for them again
        done = [asked > 0, self._delivery(), self._look_up()]
        if done[-1]:
            self._commands()
        return any(done)

    def _pause(self) -> float:
        """Seconds until the next entry is due, and no more than ``IDLE_S``."""
        if time.monotonic() >= self._prune_at:
            self._outbox.prune(self._now())
            self._prune_at = time.monotonic() + PRUNE_S
        due = self._outbox.next_due([*self._lookups])
        wait = IDLE_S if due is None else (due - self._now()) / 1_000_000
        return min(IDLE_S, max(LATE_S, wait))

    def _now(self) -> int:
        return micros(self._clock())

    def _commands(self) -> int:
        """How many were asked."""
        with self._outbox.claim(Kind.COMMAND, self._now(), AT_A_TIME[Kind.COMMAND]) as claim:
            if not claim.entries:
                return 0
            self._step("claimed")
            asked = [(entry, ask) for entry in claim.entries if (ask := self._ask(claim, entry))]
            answered = list(each(asked, self._executed, self._reachable)) if asked else []
            self._step("executed")
            for part, answers in answered:
                told = [answers] if isinstance(answers, Exception) else answers
                for (entry, _), answer in zip(part, told, strict=True):
                    self._note(claim, entry, answer)
            self._step("noted")
        self._step("settled")
        return len(claim.entries)

    def _delivery(self) -> bool:
        """One at a time: a receiver may be slow, and what it took is noted at once."""
        with self._outbox.claim(Kind.DELIVERY, self._now(), 1) as claim:
            for entry in claim.entries:
                self._step("delivering")
                try:
                    self._notices.deliver(Notice(entry.id, entry.does, self._outbox.policy, entry.cause, entry.body))
                except NotDelivered as late:
                    self._failed(claim, entry, str(late))
                except Exception as wrong:  # a defect of one must not hold the others up
                    self._failed(claim, entry, _kind(wrong))
                else:
                    self._step("delivered")
                    claim.done(entry)
        return bool(claim.entries)

    def _ask(self, claim: Claim, entry: Entry) -> Asked | None:
        """The command of an entry; one that this program cannot read has failed."""
        try:
            command = commands.build(entry.does, entry.body)
        except Exception as unknown:
            self._failed(claim, entry, f"unreadable: {_kind(unknown)}")
            return None
        return command, Envelope(self._actor, entry.id, entry.correlation_id)

    def _executed(self, asked: Sequence[tuple[Entry, Asked]]) -> Sequence[Executed]:
        return self._execute([ask for _, ask in asked])

    def _note(self, claim: Claim, entry: Entry, answer: Executed | Exception) -> None:
        match answer:
            case Answer():
                claim.done(entry, answer.positions, str(answer.result.get("outcome", entry.does)))
            case RuleBroken(not_before=int(at)):
                claim.postponed(entry, at)
            case RuleBroken():
                claim.refused(entry, answer.rule, self._led_to(entry, answer))
            case NotFound():
                claim.refused(entry, "not found")
            case _:
                self._failed(claim, entry, _kind(answer))

    def _led_to(self, entry: Entry, refusal: RuleBroken) -> list[Child]:
        """What is to be done because of a refusal: lookups once the view has read what it was refused for."""
        if not (found := list(self._policy.refused(entry.does, entry.body, refusal))):
            return []
        head = self._head()
        return [_child(entry, 0, due)._replace(cause=head) for due in found]

    def _failed(self, claim: Claim, entry: Entry, code: str) -> None:
        told = (self._outbox.policy, entry.kind, entry.id, code)
        if claim.failed(entry, code):
            log.error("%s: %s %s failed for the last time and is parked (%s): krypton policies parked", *told)
        else:
            log.warning("%s: %s %s failed and is tried again later (%s)", *told)

    def _look_up(self) -> bool:
        """Each lookup by itself: what must wait for one of them holds no other up, nor takes back what it did."""
        self._looked = False
        made = [self._look(name) for name in self._lookups]
        return any(made)

    def _look(self, name: str) -> bool:
        made = False
        with self._outbox.claim(Kind.LOOKUP, self._now(), AT_A_TIME[Kind.LOOKUP], name) as claim:
            if not claim.entries:
                return False
            for part, found in each(claim.entries, self._lookups[name], self._reachable):
                if isinstance(found, Exception):  # parked in the end, where an operator sees it
                    self._failed(claim, part[0], _kind(found))
                    continue
                for entry in part:
                    if entry.id in found:
                        claim.became(entry, [_child(entry, place, due) for place, due in found[entry.id]])
                        made = True
            if made:
                self._step("looked")
            goes_on = made and len(claim.entries) == AT_A_TIME[Kind.LOOKUP]  # a backlog: more wait already
            self._looked = self._looked or not goes_on
        return made


def _kind(wrong: Exception) -> str:
    """A library's message may quote a row: only the kind of an error is told."""
    return type(wrong).__name__


def _child(entry: Entry, place: int, due: Due) -> Child:
    body: dict[str, Any] = dict(due.body)
    told = "|".join(str(body.get(name)) for name in sorted(body))
    return Child(uuid5(entry.id, f"{due.does}|{told}"), due.kind.value, due.does, body, place, due.at)
