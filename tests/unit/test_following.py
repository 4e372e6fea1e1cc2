"""What keeps a view from the ledger's events, and the command that mends it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from kafka import KafkaConsumer, TopicPartition

from krypton.views.following import _of_holes, _of_letters, _of_positions, _of_starts, _of_topics
from krypton.views.looking import Bounds, first_records
from streams.broker.topics import LEDGER, PARTITIONS

TOPIC = "krypton.links"
IDS = {topic: f"id of {topic}" for topic in PARTITIONS}


def position(following: int) -> dict[str, object]:
    return {"view": "identity_index", "version": 2, "topic": TOPIC, "partition": 0, "next": following}


def test_a_topic_whose_id_is_another_was_made_again() -> None:
    (found,) = _of_topics(IDS | {TOPIC: "another"}, IDS)
    assert (found.part, "made again" in found.what, f"krypton recover {TOPIC}" in found.what) == (TOPIC, True, True)


def test_a_topic_that_is_not_there_is_named() -> None:
    (found,) = _of_topics({name: ident for name, ident in IDS.items() if name != TOPIC}, IDS)
    assert str(found) == f"{TOPIC} is not there: run krypton recover {TOPIC}"


@pytest.mark.parametrize("topic", sorted(PARTITIONS.keys() - set(LEDGER)))
def test_a_topic_without_events_that_is_not_there_is_named_with_what_makes_it(topic: str) -> None:
    (found,) = _of_topics({name: ident for name, ident in IDS.items() if name != topic}, IDS)
    assert str(found) == f"{topic} is not there: run krypton init"


def test_topics_whose_ids_nobody_noted_are_no_problem() -> None:
    """An installation of an earlier release, until its next ``krypton init``."""
    assert not list(_of_topics(IDS, {}))


def test_a_topic_that_ends_below_what_a_view_read_was_cut() -> None:
    (found,) = _of_positions([position(11)], {(TOPIC, 0): Bounds(0, 10)})
    assert "was cut below what identity_index v2 read of it" in str(found)


def test_a_view_that_read_all_or_lags_has_no_problem() -> None:
    assert not list(_of_positions([position(10), position(3)], {(TOPIC, 0): Bounds(0, 10)}))


def test_a_topic_without_its_first_records_is_named_though_views_have_read_them() -> None:
    (found,) = _of_starts({(TOPIC, 0): Bounds(4, 10), ("krypton.rules", 0): Bounds(0, 3)})
    assert found.part == TOPIC


def test_forged_records_are_told_of_the_topic_once_and_left_out_ones_of_each_view() -> None:
    row = {"version": 1, "topic": TOPIC, "forged": True, "n": 3}
    rows = [row | {"view": view} for view in ("identity_index", "patient_record")]
    rows.append(row | {"view": "patient_record", "forged": False, "n": 2})
    assert [found.part for found in _of_letters(rows, {})] == ["patient_record v1", TOPIC]


def test_what_the_relay_passed_over_is_told_though_no_view_left_it_out_yet() -> None:
    """Of a topic that views tell of too it is told once, with the greater number."""
    (found,) = _of_letters([], {TOPIC: 2})
    assert str(found).endswith(f"then run krypton recover {TOPIC}")
    letters = [{"view": "identity_index", "version": 1, "topic": TOPIC, "forged": True, "n": 3}]
    (found,) = _of_letters(letters, {TOPIC: 2})
    assert "holds 3 records that this ledger did not write" in found.what


def test_where_a_reader_is_to_go_on_without_a_record_its_topic_is_named() -> None:
    """A reader elsewhere is no reason."""
    rows: list[dict[str, Any]] = [position(4), position(7)]
    assert not list(_of_holes(rows, {(TOPIC, 0, 5)}))
    (found,) = _of_holes(rows, {(TOPIC, 0, 7)})
    assert (found.part, "goes on after an offset without a record" in found.what) == (TOPIC, True)


class Broker:
    """What ``KafkaConsumer`` does for who reads single records; says which it was asked for."""

    def __init__(self, *offsets: int) -> None:
        self.asked: list[int] = []
        self._offsets = offsets
        self._at: dict[TopicPartition, int] = {}

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._at = {}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.asked.append(offset)
        self._at[partition] = offset

    def position(self, partition: TopicPartition) -> int:
        return self._at[partition]

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        found = {}
        for tp, at in self._at.items():
            self._at[tp] = at + 1
            made = SimpleNamespace(topic=tp.topic, partition=tp.partition, offset=at, timestamp=at * 1_000)
            found[tp] = [made] if at in self._offsets else []
        return found


def test_each_first_record_is_read_once_however_many_read_on_there() -> None:
    """Three readers at one offset and one at another; at a third no record lies."""
    asked = [(TOPIC, 0, 3), (TOPIC, 0, 3), (TOPIC, 0, 3), (TOPIC, 0, 5), (TOPIC, 0, 6)]
    kafka = Broker(3, 5, 7)
    found = first_records(cast(KafkaConsumer, kafka), set(asked))
    assert found == {(TOPIC, 0, 3): 3_000, (TOPIC, 0, 5): 5_000}
    assert kafka.asked == [3, 5, 6]
