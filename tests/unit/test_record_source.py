"""Where the records of a partition begin that a verification reads."""

from typing import cast

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndTimestamp

from streams.reading.record_source import MARGIN_MS, starts

LATE, IDLE, EMPTY, FRESH = (TopicPartition("krypton.doses", partition) for partition in range(4))
ENDS = {LATE: 100, IDLE: 70, EMPTY: 0, FRESH: 5}
DAY_MS = 1_767_600_000_000


class Times:
    """Kafka's answer to where a time begins in each partition."""

    def __init__(self, found: dict[TopicPartition, int]) -> None:
        self.found = found
        self.asked: set[int] = set()

    def offsets_for_times(self, asked: dict[TopicPartition, int]) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """As ``KafkaConsumer`` answers: None where nothing is that late."""
        self.asked |= set(asked.values())
        return {tp: OffsetAndTimestamp(self.found[tp], DAY_MS, None) if tp in self.found else None for tp in asked}


def test_without_a_time_all_is_read() -> None:
    assert set(starts(cast(KafkaConsumer, Times({})), ENDS, None).values()) == {0}


def test_the_last_record_before_a_time_is_read_too() -> None:
    """Whoever adds a record under an old time, where nothing followed or before what did, puts it just there."""
    kafka = Times({LATE: 40, FRESH: 0})
    assert starts(cast(KafkaConsumer, kafka), ENDS, DAY_MS) == {LATE: 39, IDLE: 69, EMPTY: 0, FRESH: 0}
    assert kafka.asked == {DAY_MS - MARGIN_MS}
