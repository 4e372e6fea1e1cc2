"""Kafka's producer with four things that its library does not offer, by parts of it that are not public.

- It asks the lease before each request that writes, its own retries included (``FencedClient``).
- It takes the next epoch of a transactional id, which fences whoever had the one before, and goes on without
  transactions (``fence``). The library sends a transactional id with every batch once it has one.
- It ends at once and sends nothing more (``abandon``). The library's ``close`` sends first.
- It asks for metadata again where a partition's leader is a broker that metadata do not name any more: one that has
  just died. The library's sender raises there, round after round, before it reads what would tell it the next leader.

Nothing else in Krypton may use those parts. ``tests/contract/test_fenced_producer.py`` holds them against the pinned
release of kafka-python: where a later one changes them, it fails, and this module is looked at before the pin moves.
Refused: aiokafka and confluent-kafka (no public way to either fencing or the lease; the relay is a thread).
"""

from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError, UnknownBrokerIdError
from kafka.future import Future
from kafka.net.compat import KafkaNetClient
from kafka.protocol.producer import InitProducerIdRequest, ProduceRequest

from streams.relay.lease import Lease

RELEASE: Final = "3.0.12"
"""The release of kafka-python that this was written against."""
ENDS_S: Final = 5
ASKED_AGAIN_MS: Final = 100.0


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

    def maybe_connect(self, node_id: int, **kwargs: Any) -> None:
        """Connect to a broker that is known; ask for metadata where it is not."""
        try:
            super().maybe_connect(node_id, **kwargs)
        except UnknownBrokerIdError:
            self.cluster.request_update()

    def connection_delay(self, node_id: int) -> float:
        """How long to wait before a broker is tried again, in milliseconds as the sender takes it."""
        if self.cluster.broker_metadata(node_id) is None:
            return ASKED_AGAIN_MS
        return float(super().connection_delay(node_id))


class FencedProducer(KafkaProducer):  # type: ignore[misc]  # the library ships no types
    """An idempotent producer under a lease. Takes the settings of ``KafkaProducer``, a transactional id among them."""

    def __init__(self, lease: Lease, **configs: Any) -> None:
        super().__init__(**configs, kafka_client=lambda **given: FencedClient(lease=lease, **given))

    def fence(self) -> None:
        """Take the next epoch of the transactional id: the broker refuses what an older one still sends.

        Only where this one has written to a partition already. Raises KafkaError.
        """
        self.init_transactions()
        self._leave_transactions()

    def abandon(self) -> None:
        """End at once: what is still held is not sent."""
        self._unregister_cleanup()
        self._sender.force_close()
        self._sender.join(ENDS_S)
        self._closed = True

    def _leave_transactions(self) -> None:
        """Be a plain idempotent producer from here on, under the epoch that it has."""
        self._transaction_manager.transactional_id = None
