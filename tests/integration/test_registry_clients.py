"""Confluent's own client and deserializer, and fastavro alone, read every topic with what the registry says."""

import io
import json
from collections.abc import Iterator
from typing import Any

import fastavro
import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas.registry import registry
from streams.broker.topics import PARTITIONS
from streams.relay.outgoing import Outgoing
from tests.fakes.librdkafka import own
from tests.fakes.registry_server import serving
from tests.integration.filled_topics import kafka, published
from tests.waiting import WITHIN_S

__all__ = ["kafka", "published"]  # fixtures
pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def schemas() -> Iterator[str]:
    """The registry's URL."""
    with serving(registry()) as url:
        yield url


@pytest.fixture
def schema_client(schemas: str) -> Iterator[SchemaRegistryClient]:
    """Confluent's own client."""
    with SchemaRegistryClient({"url": schemas}) as client:
        yield client


@pytest.mark.parametrize("topic", registry().topics())
def test_the_avro_deserializer_reads_every_record(
    topic: str, kafka: str, schema_client: SchemaRegistryClient, published: list[Outgoing]
) -> None:
    decode = AvroDeserializer(schema_client)
    context = SerializationContext(topic, MessageField.VALUE)
    found = {
        int(dict(record.headers())["position"]): decode(record.value(), context) for record in consumed(kafka, topic)
    }
    written = {event.position: event for event in published if event.topic == topic}
    assert found.keys() == written.keys()
    for position, event in written.items():
        schema = registry().of_id(int.from_bytes(event.value[1:5], "big"))
        assert str(found[position][schema.key]) == event.key.decode()
        assert set(found[position]) == {field["name"] for field in schema.document["fields"]}


def test_fastavro_alone_reads_every_event_with_the_registrys_text(
    schema_client: SchemaRegistryClient, published: list[Outgoing]
) -> None:
    for event in published[: len(registry().latest)]:
        text = schema_client.get_schema(int.from_bytes(event.value[1:5], "big")).schema_str
        with io.BytesIO(event.value[5:]) as body:
            data: Any = fastavro.schemaless_reader(body, fastavro.parse_schema(json.loads(text or "")))
            assert body.read() == b""
        assert data["recorded_at"].tzinfo is not None


def test_the_client_finds_subjects_versions_and_ids(schema_client: SchemaRegistryClient) -> None:
    client = schema_client
    for subject in client.get_subjects():
        latest = client.get_latest_version(subject)
        assert client.get_versions(subject)[-1] == latest.version
        assert client.get_version(subject, latest.version or 0).schema_id == latest.schema_id
        assert latest.schema is not None
        assert client.lookup_schema(subject, latest.schema).schema_id == latest.schema_id
        assert client.test_compatibility(subject, latest.schema)
    assert client.get_compatibility() == "FULL_TRANSITIVE"


def test_the_client_is_told_that_nothing_can_be_registered(schema_client: SchemaRegistryClient) -> None:
    client = schema_client
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema("krypton.studies-value", Schema('"string"', "AVRO"))
    assert refused.value.error_code == 42205


def consumed(kafka: str, topic: str) -> Iterator[Any]:
    """Every record of a topic from its start to its end, by librdkafka."""
    settings = {"group.id": "unused", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer(own(kafka) | settings)
    try:
        consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS[topic])])
        ended = 0
        while ended < PARTITIONS[topic]:
            record = consumer.poll(WITHIN_S)
            assert record is not None
            if (error := record.error()) is None:
                yield record
            elif error.name() == "_PARTITION_EOF":
                ended += 1
            else:
                raise KafkaException(error)
    finally:
        consumer.close()
