"""The deliverer: takes the notices of one policy's outbox to their receivers, one after the other.

A sender delivers in turn with its commands; or deliveries have a thread of their own (``run``), so that a receiver that
is slow to answer holds up the next notice, and nothing else.
"""

from collections.abc import Callable
from functools import partial
from threading import Event

from adapters.outbox.outbox import Outbox
from domain.errors import NotDelivered
from domain.notices import Notice, Notices
from domain.ports import Clock
from domain.times import micros
from krypton.policies.each import AWAY
from krypton.policies.fold import no_step
from krypton.policies.held import held_while
from krypton.policies.looker import failed, kind, pause
from policies.policy import Kind
from streams.broker.backoff import Backoff


class Deliverer:
    """See the module."""

    def __init__(self, outbox: Outbox, notices: Notices, clock: Clock, step: Callable[[str], None] = no_step) -> None:
        self._outbox = outbox
        self._notices = notices
        self._clock = clock
        self._step = step

    def run(self, stop: Event, wake: Event) -> None:
        """Until ``stop`` is set; ``wake`` is set where there may be something new."""
        backoff = Backoff(stop)
        while not stop.is_set():
            wake.clear()
            try:
                if not self.once():
                    wake.wait(self._pause())
            except AWAY as away:
                backoff.wait(f"{self._outbox.policy}: waiting for the database ({type(away).__name__})")
                continue
            backoff.reset()
        self._outbox.close()

    def once(self) -> bool:
        """Deliver the next that is due; whether there was one. Raises one of ``AWAY``.

        One at a time: a receiver may be slow, and what it took is noted at once.
        """
        with self._outbox.claim(Kind.DELIVERY, self._now(), 1) as claim:
            for entry in claim.entries:
                self._step("delivering")
                notice = Notice(entry.id, entry.does, self._outbox.policy, entry.cause, entry.body)
                try:
                    held_while(partial(self._notices.deliver, notice), claim.hold)
                except NotDelivered as late:
                    failed(claim, self._outbox.policy, entry, str(late))
                except Exception as wrong:  # a defect of one must not hold the others up
                    failed(claim, self._outbox.policy, entry, kind(wrong))
                else:
                    self._step("delivered")
                    claim.done(entry)
        return bool(claim.entries)

    def _pause(self) -> float:
        return pause(self._outbox.next_due((), kinds=(Kind.DELIVERY,)), self._now())

    def _now(self) -> int:
        return micros(self._clock())
