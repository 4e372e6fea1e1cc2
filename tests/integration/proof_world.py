"""A live ledger that is relayed and signed, and ways to alter it against the rules."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import psycopg2
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from krypton.bootstrap import Krypton
from krypton.integrity.checkpoints import Heads, heads_of, in_folder, published
from krypton.integrity.keys import made, verifier_key
from krypton.integrity.verdict import Verdict
from krypton.integrity.verify import Question, verify
from krypton.services import notary
from schemas.event import Record
from streams.broker import broker
from streams.broker.topics import CHECKPOINTS, LEDGER, MAX_RECORD_BYTES, PARTITIONS
from streams.relay import relay
from tests.integration.live_ledger import LiveLedger, end_offsets
from tests.waiting import until


def krypton(ledger: LiveLedger) -> Krypton:
    """The ledger, with its signed log in a folder of its own."""
    home = ledger.logs / "signed"
    settings = replace(ledger.krypton.settings, log_folder_given=home / "tlog", log_key_given=home / "tlog.key")
    made(settings, list)
    return Krypton(settings, ledger.krypton.addresses)


def relay_all(ledger: LiveLedger) -> None:
    """Let a relay publish everything, and stop it cleanly."""
    relay_to_the_end(ledger.krypton)


def relay_and_sign(ledger: LiveLedger) -> None:
    """Let a relay publish everything, and a notary sign it."""
    relay_all(ledger)
    notary.sign_now(krypton(ledger))


def relay_to_the_end(ours: Krypton) -> None:
    """The same of any ledger."""
    stop = threading.Event()
    addresses = ours.addresses
    running = threading.Thread(target=relay.run, args=(addresses.database, addresses.kafka), kwargs={"stop": stop})
    running.start()
    try:
        with ours.snapshot() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM ledger.ledger_events")
            ((events,),) = cursor.fetchall()
        kafka = addresses.kafka
        until(lambda: sum(end_offsets(kafka, list(LEDGER)).values()) >= events, "all events on Kafka")
    finally:
        stop.set()
        running.join()


def heads(ours: Krypton) -> Heads:
    """The checkpoints on Kafka and in the folder."""
    found = published(ours, CHECKPOINTS) + in_folder(ours.settings.log_folder)
    return heads_of(found, verifier_key(ours.settings))


def verdict(ours: Krypton, prefix: str = "", timeout_s: float = 3) -> Verdict:
    """What ``audit verify`` finds."""
    return verify(ours, Question(heads(ours), prefix, timeout_s=timeout_s))


def run_sql(ledger: LiveLedger, *statements: str) -> None:
    """In one transaction."""
    connection = psycopg2.connect(ledger.database)
    try:
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.close()


@contextmanager
def altered(ledger: LiveLedger, *statements: str) -> Iterator[None]:
    """The event store as somebody with all rights would leave it; put back afterwards."""
    keep = ("ledger_events", "command")
    run_sql(ledger, *(f"CREATE TABLE ledger.kept_{name} AS TABLE ledger.{name}" for name in keep), *statements)
    try:
        yield
    finally:
        for name in keep:
            run_sql(
                ledger,
                f"TRUNCATE ledger.{name}",
                f"INSERT INTO ledger.{name} TABLE ledger.kept_{name}",
                f"DROP TABLE ledger.kept_{name}",
            )


def records_of(kafka: str, topics: Sequence[str] = LEDGER) -> dict[tuple[str, int], list[Record]]:
    """Everything on these topics, as it lies there."""
    ends = {tp: end for tp, end in end_offsets(kafka, list(topics)).items() if end}
    consumer = KafkaConsumer(**broker.options(kafka), group_id=None, enable_auto_commit=False)
    found: dict[tuple[str, int], list[Record]] = {}
    try:
        consumer.assign(list(ends))
        consumer.seek_to_beginning()
        while any(consumer.position(TopicPartition(*tp)) < end for tp, end in ends.items()):
            for records in consumer.poll(timeout_ms=500).values():
                for one in records:
                    lane = found.setdefault((one.topic, one.partition), [])
                    lane.append(Record(one.topic, one.partition, one.offset, one.key, one.value, tuple(one.headers)))
    finally:
        consumer.close(autocommit=False)
    return found


@contextmanager
def mirror(kafka: str, prefix: str, lanes: dict[tuple[str, int], list[Record]]) -> Iterator[None]:
    """Copies of the ledger's topics under a prefix, holding these records."""
    config = {"max.message.bytes": str(MAX_RECORD_BYTES)}
    with topics(kafka, {f"{prefix}.{topic}": PARTITIONS[topic] for topic in LEDGER}, config):
        send(kafka, [(f"{prefix}.{topic}", lane) for (topic, _), lane in lanes.items()])
        yield


@contextmanager
def topics(kafka: str, counts: dict[str, int], config: dict[str, str] | None = None) -> Iterator[None]:
    """Topics of so many partitions each; deleted afterwards, for a broker carries all that a test leaves."""
    wanted = {
        topic: {"num_partitions": count, "replication_factor": 1, "configs": config or {}}
        for topic, count in counts.items()
    }
    admin = KafkaAdminClient(**broker.options(kafka))
    try:
        admin.create_topics(wanted)
        admin.wait_for_topics(sorted(wanted))
        yield
        admin.delete_topics(sorted(wanted))
    finally:
        admin.close()


def empty(kafka: str, topic: str) -> None:
    """Delete all records of a topic of one partition."""
    admin = KafkaAdminClient(**broker.options(kafka))
    try:
        admin.delete_records({TopicPartition(topic, 0): end_offsets(kafka, [topic])[topic, 0]})
    finally:
        admin.close()


def send(kafka: str, lanes: Sequence[tuple[str, Sequence[Record]]]) -> None:
    """Write records to topics, each to its own partition, as anybody who may write could."""
    producer = KafkaProducer(**broker.options(kafka), acks="all", max_request_size=MAX_RECORD_BYTES)
    try:
        for topic, lane in lanes:
            for one in lane:
                producer.send(topic, one.value, one.key, list(one.headers), one.partition)
        producer.flush()
    finally:
        producer.close()
