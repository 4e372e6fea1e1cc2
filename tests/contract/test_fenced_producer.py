"""The parts of kafka-python that are not public and that the relay uses: still there, and still doing what it needs."""

import atexit
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.errors import KafkaConnectionError, KafkaError, UnknownBrokerIdError
from kafka.net.compat import KafkaNetClient
from kafka.producer.transaction_manager import ProducerIdAndEpoch

from streams.relay.fenced_producer import RELEASE, FencedProducer
from streams.relay.lease import Lease

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "127.0.0.1:1"
GONE = 2
"""A broker's number."""
PRIVATE = re.compile(
    r"_producer\._|\._sender\b|_transaction_manager\b|_unregister_cleanup\b|from kafka\.(net|protocol)\b"
)


class Holds(Lease):
    """A lease that lasts."""

    def __init__(self) -> None:
        """No session behind it."""

    def holds(self) -> bool:
        return True


@pytest.fixture
def producer() -> Iterator[FencedProducer]:
    """One that has no broker: given the API version, the library asks nobody for it."""
    made = FencedProducer(
        Holds(), bootstrap_servers=NOWHERE, api_version=(4, 0), transactional_id="relay", max_block_ms=100, acks="all"
    )
    yield made
    made.abandon()


def test_the_pinned_release_is_the_one_that_this_was_written_against() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert f"kafka-python=={RELEASE}" in dependencies
    assert version("kafka-python") == RELEASE


def test_without_its_transactional_id_the_producer_keeps_its_epoch_and_sends_no_transaction(
    producer: FencedProducer,
) -> None:
    manager = producer._transaction_manager
    assert manager.is_transactional()
    assert request(producer).transactional_id == "relay"
    manager.producer_id_and_epoch = ProducerIdAndEpoch(7, 3)
    producer._leave_transactions()
    assert not manager.is_transactional()
    assert request(producer).transactional_id is None
    assert (manager.producer_id_and_epoch.producer_id, manager.producer_id_and_epoch.epoch) == (7, 3)


def request(producer: FencedProducer) -> Any:
    """A request as the library's sender makes it, of no batch."""
    return producer._sender._produce_request(0, -1, 1000, [])


def test_an_abandoned_producer_has_ended_and_takes_nothing_more(
    producer: FencedProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[object] = []
    monkeypatch.setattr(atexit, "unregister", forgotten.append)
    assert producer._sender.is_alive()
    producer.abandon()
    assert not producer._sender.is_alive()
    assert len(forgotten) == 1
    with pytest.raises((KafkaError, AssertionError)):
        producer.send("topic", b"value")


def test_the_producers_client_is_made_by_its_setting_and_sends_by_one_method() -> None:
    assert KafkaProducer.DEFAULT_CONFIG["kafka_client"] is KafkaNetClient
    assert KafkaNetClient.send.__code__.co_varnames[:3] == ("self", "node_id", "request")


def test_a_leader_that_metadata_do_not_name_is_asked_for_and_the_sender_goes_on(
    producer: FencedProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that died is gone from the list of brokers before its partitions have another leader. The library's own
    client raises, and its sender then never reads the answer that names the new one.
    """
    client = producer._sender._client
    asked: list[str] = []  # for real it would connect, to a broker that is not there
    monkeypatch.setattr(client.cluster, "request_update", lambda: asked.append("metadata"))
    with pytest.raises(UnknownBrokerIdError):
        KafkaNetClient.maybe_connect(client, GONE)
    assert not asked
    client.maybe_connect(GONE)
    assert asked == ["metadata"]
    assert client.connection_delay(GONE) > 0  # it waits, and does not spin
    with pytest.raises(KafkaConnectionError):
        client.await_ready(GONE, timeout_ms=1)


def test_nothing_else_uses_those_parts() -> None:
    files = [path for path in (ROOT / "streams").rglob("*.py") if path.name != "fenced_producer.py"]
    assert [str(path) for path in files if PRIVATE.search(path.read_text())] == []
