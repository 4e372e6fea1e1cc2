"""Sends events to Kafka without gaps, and never after the relay's lease has expired.

Three mechanisms ensure it:

- **One batch per partition at a time.** A burst never overflows a partition's batch, and the next burst waits until the
  last is acknowledged. So if a batch fails, no later one of its partition can have overtaken it.
- **The lease is checked at each request** (``fenced_producer``), also when the library retries by itself.
- **The broker fences.** All relays use one transactional id, only to get the next epoch: once a new relay has written
  to a partition, the broker rejects what an older one still sends there. No transaction is ever started.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from kafka.errors import KafkaError, KafkaTimeoutError

from streams.broker import broker
from streams.broker.topics import MAX_RECORD_BYTES
from streams.relay.fenced_producer import FencedProducer
from streams.relay.lease import Lease
from streams.relay.outgoing import Outgoing
from streams.relay.own_records import Place

log = logging.getLogger(__name__)

IDENTITY = "krypton-relay"
BATCH_BYTES = 900_000
RECORD_OVERHEAD = 600  # key, headers and framing of one record, at most
TURN_S = 0.25
READY_MS = 10_000
# flush sends a burst at once; the library's own timer must never split one.
LINGER_MS = 60_000
REQUEST_MS = 10_000
DELIVERY_MS = LINGER_MS + 60_000


class Undelivered(Exception):
    """A burst was not fully acknowledged: the log's end must be read before anything else is sent."""


class Outlet:
    """A producer, used until its first failure. Raises KafkaError if Kafka is unavailable."""

    def __init__(self, kafka: str, lease: Lease) -> None:
        self._lease = lease
        self._last: dict[Place, int] = {}
        self._producer = FencedProducer(
            lease,
            **broker.options(kafka),
            client_id=IDENTITY,
            transactional_id=IDENTITY,
            acks="all",
            batch_size=BATCH_BYTES,
            linger_ms=LINGER_MS,
            max_request_size=MAX_RECORD_BYTES,
            max_block_ms=READY_MS,
            bootstrap_timeout_ms=READY_MS,
            request_timeout_ms=REQUEST_MS,
            delivery_timeout_ms=DELIVERY_MS,
            reconnect_backoff_max_ms=1_000,
            metrics_enabled=False,  # a tenth of the rate
        )
        try:
            self._producer.fence()
        except BaseException:
            self.abandon()
            raise

    def goes_on(self, tops: Mapping[Place, int]) -> None:
        """``tops``: the offset after the last record of each partition, before anything is delivered.

        So a tail that a broker loses is noticed also where this producer has written nothing yet.
        """
        self._last = {place: top - 1 for place, top in tops.items()}

    def deliver(self, events: Iterable[Outgoing], go_on: Callable[[], bool]) -> None:
        """Send events in order; returns when all are acknowledged. Raises Undelivered, also if ``go_on`` becomes
        false.
        """
        for burst in bursts(events):
            self._deliver(burst, go_on)

    def close(self) -> None:
        """Close the producer; everything it was given is acknowledged."""
        self._producer.close(timeout=5)

    def abandon(self) -> None:
        """End the producer at once: what it still holds is not sent."""
        self._producer.abandon()

    def _deliver(self, burst: Sequence[Outgoing], go_on: Callable[[], bool]) -> None:
        try:
            sent = [self._producer.send(e.topic, e.value, e.key, e.headers, e.partition, e.timestamp_ms) for e in burst]
            while not self._flushed():
                if not self._lease.holds():
                    raise Undelivered("the lease was lost meanwhile")
                if not go_on():
                    raise Undelivered("the relay is to stop")
        except KafkaError as failure:
            raise Undelivered(f"Kafka: {type(failure).__name__}: {failure}") from failure
        for event, future in zip(burst, sent, strict=True):
            if not future.succeeded():
                raise Undelivered(f"{event.topic}: {type(future.exception).__name__}: {future.exception}")
            self._follow(event, future.value.offset)

    def _follow(self, event: Outgoing, offset: int) -> None:
        """Raises Undelivered where a partition ends lower than before: a broker that lost records does not say so."""
        place = event.topic, event.partition
        if 0 <= offset <= self._last.get(place, -1):  # below 0: of a repeated request, whose answer does not say
            raise Undelivered(f"{event.topic}-{event.partition} lost records: it ends at offset {offset} now")
        self._last[place] = max(offset, self._last.get(place, -1))

    def _flushed(self) -> bool:
        try:
            self._producer.flush(timeout=TURN_S)
        except KafkaTimeoutError:
            return False
        return True


def bursts(events: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    """Split events into bursts so that no partition's batch overflows; an oversized event gets its own batch."""
    burst: list[Outgoing] = []
    filled: dict[tuple[str, int], int] = {}
    for event in events:
        partition = (event.topic, event.partition)
        size = len(event.value) + RECORD_OVERHEAD
        if (held := filled.get(partition, 0)) and held + size > BATCH_BYTES:
            yield burst
            burst, filled, held = [], {}, 0
        burst.append(event)
        filled[partition] = held + size
    if burst:
        yield burst
