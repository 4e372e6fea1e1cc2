"""``python -m tools.topics_page``: generates ``docs/topics.md`` from the schemas; a test checks that it is current."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.registry import ENVELOPE, Schema, registry, subjects_of
from streams.broker.topics import CHECKPOINTS, DEAD_LETTERS, PARTITIONS

PAGE = Path(__file__).parents[1] / "docs" / "topics.md"
HEAD = """# Topics and events

Made from `schemas/avro/` by `python -m tools.topics_page`; do not edit.

Every record is one event: the key is the id named below, the value is Avro in the Confluent wire format (`0x00`, the
schema id as 4 bytes big-endian, the body), the headers are CloudEvents 1.0 in binary mode (`ce_specversion`, `ce_id`,
`ce_type`, `ce_source`, `ce_subject`, `ce_time`, `content-type`) plus `position` (place in the whole ledger) and
`version` (place in the aggregate's history). Topics are kept for ever and never compacted; the partition of a key is
murmur2, as every Kafka client computes it. A **sealed** field holds bytes that only the ledger's query side can open,
under the key of the identity named; once that key is destroyed, nobody can. Where two are named, it opens only with the
keys of both.

Every event begins with the envelope:

| field | type | meaning |
|---|---|---|
"""
SIGNED = (
    f"{PARTITIONS[CHECKPOINTS]} partition(s). Signed heads of the ledger's Merkle tree, not events: the key is the "
    "log's origin, the value a signed note as text (C2SP tlog-checkpoint), in the order of tree sizes; one may come "
    "twice. `krypton audit checkpoint --key` shows the key to verify them with."
)


def page() -> str:
    """The whole page."""
    schemas = registry()
    envelope = next(iter(schemas)).document["fields"][: len(ENVELOPE)]
    lines = [HEAD + "\n".join(_row(field) for field in envelope), ""]
    for topic, types in schemas.topics().items():
        lines += [f"## {topic}", "", f"{PARTITIONS[topic]} partition(s).", ""]
        for event_type in types:
            lines += [*_event(schemas.of_type(event_type)), ""]
    for topic in sorted(PARTITIONS.keys() - schemas.topics().keys() - {CHECKPOINTS, DEAD_LETTERS}):
        lines += [f"## {topic}", "", f"{PARTITIONS[topic]} partition(s). Reserved: holds no events yet.", ""]
    lines += [f"## {CHECKPOINTS}", "", SIGNED, ""]
    lines += [f"## {DEAD_LETTERS}", "", "What no view could read or apply, byte for byte, with the reason in a header."]
    return "\n".join(lines) + "\n"


def _event(schema: Schema) -> Iterator[str]:
    yield f"### {schema.type} (version {schema.version}, schema id {schema.id})"
    yield ""
    yield f"{schema.document['doc']} Key: `{schema.key}`."
    yield ""
    yield "| field | type | meaning |"
    yield "|---|---|---|"
    yield from (_row(field) for field in schema.document["fields"][len(ENVELOPE) :])


def _row(field: dict[str, Any]) -> str:
    subjects = " and ".join(f"`{subject}`" for subject in subjects_of(field))
    sealed = f", sealed under {subjects}" if subjects else ""
    return f"| `{field['name']}` | {_type(field['type'])}{sealed} | {field['doc']} |"


def _type(avro: Any) -> str:
    if isinstance(avro, list):
        return f"{_type(next(t for t in avro if t != 'null'))} or null"
    if isinstance(avro, str):
        return avro
    match avro["type"]:
        case "array":
            return f"list of {_type(avro['items'])}"
        case "map":
            return f"map of {_type(avro['values'])}"
        case "record":
            return f"{avro['name']} ({', '.join(f['name'] for f in avro['fields'])})"
        case plain:
            return str(avro.get("logicalType", plain))


if __name__ == "__main__":
    PAGE.write_text(page())
