"""What the relay makes of a stored event: bytes untouched, key and headers as subscribers rely on them."""

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis.strategies import datetimes, just

from schemas.codec import Codec, NotAnEvent
from schemas.registry import Schema, registry
from streams.broker.partition import partition_of
from streams.broker.topics import PARTITIONS
from streams.relay.outgoing import EPOCH, Addresser, NoKeys, Outgoing, Stored
from tests.fakes.avro import sample_body
from tests.fakes.vault import EagerVault

AGGREGATE = UUID("1b671a64-40d5-491e-99b0-da01ff1f3341")
MERGED = registry().of_type("link.merged")
EVERY_SCHEMA = [pytest.param(schema, id=schema.name) for schema in registry()]


def stored(schema: Schema, **fields: object) -> Stored:
    """A stored event of a type."""
    body = sample_body(schema) | fields
    state = Codec(registry(), EagerVault()).encode(schema.type, body, aggregate_id=str(AGGREGATE), version=7)
    return Stored(42, str(AGGREGATE), 7, state)


def sent(schema: Schema, **fields: object) -> Outgoing:
    """What becomes of it."""
    return Addresser.of(registry()).outgoing(stored(schema, **fields))


@pytest.mark.parametrize("schema", EVERY_SCHEMA)
def test_the_value_is_the_stored_bytes(schema: Schema) -> None:
    """Both logs hold the same bytes, so either proves or restores the other."""
    event = stored(schema)
    assert Addresser.of(registry()).outgoing(event).value == event.state


@pytest.mark.parametrize("schema", EVERY_SCHEMA)
def test_an_event_goes_to_its_own_topic_and_the_partition_of_its_key(schema: Schema) -> None:
    """As docs/topics.md says, so that a subscriber can compute it."""
    event = sent(schema)
    assert (event.topic, event.partition) == (schema.topic, partition_of(event.key, PARTITIONS[schema.topic]))


def test_the_key_of_an_identity_event_is_the_identity() -> None:
    """One identity's events stay in order."""
    assert sent(registry().of_type("identity.registered")).key == str(AGGREGATE).encode()


def test_the_key_of_a_dose_event_is_its_study() -> None:
    """All dose reports of one study meet in one partition, although each is an aggregate of its own."""
    assert sent(registry().of_type("dose.reported")).key == str(uuid5(NAMESPACE_OID, "study_id")).encode()


def test_headers_are_cloudevents_with_the_place_in_the_ledger() -> None:
    """CloudEvents 1.0, Kafka protocol binding, binary mode."""
    event = sent(MERGED, recorded_at=1_767_600_000_000_001)
    assert event.headers == [
        ("ce_specversion", b"1.0"),
        ("ce_id", f"{AGGREGATE}/7".encode()),
        ("ce_type", b"link.merged"),
        ("ce_source", b"krypton"),
        ("ce_subject", str(AGGREGATE).encode()),
        ("ce_time", b"2026-01-05T08:00:00.000001Z"),
        ("content-type", b"application/avro"),
        ("position", b"42"),
        ("version", b"7"),
    ]


@given(datetimes(min_value=EPOCH.replace(tzinfo=None), timezones=just(UTC)))
def test_the_record_bears_the_time_the_ledger_stored_the_event(moment: datetime) -> None:
    """Read from the first bytes without decoding the rest; six decimals always, so that texts sort as times do."""
    recorded_at = (moment - EPOCH) // timedelta(microseconds=1)
    event = sent(MERGED, recorded_at=recorded_at)
    expected = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
    assert (event.timestamp_ms, dict(event.headers)["ce_time"]) == (recorded_at // 1000, expected)


def test_bytes_that_are_no_event_are_refused() -> None:
    """The relay stops there: it never skips."""
    with pytest.raises(NotAnEvent):
        Addresser.of(registry()).outgoing(Stored(1, str(AGGREGATE), 1, b"{}"))


def test_the_relay_can_open_nothing() -> None:
    """It has no way to the vault."""
    assert NoKeys().unseal(str(AGGREGATE), b"sealed", b"aad") is None
