"""Where the relay goes on, and how it cuts what it sends: the reasons why nothing is skipped."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis.strategies import builds, integers, lists, sampled_from
from kafka.protocol.producer import ProduceRequest

from streams.relay.fenced_producer import FencedClient, LeaseOver
from streams.relay.lease import Lease
from streams.relay.outgoing import Outgoing
from streams.relay.outlet import BATCH_BYTES, RECORD_OVERHEAD, bursts


def event(partition: int, size: int) -> Outgoing:
    """An event of a size."""
    return Outgoing(1, "krypton.studies", partition, b"key", bytes(size), [], 0)


EVENTS = lists(builds(event, integers(0, 2), sampled_from([10, 100_000, BATCH_BYTES - 700, 2 * BATCH_BYTES])))


@given(EVENTS)
def test_bursts_keep_every_event_and_their_order(events: list[Outgoing]) -> None:
    """Cutting loses nothing."""
    assert [e for burst in bursts(events) for e in burst] == events


@given(EVENTS)
def test_no_burst_needs_two_batches_of_one_partition(events: list[Outgoing]) -> None:
    """So when a batch fails, none of the same partition can follow it: the log never has a gap."""
    for burst in bursts(events):
        sizes: dict[int, list[int]] = defaultdict(list)
        for e in burst:
            sizes[e.partition].append(len(e.value) + RECORD_OVERHEAD)
        assert all(sum(held) <= BATCH_BYTES or len(held) == 1 for held in sizes.values())


class Over(Lease):
    """A lease that ran out."""

    def __init__(self) -> None:
        """No session behind it."""

    def holds(self) -> bool:
        return False


def test_a_relay_without_a_lease_sends_nothing() -> None:
    """Not even what its Kafka library would send again by itself."""
    client = FencedClient(lease=Over(), bootstrap_servers="127.0.0.1:1")
    try:
        answer = client.send(0, ProduceRequest(transactional_id=None, acks=-1, timeout_ms=1, topic_data=[]))
    finally:
        client.close()
    with pytest.raises(LeaseOver):
        raise answer.exception
