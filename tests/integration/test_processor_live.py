"""Workers of one view on a real Kafka and PostgreSQL: shared, killed, stopped, and given what they cannot read."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from krypton.devstack.stack import Stack
from krypton.services.logins import RELAY
from streams.broker import broker
from streams.broker.topics import DEAD_LETTERS
from tests.integration.live_ledger import LiveLedger, kill, kill_kafka, live_ledger, stop_database
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live

VIEW = "identity_index"
GROUP = f"krypton-{VIEW}-v1"


@pytest.fixture
def ledger(stack: Stack, tmp_path: Path) -> Iterator[LiveLedger]:
    """Empty, with a relay."""
    with live_ledger(stack, tmp_path) as ours:
        _ = ours.krypton  # installed
        ours.start("relay")
        yield ours


def indexed(ledger: LiveLedger) -> int:
    """How many persons the view shows."""
    return int(ledger.query(f"SELECT count(*) FROM {VIEW}_v1.identity")[0][0])


def shares(ledger: LiveLedger) -> list[int]:
    """How many partitions each worker has."""
    admin = KafkaAdminClient(**broker.options(ledger.krypton.addresses.kafka))
    try:
        members = admin.describe_groups([GROUP])[GROUP]["members"]
    except KafkaError:  # the first group of a broker takes it a moment
        return []
    finally:
        admin.close()
    assigned = (member["member_assignment"] for member in members)
    known = (a for a in assigned if not isinstance(a, (str, bytes)))  # empty text during a rebalance
    return sorted(sum(len(t["partitions"]) for t in a["assigned_partitions"]) for a in known)


def test_two_workers_share_a_view_and_one_takes_over_the_others_part(ledger: LiveLedger) -> None:
    """A killed worker's partitions move; every person is indexed once. How soon: ``bench failover``."""
    ledger.start("worker", VIEW)
    other = ledger.start("worker", VIEW)
    until(lambda: len(shares(ledger)) == 2 and all(shares(ledger)), "both have partitions")
    ledger.register(500)
    until(lambda: indexed(ledger) == 500, "all indexed")
    ledger.register(300)
    kill(other)
    ledger.register(200)
    until(lambda: indexed(ledger) == 1000, "all indexed")


def test_a_worker_stops_cleanly_in_the_middle_of_a_backlog(ledger: LiveLedger) -> None:
    """Exit code 0, and the next one goes on where it was."""
    ledger.register(4_000)
    first = ledger.start("worker", VIEW)
    until(lambda: indexed(ledger) > 0, "it works")
    first.send_signal(signal.SIGTERM)
    assert first.wait(WITHIN_S) == 0
    ledger.start("worker", VIEW)
    until(lambda: indexed(ledger) == 4_000, "all indexed")


def test_a_worker_waits_for_a_database_that_is_stopped_at_once(ledger: LiveLedger) -> None:
    """In place: it keeps its partitions, and needs no new start."""
    worker = ledger.start("worker", VIEW)
    ledger.register(200)
    until(lambda: indexed(ledger) == 200, "all indexed")
    stop_database(ledger.stack)
    ledger.stack.start_database()
    ledger.register(200)
    until(lambda: indexed(ledger) == 400, "all indexed")
    assert worker.poll() is None


def test_servers_that_are_killed_together_leave_no_traceback_in_any_log(ledger: LiveLedger) -> None:
    """Whose log is full of them when a server is away does not find the one of a defect."""
    ledger.start("worker", VIEW)
    ledger.start("policies", "run")
    ledger.register(200)
    until(lambda: indexed(ledger) == 200, "all indexed")
    until(lambda: "GuardedApp]: Starting" in ledger.said("policies", "run"), "policies run")
    kill_kafka(ledger.stack)
    stop_database(ledger.stack)
    until(lambda: "Unable connect to node" in ledger.said("worker", VIEW), "the worker asks in vain")
    until(lambda: "waiting for the database" in ledger.said("policies", "run"), "policies wait")
    ledger.stack.start_kafka()
    ledger.stack.start_database()
    ledger.register(200)
    until(lambda: ledger.kept_up() and indexed(ledger) == 400, "all indexed")
    logs = {one: ledger.said(*one) for one in (("relay",), ("worker", VIEW), ("policies", "run"))}
    assert {one: said for one, said in logs.items() if "Traceback" in said} == {}


def test_what_cannot_be_read_is_a_dead_letter_on_its_topic_and_the_rest_goes_on(ledger: LiveLedger) -> None:
    """With where it was read and why."""
    ledger.start("worker", VIEW)
    ledger.register(100)
    until(lambda: indexed(ledger) == 100, "all indexed")
    kafka = ledger.krypton.addresses.kafka
    producer = KafkaProducer(**broker.options(broker.under(kafka, RELAY)))
    headers = [("position", b"1000000"), ("version", b"1")]
    at = producer.send("krypton.links", b"not an event", b"some link", headers).get(WITHIN_S)
    producer.close()
    consumer = KafkaConsumer(DEAD_LETTERS, **broker.options(kafka), group_id=None, auto_offset_reset="earliest")
    try:
        found = [r for records in consumer.poll(timeout_ms=1_000 * WITHIN_S).values() for r in records]
    finally:
        consumer.close(autocommit=False)
    assert [(r.key, r.value) for r in found] == [(b"some link", b"not an event")]
    told = dict(found[0].headers)
    assert (told["dead-letter-topic"], told["dead-letter-offset"]) == (b"krypton.links", b"%d" % at.offset)
    assert told["dead-letter-view"] == b"identity_index v1"
    assert told["dead-letter-reason"]
