"""Random histories of a view's topics, as Kafka records: any event after any other, over a handful of people.

No aggregate has looked at them: events come twice, in any order, for people of whom nobody heard, with any value. Only
what no table takes is left out (a change of a row that was never made). What a view makes of them must be the same
live and rebuilt.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from projections.engine.projection import Projection, RowKey
from projections.engine.shape import shapes_of
from projections.versions.memory_rows import Held, MemoryRows
from schemas.codec import Codec
from schemas.event import LedgerEvent, Record
from schemas.registry import Schema, registry
from tests.fakes import avro_strategies

Event = tuple[str, dict[str, Any]]
"""Its type and its own fields."""

IDS = [str(UUID(int=n, version=4)) for n in range(6)]
REGISTERED = {ident: 100 + n for n, ident in enumerate(reversed(IDS))}
UIDS = [f"2.25.{n}" for n in range(3)]
PARTITIONS = 3
ENVELOPE = {
    "recorded_at": 1_767_225_600_000_000,
    "actor": "system:test",
    "command_id": IDS[0],
    "correlation_id": IDS[0],
}
STORABLE = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=12)
ODD = st.sampled_from(("", "\t", "a\nb", "\\N", "\\", "\x1f\x1d\x1e", "\r"))
TEXT = st.one_of(*[STORABLE] * 10, ODD)
MOMENTS = st.integers(0, 253_402_300_799_999_999)  # microseconds since 1970, to the end of 9999


class _NoSpill:
    def store(self, rows: Held) -> None:
        raise AssertionError("so few rows stay in memory")

    def load(self, keys: Iterable[RowKey]) -> Held:
        raise AssertionError("nothing was spilled")


NO_SPILL = _NoSpill()


def values(field: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a field: ids and UIDs of a handful, so that events meet."""
    kind, name = field["type"], field["name"]
    if "krypton.sealed" in field:
        held = st.fixed_dictionaries({"family": TEXT}) if name == "traits" else TEXT
        return st.none() | held if isinstance(kind, list) else held
    if "uuid" in str(kind) and not str(kind).count("items"):
        return st.none() | st.sampled_from(IDS) if isinstance(kind, list) else st.sampled_from(IDS)
    if name.endswith("_uid"):
        return st.none() | st.sampled_from(UIDS) if isinstance(kind, list) else st.sampled_from(UIDS)
    match kind:
        case {"type": "array", "items": {"fields": fields}}:
            return st.lists(st.fixed_dictionaries({f["name"]: values(f) for f in fields}), max_size=3)
        case {"type": "array"}:
            return st.lists(STORABLE, max_size=2)
        case {"logicalType": "timestamp-micros"}:
            return MOMENTS
        case ["null", {"logicalType": "timestamp-micros"}]:
            return st.none() | MOMENTS
        case "int":
            return st.integers(0, 500)
        case "string" | ["null", "string"]:
            return TEXT if kind == "string" else st.none() | TEXT
        case _:
            return avro_strategies.values(kind)


def bodies(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """One event of a type."""
    fields = [f for f in schema.document["fields"] if f["name"] not in ENVELOPE]
    drawn = st.fixed_dictionaries({f["name"]: values(f) for f in fields})
    return drawn.map(_paired) if schema.type.startswith("link.") else drawn.map(_owned)


def _paired(body: dict[str, Any]) -> dict[str, Any]:
    low, high = sorted((body["low"], body["high"] if body["high"] != body["low"] else _other(body["low"])))
    return body | {"low": low, "high": high, "low_registered": REGISTERED[low], "high_registered": REGISTERED[high]}


def _owned(body: dict[str, Any]) -> dict[str, Any]:
    """An alert belongs to its study, whose partition writes its row."""
    return body | {"alert_id": body["study_id"]} if "alert_id" in body else body


def _other(ident: str) -> str:
    return IDS[(IDS.index(ident) + 1) % len(IDS)]


def events(view: Projection) -> st.SearchStrategy[list[Event]]:
    """A history of the view's topics."""
    known = sorted(schema.type for schema in registry().latest.values() if schema.topic in view.topics)
    one = st.sampled_from(known).flatmap(lambda t: st.tuples(st.just(t), bodies(registry().latest[t])))
    return st.lists(one, max_size=30).map(lambda drawn: _storable(view, drawn))


def _storable(view: Projection, history: Sequence[Event]) -> list[Event]:
    """Without the events that would change a row that was never made: PostgreSQL takes no such row."""
    rows, kept = MemoryRows(shapes_of(view.tables), 10_000, NO_SPILL), []
    for number, (event_type, body) in enumerate(history):
        schema = registry().latest[event_type]
        data = json.loads(json.dumps(ENVELOPE | body))
        rows.mark()
        view.apply(LedgerEvent(number, event_type, body[schema.aggregate], 1, data), rows)
        if all(_whole(view, name, row) for name, held in rows.rows().items() for row in held.values()):
            kept.append((event_type, body))
        else:
            rows.rollback_to_mark()
    return kept


def _whole(view: Projection, table: str, row: Mapping[str, Any]) -> bool:
    columns = view.tables.tables[table].columns
    return all(row[c.name] is not None for c in columns if not (c.nullable or c.primary_key))


def published(codec: Codec, history: Sequence[Event], repeats: Sequence[int]) -> list[Record]:
    """As a relay publishes it, which goes back a little now and then: repeats have offsets of their own."""
    ends: dict[tuple[str, int], int] = defaultdict(int)
    order = list(range(len(history)))
    for repeat in sorted(repeats, reverse=True):
        if order:
            end = 1 + repeat % len(order)
            order[end:end] = order[max(0, end - 2) : end]
    encoded = {n: _record(codec, n, *history[n]) for n in set(order)}
    found = []
    for number in order:
        record = encoded[number]
        offset = ends[record.topic, record.partition]
        ends[record.topic, record.partition] += 1
        found.append(record._replace(offset=offset))
    return found


def _record(codec: Codec, number: int, event_type: str, body: dict[str, Any]) -> Record:
    schema = codec.registry.latest[event_type]
    aggregate = body[schema.aggregate]
    value = codec.encode(schema.type, ENVELOPE | body, aggregate_id=aggregate, version=1)
    key = str(body[schema.key])
    # Links have one partition for all, for a cluster may grow over any of them; else the key decides.
    partition = 0 if schema.topic == "krypton.links" else UUID(key).int % PARTITIONS
    headers = (("position", str(1_000 + number).encode()), ("version", b"1"))
    return Record(schema.topic, partition, 0, key.encode(), value, headers)
