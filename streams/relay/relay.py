"""The relay: copies events from the event store to Kafka, byte for byte, in order, exactly once.

One relay is active, others stand by. Delivery: each event is on its topic once, in ledger order within its partition.
The log is its own checkpoint: at start and after any failure the relay reads what lies in each partition above the
hint, and sends what is not there. The hint in PostgreSQL says up to where Kafka acknowledged all events, and with which
one each partition ended: a partition that lacks it lost records, and they are sent again. Nothing is skipped: an event
that cannot be sent stops the relay. What others wrote to a topic is passed over, with an alarm.
``streams.relay.lease`` and ``streams.relay.outlet`` prevent two relays from writing at once. One race remains and needs
three steps in a row: a relay frozen between checking its lease and writing to the socket, a second one that took over,
and the first waking between the second one's read of a partition and its write to it. Views drop such a repeat, and
say so. The relay runs for ever: it waits for an unavailable database or broker and logs which.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg2
from kafka.errors import KafkaError

from schemas.codec import NotAnEvent
from schemas.registry import Registry, UnknownSchema, registry
from streams.broker import quiet
from streams.broker.backoff import Backoff
from streams.relay import log_end
from streams.relay.checksum import use_compiled
from streams.relay.lease import BEAT_S, LEASE_S, Lease
from streams.relay.log_end import Hint, There
from streams.relay.outbox import Outbox, create
from streams.relay.outgoing import Addresser, Outgoing, Stored
from streams.relay.outlet import Outlet, Undelivered
from streams.relay.own_records import Foreign, Place

__all__ = ["Relay", "create", "run"]

log = logging.getLogger(__name__)

PAGE_ROWS = 2_000
IDLE_S = 1.0  # the delay of an event whose notification was lost
HINT_EVERY_S = 1.0
GATHER_S, GATHER_MANY_S = 0.008, 0.024
"""Seconds from one page to the next, and from one with ``MANY`` events. Each costs the broker and every reader about as
much as the events in it: an event that comes sooner after others goes with those that follow, one that comes alone goes
at once.
"""
MANY = 4
"""Events of a page, after which more are awaited than one command writes."""


def run(database: str, kafka: str, *, stop: threading.Event, page_rows: int = PAGE_ROWS) -> None:
    """Relay until ``stop`` is set. ``database``: a postgresql:// URL; ``kafka``: bootstrap servers.

    ``page_rows``: the most events read and sent at a time. ``krypton init`` must have run.
    """
    Relay(database, kafka, stop, page_rows).run()


class LeaseLost(Exception):
    """Another relay may be active now."""


class Unpublishable(Exception):
    """An event of the store cannot be published: no later event may be sent."""


@dataclass
class Relay:
    """One relay process. ``sent`` counts delivered events."""

    database: str
    kafka: str
    stop: threading.Event
    page_rows: int = PAGE_ROWS
    schemas: Registry = field(default_factory=registry)
    sent: int = 0

    def __post_init__(self) -> None:
        self._addresser = Addresser.of(self.schemas)
        self._backoff = Backoff(self.stop)

    def run(self) -> None:
        """Wait for the lock, relay, and start over after any failure, until told to stop."""
        quiet.rate_limit()
        use_compiled()
        while not self.stop.is_set():
            try:
                self._take_part()
            except psycopg2.errors.UndefinedTable:
                self._backoff.wait("waiting for the event store's tables: run krypton init")
            except psycopg2.Error as away:
                self._backoff.wait(f"waiting for the database ({type(away).__name__})")
            except LeaseLost:
                self._backoff.wait("the lease is lost: standing by")

    def _take_part(self) -> None:
        """Stand by until the lock is acquired, then be the active relay."""
        lease = Lease(self.database)
        try:
            if self._acquired(lease):
                outbox = Outbox(self.database, self.page_rows)
                try:
                    self._be_active(lease, outbox)
                finally:
                    outbox.close()
        finally:
            lease.close()

    def _acquired(self, lease: Lease) -> bool:
        """Whether the lock was acquired; False only if told to stop."""
        if lease.acquire():
            return True
        log.info("another relay is active: standing by")
        while not self.stop.wait(BEAT_S):
            if lease.acquire():
                return True
        return False

    def _be_active(self, lease: Lease, outbox: Outbox) -> None:
        """Relay while the lease holds, with a new producer after each failure."""
        if outbox.claim():
            log.info("the last relay did not stop cleanly: waiting %.0f s for its lease to run out", LEASE_S)
            self.stop.wait(LEASE_S)
        while not self.stop.is_set():
            if not lease.holds():
                raise LeaseLost
            try:
                self._connect_and_copy(lease, outbox)
            except (Undelivered, KafkaError) as failure:
                self._wait(outbox, f"waiting for Kafka ({type(failure).__name__}: {failure})")
            except Unpublishable as wrong:
                self._wait(outbox, f"the relay cannot go on: {wrong}")

    def _wait(self, outbox: Outbox, why: str) -> None:
        """Say why to the log, and to health."""
        outbox.waits(why)
        self._backoff.wait(why)

    def _connect_and_copy(self, lease: Lease, outbox: Outbox) -> None:
        """Copy with one producer until told to stop; then hand over cleanly."""
        outlet = Outlet(self.kafka, lease)
        try:
            hint = outbox.hint()
            tail = log_end.read(self.kafka, outbox, self._addresser, hint)
            outlet.goes_on(tail.tops)
            self._check_same_ledger(outbox, tail.foreign)
            self._tell_of_lost(log_end.lost(tail, hint), hint)
            there = log_end.there(tail, hint)
            log.info("relaying from position %d", there.start)
            ends = {place: at for place, at in tail.upto.items() if at and place not in hint.ends}
            reached, ends = self._copy(lease, outbox, outlet, there, ends, max(there.start, hint.position))
        except BaseException:
            outlet.abandon()
            raise
        outlet.close()
        outbox.note(reached, ends, held=False)

    def _copy(
        self, lease: Lease, outbox: Outbox, outlet: Outlet, there: There, ends: dict[Place, int], noted: int
    ) -> tuple[int, dict[Place, int]]:
        """Copy the events that Kafka lacks as they arrive.

        Nothing is noted below ``noted``: what was lost is only there again once all up to there was sent. Returns the
        last position that Kafka acknowledged, and the partitions' ends that are not noted yet.
        """
        reached, due = there.start, 0.0
        while not self.stop.is_set():
            if not lease.holds():
                raise LeaseLost
            read = time.monotonic()
            if page := outbox.page(reached):
                ends |= self._deliver(page, there, outlet)
                reached = page[-1].position
            if reached > noted and time.monotonic() >= due:
                outbox.note(reached, ends)
                ends = {}
                noted, due = reached, time.monotonic() + HINT_EVERY_S
            if outbox.at_end:
                outbox.wait(IDLE_S)
                gather_s = GATHER_MANY_S if len(page) >= MANY else GATHER_S
                self.stop.wait(max(0.0, read + gather_s - time.monotonic()))
        return reached, ends if reached >= noted else {}

    def _deliver(self, page: Sequence[Stored], there: There, outlet: Outlet) -> dict[Place, int]:
        """Send the events of a page that Kafka lacks; returns the last position of the page in each partition.

        Raises Unpublishable once all before such an event are sent.
        """
        events, wrong = self._addressed(page)
        new = [event for event in events if there.lacks((event.topic, event.partition), event.position)]
        outlet.deliver(new, go_on=lambda: not self.stop.is_set())
        if new:
            self.sent += len(new)
            self._backoff.reset()
        if wrong:
            raise wrong
        return {(event.topic, event.partition): event.position for event in events}

    def _addressed(self, page: Sequence[Stored]) -> tuple[list[Outgoing], Unpublishable | None]:
        """The events of a page, up to the first unpublishable one."""
        events: list[Outgoing] = []
        for stored in page:
            try:
                events.append(self._addresser.outgoing(stored))
            except (NotAnEvent, UnknownSchema) as wrong:
                return events, Unpublishable(f"event at position {stored.position}: {wrong}")
        return events, None

    def _check_same_ledger(self, outbox: Outbox, foreign: Sequence[Foreign]) -> None:
        """Pass over what others wrote, with an alarm that stays. Raise Unpublishable for the events of another ledger.

        Such a record is in all ways what a relay writes, of an event that this store has at no position: after it,
        this relay could give the same position to a second event.
        """
        known = outbox.known([one.event for one in foreign if one.event])
        for one in foreign:
            if one.event and one.event not in known:
                raise Unpublishable(
                    f"{one} holds an event that the event store does not have: this database is older than Kafka's "
                    "log, or belongs to another ledger; restore the event store (krypton restore event-store), or, if "
                    f"the record is forged, run krypton recover {one.topic}"
                )
        outbox.note_foreign(foreign)
        for topic in sorted({one.topic for one in foreign}):
            some = [one for one in foreign if one.topic == topic]
            log.error(
                "ALARM: %s holds %d records that this ledger did not write, the first at %s: they are passed over; "
                "find out who else may write to the topic, then run krypton recover %s",
                topic,
                len(some),
                some[0],
                topic,
            )

    @staticmethod
    def _tell_of_lost(lost: Mapping[Place, int], hint: Hint) -> None:
        for (topic, partition), end in sorted(lost.items()):
            log.error(
                "%s-%d lacks position %d, which Kafka had acknowledged: records were lost there; sending again what "
                "follows position %d",
                topic,
                partition,
                hint.ends[topic, partition],
                end,
            )
