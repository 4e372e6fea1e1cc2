"""The sender: executes the entries of one policy's outbox, with retries, idempotently by id.

Commands go to the ledger, which knows their ids; lookups ask a view and become commands (``looker``); deliveries go to
their target (``deliverer``). A refusal is an answer; what only comes too early is asked again when it is due. What
fails is tried again, later each time, and parked at last. A server that is away is waited for, and counts as no failure
(``each``). Kill it anywhere: what was not noted is done again under the same id.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event
from typing import Final

from adapters.outbox.outbox import Child, Claim, Entry, Outbox
from domain.errors import NotFound, RuleBroken
from domain.ports import Answer, Clock
from domain.times import micros
from domain.work import Command, Envelope
from krypton.policies.deliverer import Deliverer
from krypton.policies.each import AWAY, Reachable, each
from krypton.policies.fold import no_step
from krypton.policies.looker import Ahead, Looker, Lookup, child, failed, kind, pause
from policies import commands
from policies.policy import Due, Kind, Policy
from streams.broker.backoff import Backoff

AT_A_TIME: Final = 200
BESIDE: Final = 1_000
"""Commands at a time where lookups are made beside them: all that a batch becomes, so that the next one begins."""
PRUNE_S: Final = 3_600.0
Executed = Answer | RuleBroken | NotFound
Asked = tuple[Command, Envelope]
Execute = Callable[[Sequence[Asked]], Sequence[Executed]]


class Sender:
    """Executes the outbox of ``policy``. ``reachable``: raises one of ``AWAY`` while the ledger cannot be reached;
    ``head``: the ledger's last position. ``ahead``: of lookups that are made beside it; else it makes ``lookups``.
    ``deliverer``: of the same outbox; None: deliveries are made beside it.
    """

    def __init__(
        self,
        outbox: Outbox,
        execute: Execute,
        clock: Clock,
        *,
        policy: Policy,
        lookups: Mapping[str, Lookup],
        deliverer: Deliverer | None,
        reachable: Reachable,
        head: Callable[[], int],
        step: Callable[[str], None] = no_step,
        ahead: Ahead | None = None,
    ) -> None:
        self._outbox = outbox
        self._execute = execute
        self._clock = clock
        self._policy = policy
        self._looker = Looker(outbox, lookups, clock, reachable, step)
        self._deliverer = deliverer
        self._reachable = reachable
        self._head = head
        self._step = step
        self._ahead = ahead or Ahead()
        self._beside = ahead is not None
        self._actor = f"system:policy-{outbox.policy}"
        self._prune_at = 0.0

    def run(self, stop: Event, wake: Event) -> None:
        """Until ``stop`` is set; ``wake`` is set where there may be something new."""
        backoff = Backoff(stop)
        while not stop.is_set():
            wake.clear()
            began, self._looker.rests = time.monotonic(), False
            try:
                idle = 0.0 if self.once() else self._pause()
            except AWAY as away:
                backoff.wait(f"{self._outbox.policy}: waiting for the database ({type(away).__name__})")
                continue
            backoff.reset()
            if self._looker.rests:
                self._looker.rest(stop, began)
            elif idle:
                wake.wait(idle)
        self._outbox.close()

    def once(self) -> bool:
        """Do what is due now, a batch of each kind; whether there was anything. Raises one of ``AWAY``."""
        asked = self._commands()
        delivered = self._deliverer is not None and self._deliverer.once()  # also while a backlog of commands waits
        if asked == self._most():
            return True  # more may wait, and a lookup before they are asked would call for them again
        done = [asked > 0, delivered, self._looker.once()]
        if done[-1]:
            self._commands()
        return any(done)

    def _pause(self) -> float:
        if time.monotonic() >= self._prune_at:
            self._outbox.prune(self._now())
            self._prune_at = time.monotonic() + PRUNE_S
        kinds = (Kind.COMMAND, Kind.DELIVERY) if self._deliverer else (Kind.COMMAND,)
        return pause(self._outbox.next_due(self._looker.names, kinds), self._now())

    def _now(self) -> int:
        return micros(self._clock())

    def _most(self) -> int:
        return BESIDE if self._beside else AT_A_TIME

    def _commands(self) -> int:
        """How many were asked."""
        batches = self._ahead.so_far()
        with self._outbox.claim(Kind.COMMAND, self._now(), self._most()) as claim:
            if all_of_them := len(claim.entries) < self._most():
                self._ahead.taken(batches)
            if claim.entries:
                self._asked(claim)
        if all_of_them:
            self._ahead.done(batches)
        if claim.entries:
            self._step("settled")
        return len(claim.entries)

    def _asked(self, claim: Claim) -> None:
        self._step("claimed")
        asked = [(entry, ask) for entry in claim.entries if (ask := self._ask(claim, entry))]
        answered = list(each(asked, self._executed, self._reachable)) if asked else []
        self._step("executed")
        for part, answers in answered:
            told = [answers] if isinstance(answers, Exception) else answers
            for (entry, _), answer in zip(part, told, strict=True):
                self._note(claim, entry, answer)
        self._step("noted")

    def _ask(self, claim: Claim, entry: Entry) -> Asked | None:
        """The command of an entry; one that this program cannot read has failed."""
        try:
            command = commands.build(entry.does, entry.body)
        except Exception as unknown:
            self._failed(claim, entry, f"unreadable: {kind(unknown)}")
            return None
        return command, Envelope(self._actor, entry.id, entry.correlation_id)

    def _executed(self, asked: Sequence[tuple[Entry, Asked]]) -> Sequence[Executed]:
        return self._execute([ask for _, ask in asked])

    def _note(self, claim: Claim, entry: Entry, answer: Executed | Exception) -> None:
        match answer:
            case Answer():
                late = self._policy.done_late(entry.does, entry.body) if entry.failed_before else ()
                outcome = str(answer.result.get("outcome", entry.does))
                claim.done(entry, answer.positions, outcome, self._led_to(entry, late))
            case RuleBroken(not_before=int(at)):
                claim.postponed(entry, at)
            case RuleBroken():
                led_to = self._policy.refused(entry.does, entry.body, answer)
                claim.refused(entry, answer.rule, self._led_to(entry, led_to))
            case NotFound():
                claim.refused(entry, "not found")
            case _:
                self._failed(claim, entry, kind(answer))

    def _led_to(self, entry: Entry, dues: Iterable[Due]) -> list[Child]:
        """What is to be done because of an answer: lookups once the view has read all that the ledger held then."""
        if not (found := list(dues)):
            return []
        head = self._head()
        return [child(entry.id, 0, due)._replace(cause=head) for due in found]

    def _failed(self, claim: Claim, entry: Entry, code: str) -> None:
        failed(claim, self._outbox.policy, entry, code)
