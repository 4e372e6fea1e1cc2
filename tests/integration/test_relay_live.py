"""The relay on a real Kafka and PostgreSQL, with everything that can be taken away from it taken away."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from krypton.devstack.stack import Stack
from krypton.services import health
from krypton.services.logins import RELAY
from schemas.registry import registry
from streams.broker import broker, topics
from streams.relay.outgoing import Addresser, Stored
from tests.fakes.region import Region
from tests.integration.live_ledger import LiveLedger, delete_topics, kill, kill_kafka, live_ledger, stop_database
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live


@pytest.fixture
def ledger(stack: Stack, tmp_path: Path) -> Iterator[LiveLedger]:
    """Empty, with nothing running."""
    with live_ledger(stack, tmp_path) as ours:
        yield ours


def settled(ledger: LiveLedger) -> None:
    """All events are on Kafka, once and in order, with their very bytes."""
    until(ledger.relayed, "all events on Kafka")
    assert ledger.published() == ledger.stored()


def test_events_are_on_kafka_once_and_in_order_with_their_bytes(ledger: LiveLedger) -> None:
    """A backlog, then live events; a clean stop, a kill and two new starts between."""
    ledger.register(1_500)
    first = ledger.start("relay")
    until(ledger.relayed, "the backlog on Kafka")
    ledger.register(300)
    first.send_signal(signal.SIGTERM)
    assert first.wait(WITHIN_S) == 0
    ledger.register(700)
    second = ledger.start("relay")
    until(lambda: any(ledger.published()), "something on Kafka")
    kill(second)
    ledger.start("relay")
    settled(ledger)


def test_a_second_relay_takes_over_from_a_killed_one(ledger: LiveLedger) -> None:
    """Nothing is repeated. How soon: ``bench failover``."""
    ledger.register(100)
    active = ledger.start("relay")
    until(ledger.relayed, "the first events on Kafka")
    ledger.start("relay")
    until(lambda: "standing by" in ledger.said("relay"), "the second waits")
    ledger.register(200)
    kill(active)
    ledger.register(100)
    until(ledger.relayed, "taken over")
    settled(ledger)


def test_a_frozen_relay_is_succeeded_and_repeats_nothing_when_it_wakes(ledger: LiveLedger) -> None:
    """It finds its lease over; what it still held is not sent."""
    ledger.register(50)
    active = ledger.start("relay")
    until(ledger.relayed, "the first events on Kafka")
    ledger.start("relay")
    until(lambda: "standing by" in ledger.said("relay"), "the second waits")
    ledger.register(400)
    active.send_signal(signal.SIGSTOP)
    ledger.register(100)
    until(ledger.relayed, "taken over, so the lease of the frozen one is over")
    active.send_signal(signal.SIGCONT)
    for _ in range(10):
        ledger.register(20)
    settled(ledger)


def test_it_survives_a_broker_that_is_killed(ledger: LiveLedger) -> None:
    """By itself, without a gap or a repeat."""
    relay = ledger.start("relay")
    ledger.register(600)
    kill_kafka(ledger.stack)
    ledger.register(300)
    ledger.stack.start_kafka()
    ledger.register(100)
    settled(ledger)
    assert relay.poll() is None


def test_it_survives_a_database_that_is_stopped_at_once(ledger: LiveLedger) -> None:
    """By itself; its lock is gone with the server, and taken again."""
    relay = ledger.start("relay")
    ledger.register(600)
    stop_database(ledger.stack)
    ledger.stack.start_database()
    ledger.register(300)
    settled(ledger)
    assert relay.poll() is None


def test_what_kafka_lost_is_sent_again_whatever_the_hint_says(ledger: LiveLedger) -> None:
    """The hint is no more than a hint."""
    ledger.register(300)
    relay = ledger.start("relay")
    until(ledger.relayed, "the events on Kafka")
    relay.send_signal(signal.SIGTERM)
    relay.wait(WITHIN_S)
    delete_topics(ledger.krypton.addresses.kafka)
    topics.create(ledger.krypton.addresses.kafka)
    ledger.start("relay")
    settled(ledger)
    assert "records were lost there" in ledger.said("relay")


def test_it_does_not_write_after_another_ledgers_events(ledger: LiveLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database restored from an old copy would give positions away twice. Health says why it stands still."""
    other = Region()
    other.receive(study_uid="2.25.1", instances=1)
    (*_, last) = other.recorder.select_notifications(0, 1_000, inclusive_of_start=False)
    stored = Stored(last.id, str(last.originator_id), last.originator_version, last.state)
    foreign = Addresser.of(registry()).outgoing(stored)
    producer = KafkaProducer(**broker.options(broker.under(ledger.krypton.addresses.kafka, RELAY)))
    producer.send(foreign.topic, foreign.value, foreign.key, foreign.headers, foreign.partition).get(WITHIN_S)
    producer.close()
    ledger.register(10)
    ledger.start("relay")
    until(lambda: "older than Kafka's log" in ledger.said("relay"), "the relay says so")
    monkeypatch.setattr(health, "STILL_S", 0.0)
    (told,) = [one for one in health.measure(ledger.krypton).problems if one.part == "relay"]
    assert "it is running: the relay cannot go on: krypton." in told.what
    assert "older than Kafka's log" in told.what
    assert not any(t == "krypton.identities" for t, _ in ledger.published())


def test_topics_that_differ_are_named_and_left_as_they_are(ledger: LiveLedger) -> None:
    """A wrong count or retention is never corrected silently."""
    kafka = ledger.krypton.addresses.kafka
    admin = KafkaAdminClient(**broker.options(kafka))
    try:
        admin.create_partitions({"krypton.links": 3})
        wrong = ConfigResource(ConfigResourceType.TOPIC, "krypton.doses", {"retention.ms": "1000"})
        admin.alter_configs([wrong])
    finally:
        admin.close()
    complaints: list[str] = []

    def both_named() -> bool:  # the broker takes a moment to apply what it was told
        try:
            topics.create(kafka)
        except topics.TopicsDiffer as told:
            complaints.append(str(told))
        return any(
            "krypton.links has 3 partitions, not 1" in c and "retention.ms=1000, not -1" in c for c in complaints
        )

    until(both_named, "both named")
