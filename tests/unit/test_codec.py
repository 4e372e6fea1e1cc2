"""Events to bytes and back, for every schema and whatever fields hold; sealed fields open only where they belong."""

from io import BytesIO
from itertools import chain
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastavro import schemaless_reader, schemaless_writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import SealBroken
from schemas.bulk import BulkCodec
from schemas.codec import Codec, NotAnEvent
from schemas.event import ERASED, LedgerEvent, Record
from schemas.registry import Schema, UnknownSchema, registry
from tests.fakes.avro import sample_body
from tests.fakes.avro_strategies import bodies
from tests.fakes.vault import EagerVault

SCHEMAS = list(registry().latest.values())
SEALED = [schema for schema in SCHEMAS if schema.sealed]
OF_TWO = [schema for schema in SEALED if any(len(subjects) > 1 for subjects in schema.sealed.values())]
by_schema = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: s.name)
by_sealed = pytest.mark.parametrize("schema", SEALED, ids=lambda s: s.name)
some = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MARKED = "ZZMARKEDNAME"


def codec(vault: EagerVault | None = None) -> Codec:
    return Codec(registry(), vault or EagerVault())


def written(codec: Codec, schema: Schema, body: dict[str, Any], version: int = 3) -> bytes:
    """The event as stored."""
    return codec.encode(schema.type, body, aggregate_id=body[schema.aggregate], version=version)


def record(raw: bytes, **headers: str) -> Record:
    """As it comes from Kafka."""
    return Record("krypton.any", 0, 0, b"key", raw, tuple((name, value.encode()) for name, value in headers.items()))


def with_field(schema: Schema, raw: bytes, name: str, value: bytes) -> bytes:
    """The same event with the raw bytes of one sealed field replaced."""
    data = schemaless_reader(BytesIO(raw[5:]), schema.hot, None)
    assert isinstance(data, dict)
    out = BytesIO(raw[:5])
    out.seek(5)
    schemaless_writer(out, schema.hot, {**data, name: value})
    return out.getvalue()


def field_of(schema: Schema, raw: bytes, name: str) -> bytes:
    """The raw bytes of one sealed field."""
    data = schemaless_reader(BytesIO(raw[5:]), schema.hot, None)
    assert isinstance(data, dict)
    return bytes(data[name])


@by_schema
@some
@given(data=st.data())
def test_what_is_encoded_is_decoded_equal(schema: Schema, data: st.DataObject) -> None:
    """All fields, nested ones, absent ones, and sealed ones opened again."""
    body = data.draw(bodies(schema))
    under_test = codec()
    found, decoded = under_test.decode(written(under_test, schema, body), 3)
    assert found is schema
    assert decoded == body


@by_schema
def test_the_wire_format_is_confluents(schema: Schema) -> None:
    """A zero, the pinned id in four bytes, the body."""
    raw = written(codec(), schema, sample_body(schema))
    assert raw[:5] == b"\0" + schema.id.to_bytes(4, "big")


@by_sealed
def test_no_sealed_value_stands_in_the_bytes(schema: Schema) -> None:
    """What a person is called is not in the event store, in Kafka or in a backup of them."""
    body = sample_body(schema) | dict.fromkeys(schema.sealed, MARKED)
    assert MARKED.encode() not in written(codec(), schema, body)


@by_sealed
@some
@given(data=st.data())
def test_a_sealed_value_with_one_byte_changed_does_not_open(schema: Schema, data: st.DataObject) -> None:
    """Any byte: of the nonce, of the text, of the tag."""
    under_test, body = codec(), sample_body(schema)
    raw = written(under_test, schema, body)
    name = data.draw(st.sampled_from(sorted(schema.sealed)))
    sealed = bytearray(field_of(schema, raw, name))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        under_test.decode(with_field(schema, raw, name, bytes(sealed)), 3)


@by_sealed
def test_a_sealed_value_read_as_of_another_version_does_not_open(schema: Schema) -> None:
    """An event moved to another place in its history is noticed."""
    under_test = codec()
    raw = written(under_test, schema, sample_body(schema), version=3)
    with pytest.raises(SealBroken):
        under_test.decode(raw, 4)


@by_sealed
def test_a_sealed_value_moved_to_another_aggregate_does_not_open(schema: Schema) -> None:
    """Even where both have the very same key."""
    body = sample_body(schema)
    other = body | {schema.aggregate: "00000000-0000-4000-8000-000000000001"}
    vault = EagerVault()
    key = AESGCM.generate_key(256)
    vault.keys = {identifier: key for identifier in (*body.values(), *other.values()) if isinstance(identifier, str)}
    under_test = codec(vault)
    name = next(iter(schema.sealed))
    raw, elsewhere = written(under_test, schema, body), written(under_test, schema, other)
    with pytest.raises(SealBroken):
        under_test.decode(with_field(schema, elsewhere, name, field_of(schema, raw, name)), 3)


def test_a_sealed_value_moved_to_another_field_does_not_open() -> None:
    """The local id is not shown as the traits."""
    under_test, schema = codec(), registry().of_type("identity.registered")
    raw = written(under_test, schema, sample_body(schema))
    with pytest.raises(SealBroken):
        under_test.decode(with_field(schema, raw, "traits", field_of(schema, raw, "local_id")), 3)


@by_sealed
def test_once_the_key_is_destroyed_the_event_still_reads_and_shows_that_it_was_erased(schema: Schema) -> None:
    """All other fields stay; the bytes, and so every hash over them, do too."""
    vault, body = EagerVault(), sample_body(schema)
    raw = written(codec(vault), schema, body)
    for subject in chain(*schema.sealed.values()):
        vault.destroy(body[subject])
    _, decoded = codec(vault).decode(raw, 3)
    assert decoded == body | dict.fromkeys(schema.sealed, ERASED)


def of_two(schema: Schema) -> tuple[str, tuple[str, ...]]:
    """The first field that is sealed for two, and for whom; others are sealed for the same two, or for one of them."""
    found = [(name, subjects) for name, subjects in schema.sealed.items() if len(subjects) > 1]
    assert len({subjects for _, subjects in found}) == 1
    return found[0]


@pytest.mark.parametrize("erased", [0, 1], ids=["the one", "the other"])
@pytest.mark.parametrize("schema", OF_TWO, ids=lambda s: s.name)
def test_what_may_name_two_people_is_gone_with_either_key(schema: Schema, erased: int) -> None:
    """Read one by one or by the thousand."""
    vault, body = EagerVault(), sample_body(schema)
    raw = written(codec(vault), schema, body)
    _, subjects = of_two(schema)
    vault.destroy(body[subjects[erased]])
    gone = [name for name, under in schema.sealed.items() if subjects[erased] in under]
    assert codec(vault).decode(raw, 3)[1] == body | dict.fromkeys(gone, ERASED)
    assert BulkCodec(registry(), vault).read_batch([record(raw, position="1", version="3")]) == [
        codec(vault).read(record(raw, position="1", version="3"))
    ]


@pytest.mark.parametrize("schema", OF_TWO, ids=lambda s: s.name)
def test_neither_key_alone_opens_what_may_name_two_people(schema: Schema) -> None:
    """Whoever has one of them, and the bytes from any copy of the log: no program has to keep a promise."""
    vault, body = EagerVault(), sample_body(schema) | dict.fromkeys(schema.sealed, MARKED)
    raw = written(codec(vault), schema, body)
    name, (inner, *_, outer) = of_two(schema)
    closed, aad = field_of(schema, raw, name), f"{schema.type}|{body[schema.aggregate]}|3|{name}".encode()
    with pytest.raises(SealBroken):
        vault.unseal(body[inner], closed, aad)
    opened = vault.unseal(body[outer], closed, aad)
    assert opened
    assert MARKED.encode() not in opened


@pytest.mark.parametrize("erased", [0, 1], ids=["the one", "the other"])
@pytest.mark.parametrize("schema", OF_TWO, ids=lambda s: s.name)
def test_what_may_name_two_people_is_not_written_once_either_is_erased(schema: Schema, erased: int) -> None:
    vault, body = EagerVault(), sample_body(schema)
    name, subjects = of_two(schema)
    vault.destroy(body[subjects[erased]])
    assert field_of(schema, written(codec(vault), schema, body), name) == b""


def test_what_is_sealed_for_an_erased_person_stays_empty() -> None:
    """Nothing readable is written after the key is gone."""
    vault, schema = EagerVault(), registry().of_type("identity.flagged")
    body = sample_body(schema)
    vault.destroy(body["identity_id"])
    raw = written(codec(vault), schema, body)
    assert field_of(schema, raw, "reason") == b""
    assert codec(vault).decode(raw, 3)[1]["reason"] == ERASED


def test_sealed_fields_can_be_left_closed() -> None:
    """For readers that need no names: no key is asked for."""
    vault, schema = EagerVault(), registry().of_type("identity.registered")
    raw = written(codec(vault), schema, sample_body(schema))
    vault.keys.clear()
    _, decoded = codec(vault).decode(raw, 3, unseal=False)
    assert isinstance(decoded["traits"], bytes)


def test_uuids_are_written_as_text_whatever_they_came_as() -> None:
    """Aggregates hold UUID objects."""
    under_test, schema = codec(), registry().of_type("link.proposed")
    body = sample_body(schema)
    raw = written(under_test, schema, body | {"low": UUID(body["low"]), "high": UUID(body["high"])})
    assert under_test.decode(raw, 3)[1] == body


@pytest.mark.parametrize(
    "raw", [b"", b"\0\0\0", b"\x01\0\0\0\x09rest", b'{"type": "json"}'], ids=["empty", "short", "magic", "json"]
)
def test_bytes_of_another_format_are_refused(raw: bytes) -> None:
    """What a stranger wrote to our topic."""
    with pytest.raises(NotAnEvent, match="not in the Confluent wire format"):
        codec().decode(raw, 1)


def test_an_event_of_a_newer_program_is_refused_by_its_schema_id() -> None:
    """Not misread."""
    with pytest.raises(UnknownSchema, match="no schema has id 99999"):
        codec().decode(b"\0" + (99_999).to_bytes(4, "big") + b"body", 1)


@by_schema
def test_a_body_cut_short_is_refused_and_not_quoted(schema: Schema) -> None:
    """At half its length, with a message that names the schema alone."""
    raw = written(codec(), schema, sample_body(schema))
    with pytest.raises(NotAnEvent) as refused:
        codec().decode(raw[: 5 + (len(raw) - 5) // 2], 3)
    assert "sample" not in str(refused.value)


def test_a_value_that_does_not_fit_is_refused_without_quoting_it() -> None:
    """The library's own message would quote the value."""
    schema = registry().of_type("study.arrived")
    body = sample_body(schema) | {"instances": MARKED}
    with pytest.raises(NotAnEvent, match=r"study\.arrived does not fit schema study\.arrived\.v1") as refused:
        written(codec(), schema, body)
    assert MARKED not in str(refused.value)


def test_a_kafka_record_is_read_with_its_position_and_version() -> None:
    """From the headers; the aggregate id from the body."""
    under_test, schema = codec(), registry().of_type("identity.registered")
    body = sample_body(schema)
    raw = written(under_test, schema, body)
    event = under_test.read(record(raw, position="41", version="3"))
    assert event == LedgerEvent(41, "identity.registered", body["identity_id"], 3, body)


@pytest.mark.parametrize("headers", [{}, {"position": "1"}, {"position": "one", "version": "1"}])
def test_a_record_without_position_or_version_is_refused(headers: dict[str, str]) -> None:
    """It did not come through the relay."""
    schema = registry().of_type("link.proposed")
    raw = written(codec(), schema, sample_body(schema))
    with pytest.raises(NotAnEvent, match="headers 'position' and 'version'"):
        codec().read(record(raw, **headers))


def test_a_batch_is_read_in_order_and_what_cannot_be_read_stands_as_its_error() -> None:
    """One bad record does not hide the good ones."""
    under_test, schema = codec(), registry().of_type("identity.registered")
    body = sample_body(schema)
    good = record(written(under_test, schema, body), position="41", version="3")
    found = under_test.read_batch([good, record(b"junk", position="42", version="1"), good])
    assert [type(f) for f in found] == [LedgerEvent, NotAnEvent, LedgerEvent]
    assert isinstance(found[2], LedgerEvent)
    assert found[2].data == body


def test_the_subjects_of_an_event_are_those_whose_keys_seal_it() -> None:
    """Known before it is sealed, so that many keys are made at once."""
    schema = registry().of_type("link.merged")
    body = sample_body(schema)
    assert codec().subjects("link.merged", body, body["link_id"], 1) == {body["low"]: False, body["high"]: False}


def test_an_identity_begins_with_its_first_event_and_with_no_later_one() -> None:
    """K1: for what a key is made. A study names somebody who is registered already."""
    registered, study = (sample_body(registry().of_type(one)) for one in ("identity.registered", "study.arrived"))
    who = registered["identity_id"]
    assert codec().subjects("identity.registered", registered, who, 1) == {who: True}
    assert codec().subjects("identity.registered", registered, who, 2) == {who: False}
    assert codec().subjects("study.arrived", study, study["study_id"], 1) == {study["identity_id"]: False}
