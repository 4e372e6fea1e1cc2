"""The relay: copies events from the event store to Kafka, byte for byte, in order, exactly once.

One relay is active, others stand by. Delivery: each event is on its topic once, in ledger order within its partition.
The log is its own checkpoint: at start and after any failure the relay reads the last record of each partition and
resumes after it; the hint in PostgreSQL only bounds that search if a partition is idle. Nothing is skipped: an event
that cannot be sent stops the relay. What others wrote to a topic is passed over, with an alarm, and is never taken for
the relay's own end. ``streams.relay.lease`` and ``streams.relay.outlet`` prevent two relays from writing at once. One
race remains and needs three steps in a row: a relay frozen between checking its lease and writing to the socket, a
second one that took over, and the first waking between the second one's read of a partition and its write to it.
Consumers drop such a repeat. The relay runs for ever: it waits for an unavailable database or broker and logs which.
"""

import logging
import threading
import time
from collections.abc import Sequence
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
from streams.relay.log_end import Ends, Foreign
from streams.relay.outbox import Outbox, create
from streams.relay.outgoing import Addresser, Outgoing, Stored
from streams.relay.outlet import Outlet, Undelivered

__all__ = ["Relay", "create", "run"]

log = logging.getLogger(__name__)

PAGE_ROWS = 2_000
IDLE_S = 1.0  # the delay of an event whose notification was lost
HINT_EVERY_S = 1.0


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
        hint = outbox.claim()
        if hint.held:
            log.info("the last relay did not stop cleanly: waiting %.0f s for its lease to run out", LEASE_S)
            self.stop.wait(LEASE_S)
        while not self.stop.is_set():
            if not lease.holds():
                raise LeaseLost
            try:
                self._connect_and_copy(lease, outbox, hint.position)
            except (Undelivered, KafkaError) as failure:
                self._wait(outbox, f"waiting for Kafka ({type(failure).__name__}: {failure})")
            except Unpublishable as wrong:
                self._wait(outbox, f"the relay cannot go on: {wrong}")

    def _wait(self, outbox: Outbox, why: str) -> None:
        """Say why to the log, and to health."""
        outbox.waits(why)
        self._backoff.wait(why)

    def _connect_and_copy(self, lease: Lease, outbox: Outbox, hint: int) -> None:
        """Copy with one producer until told to stop; then hand over cleanly."""
        outlet = Outlet(self.kafka, lease)
        try:
            ends, foreign = log_end.read(self.kafka, outbox, self._addresser)
            self._check_same_ledger(outbox, foreign)
            start = log_end.resume(ends, self._hint_in_log(outbox, ends, hint))
            log.info("relaying from position %d", start)
            reached = self._copy(lease, outbox, outlet, ends, start)
        except BaseException:
            outlet.abandon()
            raise
        outlet.close()
        outbox.note(reached, held=False)

    def _copy(self, lease: Lease, outbox: Outbox, outlet: Outlet, ends: Ends, reached: int) -> int:
        """Copy events after ``reached`` as they arrive; returns the last position that Kafka acknowledged."""
        noted, due = reached, 0.0
        while not self.stop.is_set():
            if not lease.holds():
                raise LeaseLost
            if page := outbox.page(reached):
                self._deliver(page, ends, outlet)
                reached = page[-1].position
            if reached > noted and time.monotonic() >= due:
                outbox.note(reached)
                noted, due = reached, time.monotonic() + HINT_EVERY_S
            if not page:
                outbox.wait(IDLE_S)
        return reached

    def _deliver(self, page: Sequence[Stored], ends: Ends, outlet: Outlet) -> None:
        """Send the events of a page that Kafka lacks. Raises Unpublishable once all before such an event are sent."""
        new, wrong = self._lacking(page, ends)
        outlet.deliver(new, go_on=lambda: not self.stop.is_set())
        if new:
            self.sent += len(new)
            self._backoff.reset()
        if wrong:
            raise wrong

    def _lacking(self, page: Sequence[Stored], ends: Ends) -> tuple[list[Outgoing], Unpublishable | None]:
        """The events of a page that Kafka lacks, up to the first unpublishable one."""
        new: list[Outgoing] = []
        for stored in page:
            try:
                event = self._addresser.outgoing(stored)
            except (NotAnEvent, UnknownSchema) as wrong:
                return new, Unpublishable(f"event at position {stored.position}: {wrong}")
            if event.position > ends[event.topic, event.partition].position:
                new.append(event)
        return new, None

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

    def _hint_in_log(self, outbox: Outbox, ends: Ends, hint: int) -> int:
        """The hint if the log confirms it; 0 if Kafka lost records, so that they are found and sent again."""
        stored = outbox.last_up_to(hint) if hint else None
        if stored is None:
            return 0
        event = self._addresser.outgoing(stored)
        if ends[event.topic, event.partition].position >= event.position:
            return hint
        log.error(
            "%s-%d ends before position %d, which Kafka had acknowledged: records were lost there; sending again "
            "what is missing",
            event.topic,
            event.partition,
            event.position,
        )
        return 0
