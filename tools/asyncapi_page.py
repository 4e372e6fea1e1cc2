"""``python -m tools.asyncapi_page``: generates ``docs/asyncapi.yaml`` from the schemas; a test keeps it current.

AsyncAPI 3.0.0: a channel per topic, a message per event type with its newest Avro schema, CloudEvents headers. Kafka
bindings 0.5.0. PyYAML is a development dependency: no production code imports this module.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from adapters.registry.subjects import subject_of
from schemas.registry import Registry, Schema, registry
from streams.broker.topics import CHECKPOINTS, KEPT, MAX_RECORD_BYTES, PARTITIONS

PAGE = Path(__file__).parents[1] / "docs" / "asyncapi.yaml"
HEAD = "# Made from schemas/avro/ by `python -m tools.asyncapi_page`; do not edit.\n"
AVRO = "application/vnd.apache.avro;version=1.9.0"
BINDING = "0.5.0"
DESCRIPTION = (
    "Every study arrival, identity merge and unmerge, consent, access, dose record and order of a region is one "
    "immutable event. Records are kept for ever, never compacted, and ordered within a key. The operations named "
    "`send…` are the ledger's own, those named `receive…` a subscriber's. An event evolves by fields with defaults "
    "(FULL_TRANSITIVE): a reader of today reads what comes, and what lies there. Fields marked `krypton.sealed` name "
    "a person: their bytes open to nobody but the ledger's query side, after an access decision. docs/subscribing.md "
    "has worked examples."
)
CLOUDEVENTS = {
    "ce_specversion": {"type": "string", "const": "1.0"},
    "ce_id": {"type": "string", "description": "Aggregate id and version: unique in the ledger."},
    "ce_type": {"type": "string", "description": "The event type."},
    "ce_source": {"type": "string", "const": "krypton"},
    "ce_subject": {"type": "string", "format": "uuid", "description": "The aggregate's id."},
    "ce_time": {
        "type": "string",
        "format": "date-time",
        "description": "When it was stored: UTC, six decimals.",
    },
    "content-type": {"type": "string", "const": "application/avro"},
    "position": {
        "type": "string",
        "pattern": "^[1-9][0-9]*$",
        "description": "Place in the whole ledger, from 1; within a partition it only grows. Drop what repeats.",
    },
    "version": {
        "type": "string",
        "pattern": "^[1-9][0-9]*$",
        "description": "Place in the aggregate's history, counted from 1.",
    },
}
CHECKPOINT = {
    "name": "checkpoint",
    "title": "checkpoint",
    "summary": "A signed head of the ledger's Merkle tree: what an auditor compares with another's.",
    "contentType": "text/plain; charset=utf-8",
    "payload": {"type": "string", "description": "A signed note (C2SP tlog-checkpoint), Ed25519."},
    "bindings": {"kafka": {"key": {"type": "string", "description": "The log's origin."}, "bindingVersion": BINDING}},
}
SCRAM = {
    "type": "scramSha512",
    "description": "What `krypton subscriber add` gives: its topics to read, groups by its name.",
}


class _Plain(yaml.SafeDumper):
    """Writes every value where it stands: other readers need not know YAML's anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always."""
        return True


def page() -> str:
    """The whole document, as YAML."""
    return HEAD + yaml.dump(document(registry()), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


def document(schemas: Registry) -> dict[str, Any]:
    """The whole document."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for topic, types in schemas.topics().items():
        found = [schemas.of_type(event_type) for event_type in types]
        keys = ", ".join(sorted({schema.key for schema in found}))
        channels[_name(topic)] = _channel(topic, f"Key: {keys}. Partition: murmur2 of the key.", map(_record, found))
        operations |= _operations(topic, "The relay publishes each event once, in ledger order within its partition.")
    channels[_name(CHECKPOINTS)] = _channel(CHECKPOINTS, "Not events: signed tree heads.", ["Checkpoint"])
    operations |= _operations(CHECKPOINTS, "The notary publishes each tree head at least once, by growing size.")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Krypton: the health-record ledger of a region",
            "version": f"1.{max(schemas.by_id)}.0",  # grows with each schema; no reader breaks, so the 1 stays
            "description": DESCRIPTION,
            "license": {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/avro",
        "servers": _servers(),
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {_record(s): _message(s, schemas) for s in schemas.latest.values()}
            | {"Checkpoint": CHECKPOINT},
            "schemas": {"CloudEvent": {"type": "object", "required": [*CLOUDEVENTS], "properties": CLOUDEVENTS}},
            "securitySchemes": {"scram": SCRAM},
        },
    }


def _servers() -> dict[str, Any]:
    registry_url = "http://{}:8081"
    return {
        "production": {
            "host": "{host}:9094",
            "protocol": "kafka",
            "description": "The listener for subscribers, with logins and rights (docker/compose.yaml).",
            "variables": {"host": {"description": "The broker's name.", "default": "localhost"}},
            "security": [{"$ref": "#/components/securitySchemes/scram"}],
            "bindings": {"kafka": _server_binding(registry_url.format("localhost"))},
        },
        "development": {
            "host": "127.0.0.1:{port}",
            "protocol": "kafka",
            "description": "The embedded broker of `krypton dev up`; `krypton dev status` prints its port.",
            "variables": {"port": {"description": "Chosen at the first start.", "default": "9092"}},
            "bindings": {"kafka": _server_binding(registry_url.format("127.0.0.1"))},
        },
    }


def _server_binding(url: str) -> dict[str, Any]:
    return {"schemaRegistryUrl": url, "schemaRegistryVendor": "confluent", "bindingVersion": BINDING}


def _channel(topic: str, description: str, messages: Iterable[str]) -> dict[str, Any]:
    kept = {name: [value] if name == "cleanup.policy" else int(value) for name, value in KEPT.items()}
    return {
        "address": topic,
        "title": topic,
        "description": description,
        "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in messages},
        "bindings": {
            "kafka": {
                "topic": topic,
                "partitions": PARTITIONS[topic],
                "topicConfiguration": kept | {"max.message.bytes": MAX_RECORD_BYTES},
                "bindingVersion": BINDING,
            }
        },
    }


def _operations(topic: str, sent: str) -> dict[str, Any]:
    """Both sides of a topic; without a list of messages, an operation has all of its channel's."""
    name = _name(topic)
    channel = {"$ref": f"#/channels/{name}"}
    group = {"type": "string", "description": "The subscriber's own name, or one that begins with it and a full stop."}
    return {
        f"send{name.capitalize()}": {"action": "send", "channel": channel, "summary": sent},
        f"receive{name.capitalize()}": {
            "action": "receive",
            "channel": channel,
            "summary": f"A subscriber reads {topic}, from its start or from its group's offsets.",
            "bindings": {"kafka": {"groupId": group, "bindingVersion": BINDING}},
        },
    }


def _message(schema: Schema, schemas: Registry) -> dict[str, Any]:
    versions = sorted((s.version, s.id) for s in schemas if s.type == schema.type)
    return {
        "name": schema.type,
        "title": schema.type,
        "summary": schema.document["doc"],
        "contentType": "application/avro",
        "headers": {
            "allOf": [
                {"$ref": "#/components/schemas/CloudEvent"},
                {"type": "object", "properties": {"ce_type": {"type": "string", "const": schema.type}}},
            ]
        },
        "payload": {"schemaFormat": AVRO, "schema": schema.document},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"`{schema.key}`, as text."},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "schemaLookupStrategy": "TopicRecordNameStrategy",
                "bindingVersion": BINDING,
            }
        },
        "x-subject": subject_of(schema),
        "x-schema-ids": {str(version): ident for version, ident in versions},
    }


def _record(schema: Schema) -> str:
    return str(schema.document["name"])


def _name(topic: str) -> str:
    """``krypton.studies`` is ``studies``."""
    return re.sub(r"\W+", "_", topic.removeprefix("krypton."))


if __name__ == "__main__":
    PAGE.write_text(page())
