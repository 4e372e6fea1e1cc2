"""Bulk reading gives what the plain codec gives: the same values, and the same complaints about what is damaged."""

from io import BytesIO
from struct import pack
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import SealBroken
from schemas.bulk import BulkCodec
from schemas.codec import Codec, NotAnEvent
from schemas.compiled import NotCompiled, compiled
from schemas.event import Record
from schemas.registry import Schema, registry
from tests.fakes.avro import sample_body
from tests.fakes.avro_strategies import bodies, values
from tests.fakes.vault import EagerVault

SCHEMAS = sorted(registry(), key=lambda schema: schema.name)
SUBJECT = "11111111-1111-4111-8111-111111111111"


def record(value: bytes, version: bytes = b"1") -> Record:
    headers = (("ce_id", b"x"), ("position", b"7"), ("version", version))
    return Record("krypton.any", 0, 0, b"key", value, headers)


def encoded(codec: Codec, schema: Schema, body: dict[str, Any]) -> bytes:
    return codec.encode(schema.type, body, aggregate_id=SUBJECT, version=1)


def same(read: list[Any], other: list[Any]) -> bool:
    return [(type(r), str(r) if isinstance(r, Exception) else r) for r in read] == [
        (type(o), str(o) if isinstance(o, Exception) else o) for o in other
    ]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_every_schema_of_the_ledger_is_compiled(schema: Schema) -> None:
    raw = BytesIO()
    body = {
        f["name"]: b"sealed" if "krypton.sealed" in f else v
        for f, v in zip(schema.document["fields"], sample_body(schema).values(), strict=True)
    }
    schemaless_writer(raw, schema.hot, body)
    found, end = compiled(schema.hot, schema.uuids)(raw.getvalue(), raw.getvalue().decode("latin-1"), 0)
    assert (found, end) == (schemaless_reader(BytesIO(raw.getvalue()), schema.hot, None), len(raw.getvalue()))


@given(st.data())
def test_any_event_reads_as_with_the_plain_codec(data: st.DataObject) -> None:
    """Long texts, long lists, every alphabet, nulls and extremes."""
    codec = Codec(registry(), EagerVault())
    schemas = data.draw(st.lists(st.sampled_from(SCHEMAS), min_size=1, max_size=4))
    records = [record(encoded(codec, schema, data.draw(bodies(schema)))) for schema in schemas]
    assert same(BulkCodec(codec.registry, codec.sealer).read_batch(records), codec.read_batch(records))


@given(st.data())
def test_damaged_bytes_are_told_as_the_plain_codec_tells_them(data: st.DataObject) -> None:
    """Cut, lengthened or changed anywhere: read alike, or refused alike."""
    codec = Codec(registry(), EagerVault())
    schema = data.draw(st.sampled_from([s for s in SCHEMAS if not s.sealed]))
    raw = bytearray(encoded(codec, schema, data.draw(bodies(schema))))
    match data.draw(st.sampled_from(("cut", "longer", "changed"))):
        case "cut":
            del raw[data.draw(st.integers(0, len(raw) - 1)) :]
        case "longer":
            raw += data.draw(st.binary(min_size=1, max_size=5))
        case _:
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    records = [record(bytes(raw))]
    assert same(BulkCodec(codec.registry, codec.sealer).read_batch(records), codec.read_batch(records))


@given(st.data())
def test_what_nobody_reads_is_left_out_and_the_rest_is_the_same(data: st.DataObject) -> None:
    """Whatever is asked for of an event."""
    codec = Codec(registry(), EagerVault())
    schema = data.draw(st.sampled_from(SCHEMAS))
    only = data.draw(st.sets(st.sampled_from([field["name"] for field in schema.document["fields"]])))
    records = [record(encoded(codec, schema, data.draw(bodies(schema))))]
    (whole,), (part,) = codec.read_batch(records), _reading(codec, schema, only).read_batch(records)
    assert not isinstance(whole, Exception)
    assert not isinstance(part, Exception)
    assert only <= part.data.keys()
    assert part == whole._replace(data={name: whole.data[name] for name in part.data})


@pytest.mark.parametrize("field", ["actor", "command_id"])
def test_text_that_is_damaged_is_told_though_nobody_reads_it(field: str) -> None:
    """A view that does not look at the field parks the event all the same, live and rebuilt."""
    codec, schema = Codec(registry(), EagerVault()), registry().of_type("study.withdrawn")
    body = sample_body(schema)
    raw = encoded(codec, schema, body).replace(body[field].encode()[:4], b"\xff\xfe\xfd\xfc", 1)
    records = [record(raw)]
    assert same(_reading(codec, schema, {"study_uid"}).read_batch(records), codec.read_batch(records))
    assert isinstance(codec.read_batch(records)[0], NotAnEvent)


def _reading(codec: Codec, schema: Schema, only: set[str]) -> BulkCodec:
    return BulkCodec(codec.registry, codec.sealer, {schema.type: only})


def test_what_is_sealed_under_a_destroyed_key_reads_erased() -> None:
    vault = EagerVault()
    codec = BulkCodec(registry(), vault)
    schema = registry().of_type("study.arrived")
    body = sample_body(schema)
    raw = encoded(codec, schema, body)
    vault.destroy(body["identity_id"])
    (event,) = codec.read_batch([record(raw)])
    assert not isinstance(event, Exception)
    assert event.data["description"] == "[erased]"


@given(st.text() | values({"type": "map", "values": "string"}) | st.none())
def test_sealed_values_open_as_they_were(value: Any) -> None:
    """Quotes, backslashes and empty texts too."""
    codec = BulkCodec(registry(), EagerVault())
    schema = registry().of_type("study.arrived")
    (event,) = codec.read_batch([record(encoded(codec, schema, sample_body(schema) | {"description": value}))])
    assert not isinstance(event, Exception)
    assert event.data["description"] == value


def test_what_is_altered_under_its_seal_is_told_though_nobody_reads_it() -> None:
    """A view that leaves the field out parks the event all the same, live and rebuilt."""
    codec, schema = Codec(registry(), EagerVault()), registry().of_type("study.withdrawn")
    elsewhere = [record(encoded(codec, schema, sample_body(schema)), version=b"2")]  # sealed as version 1
    for reads in (codec, _reading(codec, schema, {"study_uid"})):
        with pytest.raises(SealBroken):
            reads.read_batch(elsewhere)


@pytest.mark.parametrize(
    ("blocks", "meant"),
    [
        (b"\x02\x06one\x02\x06two\0", ["one", "two"]),
        (b"\x03\x10\x06one\x06two\0", ["one", "two"]),  # a negative count, the size in bytes, two items
        (b"\0", []),
    ],
)
def test_a_list_in_any_blocks_is_read(blocks: bytes, meant: list[str]) -> None:
    """Other writers than ours cut lists into blocks, or tell their size."""
    items = {"type": "array", "items": "string"}
    schema = parse_schema({"type": "record", "name": "List", "fields": [{"name": "items", "type": items}]})
    assert compiled(schema)(blocks, blocks.decode("latin-1"), 0) == ({"items": meant}, len(blocks))


@pytest.mark.parametrize("odd", [b"\x80\0\x02\x06one\0", b"\xff" * 9 + b"\x7f"])
def test_counts_that_no_writer_makes_are_left_to_fastavro(odd: bytes) -> None:
    items = {"type": "array", "items": "string"}
    schema = parse_schema({"type": "record", "name": "List", "fields": [{"name": "items", "type": items}]})
    with pytest.raises(ValueError, match=r"zero of two bytes|64 bits"):
        compiled(schema)(odd, odd.decode("latin-1"), 0)


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_is_not_finite_is_no_event(number: float) -> None:
    """Neither written nor read: a view would refuse it, or not, by what else its batch holds."""
    codec, schema = Codec(registry(), EagerVault()), registry().of_type("dose.alert_raised")
    body = sample_body(schema) | {"value": 1234.5}
    with pytest.raises(NotAnEvent, match="not finite"):
        encoded(codec, schema, body | {"value": number})
    raw = encoded(codec, schema, body).replace(pack("<d", 1234.5), pack("<d", number))
    for reads in (codec, BulkCodec(codec.registry, codec.sealer)):
        (found,) = reads.read_batch([record(raw)])
        assert isinstance(found, NotAnEvent)
        assert "not finite" in str(found)


def test_batches_read_ahead_are_the_same_in_order() -> None:
    """What is asked for comes before it is needed, and each batch's records come with their events."""
    codec, schema = Codec(registry(), EagerVault()), registry().of_type("study.arrived")
    batches = [[record(encoded(codec, schema, sample_body(schema) | {"site": f"CH{n}"}))] for n in range(3)]
    asked: list[set[str]] = []
    ahead = BulkCodec(codec.registry, codec.sealer, ask=lambda subjects: asked.append(set(subjects)))
    found: list[tuple[Any, Any]] = []
    for records, events in ahead.read_ahead(batches):
        assert len(asked) == min(len(found) + 2, 3)
        found.append((records, events()))
    assert found == [(records, codec.read_batch(records)) for records in batches]


def test_a_type_that_no_event_uses_is_left_to_fastavro() -> None:
    with pytest.raises(NotCompiled, match="fixed"):
        compiled({"type": "record", "name": "Odd", "fields": [{"name": "f", "type": {"type": "fixed", "size": 2}}]})
