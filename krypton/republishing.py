"""``krypton republish --from POSITION``: sends to Kafka what only the event store holds, at the end of each partition.

Kafka keeps the order of a partition, so what is missing in the middle of one cannot be put back there: that is refused,
and the topic must be filled anew. As the relay it writes alone, under the relay's lock and lease.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from adapters.eventstore.scan import Scan
from domain.errors import LedgerAltered
from krypton.bootstrap import Krypton
from schemas.registry import registry
from streams import log_end, record_source
from streams.lease import LEASE_S, Lease
from streams.matching import Matching, Window
from streams.outbox import Outbox
from streams.outgoing import Addresser, Outgoing, Stored
from streams.outlet import Outlet
from streams.record_source import Part
from streams.replay import Replay

Advance = Callable[[int], None]
PAGE_ROWS: Final = 1_000


def republish(ours: Krypton, start: int, advance: Advance = lambda _: None) -> int:
    """Send to Kafka the events from position ``start`` on that it lacks; returns how many.

    A partition is only added to at its end. Raises LedgerAltered where it holds something else, or goes on without an
    event; KafkaError, psycopg2.Error.
    """
    with _only_relay(ours) as (lease, outbox):
        head = _compare(ours, start)
        ends = log_end.read(ours.addresses.kafka)
        outlet = Outlet(ours.addresses.kafka, lease)
        try:
            sent = sum(_send(outlet, page, advance) for page in _missing(outbox, ends, start, head))
        except BaseException:
            outlet.abandon()
            raise
        outlet.close()
        return sent


def _send(outlet: Outlet, page: Sequence[Outgoing], advance: Advance) -> int:
    outlet.deliver(page, go_on=lambda: True)
    advance(len(page))
    return len(page)


def _missing(outbox: Outbox, ends: log_end.Ends, start: int, head: int) -> Iterator[list[Outgoing]]:
    """Pages of what Kafka lacks from a position on, up to the head that was compared."""
    addresser = Addresser.of(registry())
    at = start - 1
    while at < head and (page := outbox.page(at)):
        at = page[-1].position
        events = [addresser.outgoing(stored) for stored in page if stored.position <= head]
        yield [event for event in events if event.position > ends[event.topic, event.partition].position]


def _compare(ours: Krypton, start: int) -> int:
    """Hold Kafka to the event store from a position on, but for missing ends; returns the last position compared."""
    with Replay(ours.addresses.kafka) as replay, Scan(ours.addresses.database) as scan:
        parts = record_source.parts(ours.addresses.kafka, replay)
        homes = {(part.topic, part.partition): part for part in parts}
        head = scan.head()
        for window in Matching(scan, parts, registry(), start - 1).windows():
            if found := _differences(window, homes):
                position, what = min(found)
                raise LedgerAltered(f"position {position}: {what}; nothing was sent, krypton audit verify tells more")
        return head


def _differences(window: Window, homes: Mapping[tuple[str, int], Part]) -> list[tuple[int, str]]:
    """What stands against sending: all but events that are missing at the end of their partition."""
    found = [(one.position, one.what) for one in window.wrong]
    found += [(position, "the event store holds no such event") for position, _ in window.strange]
    addresser = Addresser.of(registry())
    for position, (heading, stored) in window.lacking.items():
        _, _, aggregate, version, _ = heading.decode().split("\n")
        event = addresser.outgoing(Stored(position, aggregate, int(version), stored))
        part = homes[event.topic, event.partition]
        if part.last > position or part.next_position() is not None:
            name = f"{part.topic}/{part.partition}"
            found.append((position, f"{name} goes on without it: delete the topic, krypton init, republish --from 1"))
    return found


@contextmanager
def _only_relay(ours: Krypton) -> Iterator[tuple[Lease, Outbox]]:
    """The right to write to Kafka. Raises LedgerAltered where a relay is active."""
    lease = Lease(ours.addresses.database)
    try:
        if not lease.acquire():
            raise LedgerAltered("a relay is active: stop krypton run and krypton relay, then republish")
        outbox = Outbox(ours.addresses.database, PAGE_ROWS)
        try:
            if outbox.claim().held:
                time.sleep(LEASE_S)  # a relay that did not stop cleanly may still have sent something
            yield lease, outbox
            outbox.note(0, held=False)
        finally:
            outbox.close()
    finally:
        lease.close()
