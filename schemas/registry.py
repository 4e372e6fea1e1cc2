"""Loads the event schemas: one Avro file per event and version in ``avro/``, with ids pinned in ``ids.lock``.

Krypton's attributes at a schema's root: ``krypton.topic`` (Kafka topic), ``krypton.aggregate`` (the field that repeats
the aggregate id) and ``krypton.key`` (the field that is the Kafka key); on a field ``krypton.sealed``: the field that
names the subject whose key encrypts it, or a list of such fields: decryption then needs the keys of all that are not
null.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import fastavro

FOLDER = Path(__file__).parent / "avro"
LOCK = Path(__file__).parent / "ids.lock"
ENVELOPE = ("recorded_at", "actor", "command_id", "correlation_id")


class UnknownSchema(LookupError):
    """No schema has that id, or that event type."""


@dataclass(frozen=True)
class Schema:
    """One version of one event's schema.

    ``hot`` is the parsed schema without logical types, so that decoding yields plain ``int`` and ``str`` (a third
    faster than datetimes and UUIDs); ``document`` is the file as written, for registries and documentation. ``sealed``:
    each sealed field, and the fields that name the subjects whose keys encrypt it, in order.
    """

    id: int
    type: str
    version: int
    topic: str
    key: str
    aggregate: str
    document: dict[str, Any] = field(repr=False)
    hot: Any = field(repr=False)
    sealed: dict[str, tuple[str, ...]]
    uuids: frozenset[str]
    measures: bool

    @property
    def name(self) -> str:
        """The file's stem, for example ``link.merged.v1``."""
        return f"{self.type}.v{self.version}"


def _plain(node: Any) -> Any:
    """The schema without logical types and Krypton's attributes, for fast decoding."""
    if isinstance(node, dict):
        if "type" in node and set(node) <= {"type", "logicalType"}:  # an empty map may be a default
            return _plain(node["type"])
        return {
            k: _plain(v) for k, v in node.items() if k != "logicalType" and not k.startswith("krypton.") and k != "doc"
        }
    return [_plain(n) for n in node] if isinstance(node, list) else node


def subjects_of(field: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields that name the subjects whose keys encrypt this one; empty if it is not sealed."""
    named = field.get("krypton.sealed", [])
    return (named,) if isinstance(named, str) else tuple(named)


def _is_uuid(avro_type: Any) -> bool:
    options = avro_type if isinstance(avro_type, list) else [avro_type]
    return any(isinstance(o, dict) and o.get("logicalType") == "uuid" for o in options)


def _schema(ident: int, name: str, document: dict[str, Any]) -> Schema:
    event_type, _, version = name.rpartition(".v")
    fields = document["fields"]
    return Schema(
        id=ident,
        type=event_type,
        version=int(version),
        topic=document["krypton.topic"],
        key=document["krypton.key"],
        aggregate=document["krypton.aggregate"],
        document=document,
        hot=fastavro.parse_schema(_plain(document)),
        sealed={f["name"]: subjects_of(f) for f in fields if "krypton.sealed" in f},
        uuids=frozenset(f["name"] for f in fields if _is_uuid(f["type"])),
        measures='"double"' in json.dumps(fields),
    )


def _alike(one: Schema, other: Schema) -> bool:
    return one is other or (_plain(one.document) == _plain(other.document) and one.sealed == other.sealed)


class Registry:
    """All schemas, by id and by event type."""

    def __init__(self, schemas: list[Schema]) -> None:
        self.by_id = {s.id: s for s in schemas}
        self.latest: dict[str, Schema] = {}
        for schema in sorted(schemas, key=lambda s: s.version):
            self.latest[schema.type] = schema
        self.laid_out_alike = frozenset(s.id for s in schemas if _alike(s, self.latest[s.type]))
        """Ids of the newest versions, and of those with bytes laid out and sealed as theirs: only meanings differ."""

    def of_type(self, event_type: str) -> Schema:
        """The newest schema of an event type. Raises UnknownSchema."""
        try:
            return self.latest[event_type]
        except KeyError:
            raise UnknownSchema(
                f"no schema for event type {event_type}: add schemas/avro/{event_type}.v1.avsc"
            ) from None

    def of_id(self, ident: int) -> Schema:
        """The schema with that pinned id. Raises UnknownSchema."""
        try:
            return self.by_id[ident]
        except KeyError:
            raise UnknownSchema(f"no schema has id {ident}: this program is older than the event; upgrade it") from None

    def topics(self) -> dict[str, list[str]]:
        """Kafka topic to the event types it carries, both sorted."""
        found: dict[str, list[str]] = {}
        for event_type, schema in sorted(self.latest.items()):
            found.setdefault(schema.topic, []).append(event_type)
        return dict(sorted(found.items()))

    def __iter__(self) -> Iterator[Schema]:
        return iter(sorted(self.by_id.values(), key=lambda s: s.id))


def read_lock(path: Path = LOCK) -> dict[str, int]:
    """Parse ``ids.lock``: one ``id name`` per line, as schema name to id. Ids are never changed or reused."""
    lines = (line.split() for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return {name: int(ident) for ident, name in lines}


@cache
def registry() -> Registry:
    """The schemas of this program. Reads the files once."""
    pinned = read_lock()
    files = {path.name.removesuffix(".avsc"): path for path in sorted(FOLDER.glob("*.avsc"))}
    if unpinned := files.keys() - pinned.keys():
        raise UnknownSchema(f"not in ids.lock: {', '.join(sorted(unpinned))}; run python -m tools")
    return Registry([_schema(pinned[name], name, json.loads(path.read_text())) for name, path in files.items()])
