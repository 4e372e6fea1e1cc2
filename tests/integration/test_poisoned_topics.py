"""Topics into which somebody else wrote: nothing of it is applied, nothing of the ledger is lost, and it is said."""

import signal
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import Any

import pytest
from confluent_kafka import Producer
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from krypton.devstack.stack import Stack
from krypton.errors import ServiceUnavailable
from krypton.integrity import walk
from krypton.integrity.checkpoints import Heads
from krypton.integrity.findings import Kind, Log
from krypton.integrity.verify import Question, verify
from krypton.services import health
from krypton.services.install import install
from krypton.services.logins import RELAY
from krypton.services.notary import sign_now
from krypton.services.recover import recover
from krypton.views.check import check
from krypton.views.following import problems
from krypton.views.lag import wait_for_views
from schemas.registry import registry
from streams.broker import broker, topics
from streams.broker.partition import partition_of
from streams.relay.outgoing import Addresser, Stored
from tests.fakes import librdkafka
from tests.integration.live_ledger import LiveLedger, Published, end_offsets, kill, kill_kafka, live_ledger
from tests.integration.proof_world import heads
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live

LETTERS = TopicPartition(topics.DEAD_LETTERS, 0)
VIEW = "identity_index"
TOPIC = "krypton.identities"
BATCH = Struct(">qi")
"""How each batch of a log file of Kafka begins: its first offset, and how many bytes follow."""
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


def transaction_aborted(ledger: LiveLedger) -> None:
    """By who may write: the end of a transaction takes an offset of each partition, and is no record."""
    producer = KafkaProducer(**broker.options(ledger.krypton.addresses.kafka), transactional_id="somebody")
    try:
        producer.init_transactions()
        producer.begin_transaction()
        for partition in range(8):
            producer.send(TOPIC, b"", partition=partition).get(WITHIN_S)
        producer.abort_transaction()
    finally:
        producer.close()


@contextmanager
def transaction_left_open(ledger: LiveLedger) -> Iterator[KafkaProducer]:
    """By who may write: records of a transaction that does not end."""
    kafka = broker.options(ledger.krypton.addresses.kafka)
    producer = KafkaProducer(**kafka, transactional_id="somebody-else", transaction_timeout_ms=600_000)
    try:
        producer.init_transactions()
        producer.begin_transaction()
        for partition in range(8):
            producer.send(TOPIC, b"", partition=partition).get(WITHIN_S)
        yield producer
    finally:
        producer.close(timeout=1)


def cut(ledger: LiveLedger, partitions: Collection[int]) -> None:
    """The broker loses power, and with it the last batch of records of some partitions."""
    kill_kafka(ledger.stack)
    for partition in partitions:
        (log,) = (ledger.stack.root / "kafka").glob(f"**/{TOPIC}-{partition}/*.log")
        stored, ends = log.read_bytes(), [0]
        while ends[-1] < len(stored):
            _, length = BATCH.unpack_from(stored, ends[-1])
            if not length:  # a log file may be longer than what is written in it
                break
            ends.append(ends[-1] + BATCH.size + length)
        assert len(ends) > 2
        log.write_bytes(stored[: ends[-2]])
    ledger.stack.start_kafka()


def sent_before_its_turn(ledger: LiveLedger) -> None:
    """A byte-for-byte copy of the last event of each partition, of those that no relay has sent yet."""
    addresser = Addresser.of(registry())
    query = "SELECT id, originator_id::text, originator_version, state FROM ledger.ledger_events ORDER BY id"
    rows = ledger.query(query)
    events = [addresser.outgoing(Stored(at, one, version, bytes(state))) for at, one, version, state in rows]
    copies = {event.partition: event for event in events if event.topic == TOPIC}
    producer = KafkaProducer(**broker.options(broker.under(ledger.krypton.addresses.kafka, RELAY)))
    try:
        for copy in copies.values():
            producer.send(copy.topic, copy.value, copy.key, copy.headers, copy.partition).get(WITHIN_S)
    finally:
        producer.close()


def compression(ledger: LiveLedger) -> str:
    """The topic's setting."""
    admin = KafkaAdminClient(**broker.options(ledger.krypton.addresses.kafka))
    try:
        asked = ConfigResource(ConfigResourceType.TOPIC, TOPIC, {"compression.type": None})
        answer = admin.describe_configs([asked], config_filter="all")["topic"][TOPIC]
        return str(answer["compression.type"]["value"])
    finally:
        admin.close()


def as_a_client_sends(ledger: LiveLedger) -> None:
    """The topic as a release before made it: records lie there as they are sent."""
    admin = KafkaAdminClient(**broker.options(ledger.krypton.addresses.kafka))
    try:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, TOPIC, {"compression.type": "producer"})])
    finally:
        admin.close()
    until(lambda: compression(ledger) == "producer", "set")


def send_compressed(ledger: LiveLedger, kind: str) -> None:
    """A record to each partition, by another client."""
    kafka = broker.under(ledger.krypton.addresses.kafka, RELAY)
    producer = Producer({**librdkafka.own(kafka), "compression.type": kind})
    for partition in range(8):
        producer.produce(TOPIC, bytes(1_000), partition=partition)
    assert producer.flush(WITHIN_S) == 0


def lacking(ledger: LiveLedger) -> set[Published]:
    """The events that have no record on Kafka."""
    published = {record for log in ledger.published().values() for record in log}
    return {event for log in ledger.stored().values() for event in log} - published


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
                producer.send(TOPIC, **{**kept, "headers": list(record.headers), **forge(record)}).get(WITHIN_S)
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
    poison(ledger, FORGED["one million too high"], FORGED["of 20 digits"], FORGED["without headers"])
    ledger.register(100)
    with pytest.raises(Exception, match="the relay has not copied"):
        wait_for_views(ledger.krypton, 0.5)
    ledger.start("relay")
    until(lambda: indexed(ledger) == 300, "all indexed")
    with pytest.raises(ServiceUnavailable, match="24 records that this ledger did not write"):
        wait_for_views(ledger.krypton, WITHIN_S)
    assert check(ledger.krypton, VIEW)["equal"]  # a view built from that topic leaves the same records out
    assert f"ALARM: {TOPIC} holds 24 records that this ledger did not write" in ledger.said("relay")
    found = health.measure(ledger.krypton)  # own records follow by now, and the relay would see the others no more
    assert (found.foreign, f"then run krypton recover {TOPIC}" in "; ".join(map(str, found.problems))) == (
        {TOPIC: 24},
        True,
    )
    worker, second = ledger.processes[1:]
    ledger.processes[:] = [second, worker]
    stopped(ledger)
    recover(ledger.krypton, [TOPIC], Heads(()), "system:test", lambda _: None, forged=False)
    assert (health.measure(ledger.krypton).foreign, what_is_wrong(ledger)) == ({}, "")


def test_what_a_client_compressed_is_read_like_any_other_record(ledger: LiveLedger) -> None:
    """Nobody here could unpack it: neither the view's worker nor a relay that starts behind it."""
    as_a_client_sends(ledger)
    topics.create(ledger.krypton.addresses.kafka)
    until(lambda: compression(ledger) == "uncompressed", "set")
    relay, worker = ledger.processes
    relay.send_signal(signal.SIGTERM)
    relay.wait(WITHIN_S)
    for kind in ("lz4", "zstd", "snappy"):
        send_compressed(ledger, kind)
    ledger.processes[:] = [ledger.start("relay"), worker]
    ledger.register(50)
    until(lambda: indexed(ledger) == 250, "all indexed")
    assert len(forged(ledger)) == 24
    assert TOPIC in what_is_wrong(ledger)


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
    poison(ledger, FORGED["one million too high"], FORGED["of 20 digits"], FORGED["without headers"])
    yield "forged positions and foreign records", "24 records that this ledger did not write"
    transaction_aborted(ledger)
    yield "a transaction of somebody", "goes on after an offset without a record"
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
        assert f"krypton recover {TOPIC}" in "; ".join(map(str, health.measure(ours).problems))
        stopped(ledger)
        assert sign_now(ours)  # an event that nobody signed for a minute would be another finding
        done = recover(ours, [TOPIC], heads(ours), "system:test", lambda _: None, forged=False)
        assert (happened, done.verdict.difference, what_is_wrong(ledger)) == (happened, None, "")
        ledger.start("relay")
        ledger.start("worker", VIEW)
        ledger.register(50)
        people += 50
        until(lambda: shown(ledger) == people, f"{happened}: all shown")  # noqa: B023  # at once


def test_a_transaction_that_was_left_open_does_not_damage_the_topic_made_again(
    ledger: LiveLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end would be written to the new topic, by name, up to 15 minutes later: it ends while the topic is gone."""
    monkeypatch.setattr(walk, "SIGNED_S", 3_600)  # nobody signs here, however long it takes
    lines: list[str] = []
    with transaction_left_open(ledger) as producer:
        until(lambda: "records that this ledger did not write" in what_is_wrong(ledger), "said")
        stopped(ledger)
        assert sign_now(ledger.krypton)
        done = recover(ledger.krypton, [TOPIC], heads(ledger.krypton), "system:test", lines.append, forged=False)
        assert (done.verdict.difference, what_is_wrong(ledger)) == (None, "")
        ends = end_offsets(ledger.krypton.addresses.kafka, [TOPIC])
        with pytest.raises(KafkaError):
            producer.commit_transaction()
    assert [line for line in lines if "'somebody-else' was ended" in line]
    assert end_offsets(ledger.krypton.addresses.kafka, [TOPIC]) == ends
    ledger.start("relay")
    ledger.start("worker", VIEW)
    ledger.register(50)
    until(lambda: shown(ledger) == 250, "all shown")
    assert what_is_wrong(ledger) == ""


def test_what_somebodys_transaction_left_is_named_and_what_follows_is_compared(ledger: LiveLedger) -> None:
    """Its records are forged and its end is no missing event: all else is verified to the end."""
    transaction_aborted(ledger)
    ledger.register(50)
    until(lambda: noted(ledger), "the relay noted all")
    found = verify(ledger.krypton, Question(Heads(())))
    assert Counter(one.kind for one in found.found if one.log is Log.KAFKA) == {
        Kind.FORGED_RECORD: 8,
        Kind.TRANSACTION: 8,
    }
    assert found.events == len([event for log in ledger.stored().values() for event in log])


def test_topics_without_events_that_are_gone_are_told_and_made_again(ledger: LiveLedger) -> None:
    """Dead letters are published on theirs again; no view and no event is touched."""
    ours = ledger.krypton
    poison(ledger, FORGED["one million too high"])
    published = "SELECT count(*), count(published_at) FROM views.dead_letter"
    until(lambda: ledger.query(published) == [(8, 8)], "the dead letters are on their topic")
    for topic in (topics.DEAD_LETTERS, topics.CHECKPOINTS):
        topics.delete(ours.addresses.kafka, [topic])
        said = f"{topic} is not there: run krypton init"
        assert said in what_is_wrong(ledger)
        assert said in map(str, health.measure(ours).problems)
        with pytest.raises(ServiceUnavailable, match=said):
            wait_for_views(ours, 0.1)
        for _ in install(ours):
            pass
        assert topic not in what_is_wrong(ledger)
    until(lambda: end_offsets(ours.addresses.kafka, [topics.DEAD_LETTERS]) == {LETTERS: 8}, "published again")


def test_what_a_broker_lost_at_a_topics_end_is_filled_up_or_said_and_mended(
    ledger: LiveLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a relay that runs, and by one that starts after that: then each offset holds the event that it held before.

    Where none has done so, views have read further than the topic reaches.
    """
    monkeypatch.setattr(walk, "SIGNED_S", 3_600)  # nobody signs here, however long it takes
    ledger.register(100)
    until(lambda: indexed(ledger) == 300, "all indexed")
    until(lambda: noted(ledger), "the relay noted all")
    cut(ledger, unlike_the_last(ledger))
    filled_up(ledger, 350)
    relay, worker = ledger.processes
    relay.send_signal(signal.SIGTERM)
    relay.wait(WITHIN_S)
    cut(ledger, unlike_the_last(ledger))
    ledger.processes[:] = [ledger.start("relay"), worker]
    filled_up(ledger, 400)
    stopped(ledger)
    cut(ledger, range(3))
    said = f"{TOPIC} was cut below what {VIEW} v1 read of it: run krypton recover {TOPIC}"
    assert said in what_is_wrong(ledger)
    assert said in map(str, health.measure(ledger.krypton).problems)
    with pytest.raises(ServiceUnavailable, match=said):
        wait_for_views(ledger.krypton, 0.1)
    recovered(ledger, 400)
    ledger.start("relay")
    ledger.start("worker", VIEW)
    ledger.register(50)
    until(lambda: shown(ledger) == 450, "all shown")


def noted(ledger: LiveLedger) -> bool:
    """Whether the relay has written down that all is on Kafka."""
    query = "SELECT position >= (SELECT max(id) FROM ledger.ledger_events) FROM ledger.relay_hint"
    return ledger.query(query) == [(True,)]


def unlike_the_last(ledger: LiveLedger) -> set[int]:
    """All partitions but the last event's."""
    ((last,),) = ledger.query("SELECT originator_id::text FROM ledger.ledger_events ORDER BY id DESC LIMIT 1")
    return {*range(8)} - {partition_of(last.encode(), 8)}


def filled_up(ledger: LiveLedger, people: int) -> None:
    """With 50 persons more all is as if nothing had been lost."""
    ledger.register(50)
    until(lambda: ledger.kept_up() and indexed(ledger) == people, "all indexed")
    until(lambda: not lacking(ledger), "all on Kafka")
    assert ledger.published() == ledger.stored()
    assert what_is_wrong(ledger) == ""


def recovered(ledger: LiveLedger, people: int) -> None:
    """What ``krypton recover`` leaves is right."""
    assert sign_now(ledger.krypton)
    done = recover(ledger.krypton, [TOPIC], heads(ledger.krypton), "system:test", lambda _: None, forged=False)
    assert (done.verdict.difference, what_is_wrong(ledger), shown(ledger)) == (None, "", people)


def test_events_behind_a_copy_of_a_later_one_are_not_lost_in_silence(
    ledger: LiveLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay sends them all the same, views leave them out and say so, and one command mends it."""
    monkeypatch.setattr(walk, "SIGNED_S", 3_600)  # nobody signs here, however long it takes
    relay, _ = ledger.processes
    relay.send_signal(signal.SIGSTOP)
    overtaken(ledger)
    relay.send_signal(signal.SIGCONT)
    left_out_and_said(ledger, 300)
    stopped(ledger)
    recovered(ledger, 300)


def test_a_relay_that_starts_behind_a_copy_of_a_later_event_sends_those_before_it(
    ledger: LiveLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy that had read the copy is set back by ``recover``, to before the first that it has not handled."""
    monkeypatch.setattr(walk, "SIGNED_S", 3_600)  # nobody signs here, however long it takes
    relay, worker = ledger.processes
    policies = ledger.start("policies", "run")
    of_policy = "SELECT partition, ledger_position FROM views.position WHERE view = 'policy-matching' AND topic = %s"
    ((head,),) = ledger.query("SELECT max(id) FROM ledger.ledger_events")
    until(lambda: head in dict(ledger.query(of_policy, TOPIC)).values(), "the policy read all")
    relay.send_signal(signal.SIGTERM)
    relay.wait(WITHIN_S)
    overtaken(ledger)
    until(lambda: min(dict(ledger.query(of_policy, TOPIC)).values()) > head, "the policy read the copies")
    kill(policies)
    ledger.processes[:] = [ledger.start("relay"), worker]
    left_out_and_said(ledger, 300)
    stopped(ledger)
    recovered(ledger, 300)
    for partition, position in ledger.query(of_policy, TOPIC):
        assert position < min(one.position for one in ledger.stored()[TOPIC, partition] if one.position > head)


def overtaken(ledger: LiveLedger) -> None:
    """Copies of the last of 100 events come before their turn, and are not taken for all of them."""
    ledger.register(100)
    sent_before_its_turn(ledger)
    with pytest.raises(ServiceUnavailable, match="the relay has not copied"):
        wait_for_views(ledger.krypton, 0.1)


def left_out_and_said(ledger: LiveLedger, people: int) -> None:
    """All is on Kafka, and of what views lack is told."""
    until(lambda: f"{TOPIC} holds" in what_is_wrong(ledger), "said")
    until(lambda: not lacking(ledger), "all on Kafka")
    with pytest.raises(ServiceUnavailable, match=f"or not in that order.* run krypton recover {TOPIC}"):
        wait_for_views(ledger.krypton, 0.1)
    assert "comes after a later event of its partition" in " ".join(forged(ledger))
    assert indexed(ledger) < people
    assert Kind.REORDERED in {found.kind for found in verify(ledger.krypton, Question(Heads(()))).found}


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
