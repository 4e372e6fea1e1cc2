"""Topics full of generated events, as the relay would have written them: every event type, over several keys."""

from collections.abc import Iterator
from uuid import UUID, uuid5

from kafka import KafkaProducer

from schemas.codec import Codec
from schemas.registry import Registry, registry
from streams.broker import broker
from streams.relay.outgoing import Addresser, Outgoing, Stored
from tests.fakes.avro import sample_body
from tests.samples import FixedVault
from tests.waiting import WITHIN_S

NAMES = UUID("0b7f7a52-93f2-5a77-9f4e-3f5c7d0f9c11")


def samples(rounds: int, schemas: Registry | None = None) -> Iterator[Outgoing]:
    """One event of each type, ``rounds`` times, in ledger order from position 1; each round has its own aggregates."""
    found = schemas or registry()
    codec, addresser, position = Codec(found, FixedVault()), Addresser.of(found), 0
    for turn in range(1, rounds + 1):
        for schema in found.latest.values():
            position += 1
            aggregate = str(uuid5(NAMES, f"{schema.aggregate} {turn}"))
            body = sample_body(schema) | {schema.aggregate: aggregate}
            if schema.key != schema.aggregate:
                body[schema.key] = str(uuid5(NAMES, f"{schema.key} {turn}"))
            state = codec.encode(schema.type, body, aggregate_id=aggregate, version=turn)
            yield addresser.outgoing(Stored(position, aggregate, turn, state))


def publish(kafka: str, events: Iterator[Outgoing]) -> list[Outgoing]:
    """Write them to Kafka, whose topics are there; returns when all are acknowledged."""
    producer = KafkaProducer(**broker.options(kafka), acks="all", linger_ms=20)
    try:
        found = list(events)
        sent = [producer.send(e.topic, e.value, e.key, e.headers, e.partition, e.timestamp_ms) for e in found]
        producer.flush(WITHIN_S)
        for future in sent:
            future.get(0)
    finally:
        producer.close()
    return found
