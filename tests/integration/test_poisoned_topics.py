"""Topics into which somebody else wrote: nothing of it is applied, nothing of the ledger is lost, and it is said."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from krypton.devstack.stack import Stack
from krypton.integrity import walk
from krypton.integrity.checkpoints import Heads
from krypton.integrity.findings import Kind, Log
from krypton.integrity.verify import Question, verify
from krypton.services import health
from krypton.services.logins import RELAY
from krypton.services.notary import sign_now
from krypton.services.recover import recover
from krypton.settings import ServiceUnavailable
from krypton.views.check import check
from krypton.views.following import problems
from krypton.views.lag import wait_for_views
from streams.broker import broker, topics
from tests.integration.live_ledger import LiveLedger, end_offsets, kill, live_ledger
from tests.integration.proof_world import heads
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live

VIEW = "identity_index"
TOPIC = "krypton.identities"
Forge = Callable[[Any], dict[str, Any]]
"""What is sent in place of a record."""


@pytest.fixture
def ledger(stack: Stack, tmp_path: Path) -> Iterator[LiveLedger]:
    """Two hundred persons, on their topic and in their view."""
    with live_ledger(stack, tmp_path) as ours:
        _ = ours.krypton  # installed
        ours.register(200)
        ours.start("relay")
        ours.start("worker", VIEW)
        until(lambda: indexed(ours) == 200, "all indexed")
        yield ours


def indexed(ledger: LiveLedger) -> int:
    """How many persons the view shows."""
    return int(ledger.query(f"SELECT count(*) FROM {VIEW}_v1.identity")[0][0])


def shown(ledger: LiveLedger) -> int:
    """The same of the version that is live."""
    return int(ledger.query(f"SELECT count(*) FROM {VIEW}.identity")[0][0])


def forged(ledger: LiveLedger) -> list[str]:
    """Why each record counts as forged."""
    return [reason for (reason,) in ledger.query("SELECT reason FROM views.dead_letter WHERE forged ORDER BY id")]


def headers(record: Any, **other: bytes) -> list[tuple[str, bytes]]:
    return [(name, other.get(name, value)) for name, value in record.headers]


def position_of(record: Any) -> int:
    return int(dict(record.headers)["position"])


FORGED: dict[str, Forge] = {
    "one million too high": lambda r: {"headers": headers(r, position=b"%d" % (position_of(r) + 1_000_000))},
    "of 20 digits": lambda r: {"headers": headers(r, position=b"9" * 20)},
    "of 5,000 digits": lambda r: {"headers": headers(r, position=b"9" * 5_000)},
    "repeated with other bytes": lambda r: {"value": r.value[:-1] + bytes([r.value[-1] ^ 1])},
    "without headers": lambda r: {"headers": []},
    "without anything": lambda r: {"headers": [("position", b""), ("version", b"")], "value": None, "key": b"\xff"},
    "on another partition": lambda r: {"partition": (r.partition + 1) % 8},
}


def stopped(ledger: LiveLedger) -> None:
    """End relay and worker, as ``krypton run`` does: Faust does not end by itself while its topic is gone."""
    relay, worker = ledger.processes
    relay.send_signal(signal.SIGTERM)
    kill(worker)
    relay.wait(WITHIN_S)
    ledger.processes.clear()


def what_is_wrong(ledger: LiveLedger) -> str:
    return "; ".join(map(str, problems(ledger.krypton)))


def truncated(ledger: LiveLedger) -> None:
    """Delete the first half of each partition."""
    admin = KafkaAdminClient(**broker.options(ledger.krypton.addresses.kafka))
    try:
        half = {tp: end // 2 for tp, end in end_offsets(ledger.krypton.addresses.kafka, [TOPIC]).items()}
        admin.delete_records(half)
    finally:
        admin.close()


def poison(ledger: LiveLedger, *forges: Forge) -> None:
    """For each partition of the persons' topic, copies of its last record, changed."""
    kafka = ledger.krypton.addresses.kafka
    consumer = KafkaConsumer(**broker.options(kafka), group_id=None)
    producer = KafkaProducer(**broker.options(broker.under(kafka, RELAY)))  # what a thief of that login could do
    try:
        every = [TopicPartition(TOPIC, n) for n in range(8)]
        consumer.assign(every)
        for tp, end in consumer.end_offsets(every).items():
            consumer.seek(tp, end - 1)
        last: dict[Any, Any] = {}
        while len(last) < len(every):
            last.update({tp: records[-1] for tp, records in consumer.poll(timeout_ms=500).items()})
        for record in last.values():
            for forge in forges:
                kept = {"partition": record.partition, "key": record.key, "value": record.value}
                producer.send(TOPIC, **{**kept, "headers": list(record.headers), **forge(record)}).get(60)
    finally:
        producer.close()
        consumer.close(autocommit=False)


def test_forged_records_are_dead_letters_and_hold_nothing_up(ledger: LiveLedger) -> None:
    """Neither the events that follow, nor those of the keys they carry, nor a relay and a worker that start again."""
    poison(ledger, *FORGED.values())
    until(lambda: len(forged(ledger)) >= 8 * (len(FORGED) - 1), "the forged records are set aside")
    ledger.register(300)
    until(lambda: indexed(ledger) == 500, "what follows is indexed")
    assert ledger.query("SELECT count(*) FROM views.parked_key") == [(0,)]
    assert all(process.poll() is None for process in ledger.processes)
    found = verify(ledger.krypton, Question(Heads(()))).difference
    assert found is not None
    assert (found.log, found.kind in (Kind.FORGED_RECORD, Kind.PARTITION)) == (Log.KAFKA, True)
    told = " ".join(forged(ledger))
    assert "the event store holds no event at this position" in told
    assert "other bytes" in told


def test_a_relay_that_starts_after_forged_records_passes_over_them_with_an_alarm(ledger: LiveLedger) -> None:
    """And ``wait`` is not deceived by a position above the ledger's head while the relay is down.

    The alarm stays until the topic is made again.
    """
    relay = ledger.processes[0]
    relay.send_signal(signal.SIGTERM)
    relay.wait(WITHIN_S)
    poison(ledger, FORGED["one million too high"], FORGED["without headers"])
    ledger.register(100)
    with pytest.raises(Exception, match="the relay has not copied"):
        wait_for_views(ledger.krypton, 0.5)
    ledger.start("relay")
    until(lambda: indexed(ledger) == 300, "all indexed")
    with pytest.raises(ServiceUnavailable, match="16 records that this ledger did not write"):
        wait_for_views(ledger.krypton, WITHIN_S)
    assert check(ledger.krypton, VIEW)["equal"]  # a view built from that topic leaves the same records out
    assert f"ALARM: {TOPIC} holds 16 records that this ledger did not write" in ledger.said("relay")
    found = health.measure(ledger.krypton)  # own records follow by now, and the relay would see the others no more
    assert (found.foreign, f"then run krypton recover {TOPIC}" in "; ".join(map(str, found.problems))) == (
        {TOPIC: 16},
        True,
    )
    worker, second = ledger.processes[1:]
    ledger.processes[:] = [second, worker]
    stopped(ledger)
    recover(ledger.krypton, [TOPIC], Heads(()), "system:test", lambda _: None, forged=False)
    assert (health.measure(ledger.krypton).foreign, what_is_wrong(ledger)) == ({}, "")


def test_health_names_what_stands_still_and_why(ledger: LiveLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notary, relay and worker, once events have waited for them longer than they may."""
    monkeypatch.setattr(health, "STILL_S", 1.0)

    def said() -> str:
        return "; ".join(map(str, health.measure(ledger.krypton).problems))

    until(lambda: "notary stands still" in said() and "it never signed anything" in said(), "the notary")
    relay, worker = ledger.processes
    assert sign_now(ledger.krypton)
    until(lambda: "notary" not in said() and "relay" not in said() and VIEW not in said(), "nothing of these")
    kill(worker)
    ledger.register(8)
    until(lambda: f"{VIEW} v1 is 8 records behind" in said(), "the worker")
    kill(relay)
    ledger.register(8)
    until(lambda: "relay stands still: 8 events are not on Kafka" in said(), "the relay")
    assert "none is running: start krypton run" in said()


def damages(ledger: LiveLedger) -> Iterator[tuple[str, str]]:
    """Damage the topic in one way after the other; yields what happened, and what is said of it."""
    kafka = ledger.krypton.addresses.kafka
    poison(ledger, FORGED["one million too high"], FORGED["of 20 digits"])
    yield "forged positions", "records that this ledger did not write"
    poison(ledger, FORGED["without headers"])
    yield "a foreign record", "records that this ledger did not write"
    topics.delete(kafka, [TOPIC])
    yield "deleted", f"{TOPIC} is not there"
    topics.delete(kafka, [TOPIC])
    topics.create(kafka)
    yield "deleted and made again", "was deleted and made again"
    truncated(ledger)
    yield "truncated", "lost its first records"


def test_one_command_mends_each_kind_of_damage(ledger: LiveLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said before and not after; rows are those of the ledger, and both logs are equal."""
    monkeypatch.setattr(walk, "SIGNED_S", 3_600)  # nobody signs here, however long it takes
    ours, people = ledger.krypton, 200
    for happened, said in damages(ledger):
        until(lambda: said in what_is_wrong(ledger), f"{happened}: said")  # noqa: B023  # at once
        with pytest.raises(ServiceUnavailable, match="krypton recover"):
            wait_for_views(ours, 0.1)
        stopped(ledger)
        assert sign_now(ours)  # an event that nobody signed for a minute would be another finding
        done = recover(ours, [TOPIC], heads(ours), "system:test", lambda _: None, forged=False)
        assert (happened, done.verdict.difference, what_is_wrong(ledger)) == (happened, None, "")
        ledger.start("relay")
        ledger.start("worker", VIEW)
        ledger.register(50)
        people += 50
        until(lambda: shown(ledger) == people, f"{happened}: all shown")  # noqa: B023  # at once


def test_what_policies_left_out_is_forgotten_with_its_topic(ledger: LiveLedger) -> None:
    """Else health told for ever of records that are no more."""
    relay, worker = ledger.processes
    policies = ledger.start("policies", "run")
    poison(ledger, FORGED["one million too high"])
    of_policies = "SELECT count(*) > 0 FROM views.dead_letter WHERE forged AND view LIKE 'policy%%'"
    until(lambda: ledger.query(of_policies) == [(True,)], "policies left them out")
    kill(policies)
    ledger.processes[:] = [relay, worker]
    stopped(ledger)
    recover(ledger.krypton, [TOPIC], Heads(()), "system:test", lambda _: None, forged=False)
    assert what_is_wrong(ledger) == ""
