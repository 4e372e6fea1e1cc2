"""Sends events to Kafka without gaps, and never after the relay's lease has expired.

Three mechanisms ensure it:

- **One batch per partition at a time.** A burst never overflows a partition's batch, and the next burst waits until the
  last is acknowledged. So if a batch fails, no later one of its partition can have overtaken it.
- **The lease is checked at each request** (``FencedClient``), also when the library retries by itself.
- **The broker fences.** All relays use one transactional id, only to get the next epoch: once a new relay has written
  to a partition, the broker rejects what an older one still sends there. No transaction is ever started.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.future import Future
from kafka.net.compat import KafkaNetClient
from kafka.protocol.producer import InitProducerIdRequest, ProduceRequest

from streams.broker import broker
from streams.broker.topics import MAX_RECORD_BYTES
from streams.relay.lease import Lease
from streams.relay.outgoing import Outgoing

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


class LeaseOver(KafkaError):  # type: ignore[misc]  # the library ships no types
    """A request was blocked: this relay may no longer write."""


class FencedClient(KafkaNetClient):  # type: ignore[misc]  # the library ships no types
    """A Kafka client that writes only while the lease holds."""

    def __init__(self, *, lease: Lease, **configs: Any) -> None:
        super().__init__(**configs)
        self._lease = lease

    def send(self, node_id: int, request: Any, **kwargs: Any) -> Any:
        """Send a request; a write fails with LeaseOver once the lease has expired."""
        if isinstance(request, (ProduceRequest, InitProducerIdRequest)) and not self._lease.holds():
            return Future().failure(LeaseOver("the lease is over"))
        return super().send(node_id, request, **kwargs)


class Outlet:
    """A producer, used until its first failure. Raises KafkaError if Kafka is unavailable."""

    def __init__(self, kafka: str, lease: Lease) -> None:
        self._lease = lease
        self._producer = KafkaProducer(
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
            metrics_enabled=False,  # costs a tenth of the rate
            kafka_client=lambda **configs: FencedClient(lease=lease, **configs),
        )
        try:
            self._producer.init_transactions()
        except BaseException:
            self.abandon()
            raise
        # From here on a plain idempotent producer, under the epoch that fences the previous relay.
        self._producer._transaction_manager.transactional_id = None

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
        """Close the producer at once: what it still holds is not sent."""
        self._producer._unregister_cleanup()
        self._producer._sender.force_close()
        self._producer._sender.join(5)
        self._producer._closed = True

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
        for future in sent:
            if not future.succeeded():
                raise Undelivered(f"Kafka: {type(future.exception).__name__}: {future.exception}")

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
