"""``read_events`` on a real Kafka: every event of a range once, in ledger order, and only what was asked for."""

from collections.abc import Iterator
from unittest.mock import Mock

import pytest
from kafka import KafkaProducer

from schemas.bulk import BulkCodec
from schemas.codec import Codec, NotAnEvent
from schemas.event import ERASED, LedgerEvent
from schemas.registry import UnknownSchema, registry
from streams.broker import broker
from streams.broker.topics import LEDGER
from streams.reading.read_events import read_events
from streams.relay import position_search
from streams.relay.outgoing import NoKeys, Outgoing
from streams.relay.position_search import offsets_at
from tests.integration.filled_topics import kafka, published
from tests.samples import FixedVault
from tests.waiting import WITHIN_S

__all__ = ["kafka", "published"]  # fixtures
pytestmark = pytest.mark.live

CODEC = BulkCodec(registry(), FixedVault())


def positions(events: Iterator[LedgerEvent]) -> list[int]:
    return [event.position for event in events]


def test_the_whole_ledger_comes_in_ledger_order(kafka: str, published: list[Outgoing]) -> None:
    assert positions(read_events(kafka, CODEC)) == [event.position for event in published]


def test_sealed_fields_are_opened_by_who_holds_the_keys(kafka: str, published: list[Outgoing]) -> None:
    event = next(read_events(kafka, CODEC, types=["identity.registered"]))
    assert event.data["traits"]["given"] == "Zoé"


def test_sealed_fields_stay_shut_without_keys(kafka: str, published: list[Outgoing]) -> None:
    event = next(read_events(kafka, Codec(registry(), NoKeys()), types=["identity.registered"]))
    assert event.data["traits"] == ERASED


def test_topics_types_and_keys_narrow_what_comes(kafka: str, published: list[Outgoing]) -> None:
    study = next(e for e in published if e.topic == "krypton.studies")
    found = read_events(
        kafka, CODEC, topics=["krypton.studies"], types=["study.arrived", "study.extended"], keys=[study.key.decode()]
    )
    assert {(e.type, e.data["study_id"]) for e in found} == {
        ("study.arrived", study.key.decode()),
        ("study.extended", study.key.decode()),
    }


@pytest.mark.parametrize(("first", "last"), [(1, 1), (7, 7), (500, 731), (2000, None), (1, 90), (10**9, None)])
def test_a_range_of_positions_has_both_its_ends(
    first: int, last: int | None, kafka: str, published: list[Outgoing]
) -> None:
    end = last or len(published)
    found = positions(read_events(kafka, CODEC, from_position=first, to_position=last))
    assert found == [e.position for e in published if first <= e.position <= end]


def test_a_position_is_found_without_reading_from_the_begin(
    kafka: str, published: list[Outgoing], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By halves: a look at one record of each partition, as often as the longest of them can be halved."""
    look = Mock(wraps=position_search._positions)
    monkeypatch.setattr(position_search, "_positions", look)
    offsets = offsets_at(kafka, LEDGER, 1_000)
    assert look.call_count <= len(published).bit_length()
    before = [e for e in published if e.position < 1_000]
    assert sum(offsets.values()) == len(before)


def test_a_reader_may_stop_early(kafka: str, published: list[Outgoing], caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is left running, and nothing is said."""
    reader = read_events(kafka, CODEC)
    assert next(reader).position == 1
    reader.close()
    assert caplog.text == ""


def test_an_unknown_type_is_refused_instead_of_finding_nothing(kafka: str) -> None:
    with pytest.raises(UnknownSchema, match=r"no schema for event type study\.arived"):
        next(read_events(kafka, CODEC, types=["study.arived"]))


def test_a_position_is_found_behind_records_of_somebody_else(kafka: str, published: list[Outgoing]) -> None:
    """Views pass them over; a search that failed there kept matching from beginning. Runs late: it spoils a topic."""
    ends = offsets_at(kafka, ["krypton.directory"], len(published) + 1)
    producer = KafkaProducer(**broker.options(kafka))
    for headers in ([], [("position", b"none")]):
        producer.send("krypton.directory", b"not ours", b"key", headers=headers).get(WITHIN_S)
    producer.close()
    assert offsets_at(kafka, ["krypton.directory"], len(published) + 1) == ends
    last = max(e.position for e in published if e.topic == "krypton.directory")
    assert sum(offsets_at(kafka, ["krypton.directory"], last).values()) == sum(ends.values()) - 1


def test_a_record_of_somebody_else_is_named(kafka: str, published: list[Outgoing]) -> None:
    """Runs last: it spoils a topic."""
    producer = KafkaProducer(**broker.options(kafka))
    producer.send("krypton.rules", b"not ours", b"key").get(WITHIN_S)
    producer.close()
    with pytest.raises(NotAnEvent, match=r"krypton\.rules/0 offset \d+ has no 'position' header"):
        list(read_events(kafka, CODEC, topics=["krypton.rules"]))
