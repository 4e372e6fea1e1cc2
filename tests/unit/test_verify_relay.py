"""What Kafka lacks, or has twice: what ``audit verify`` puts down to the relay, and what it does not."""

from pathlib import Path

import pytest

from krypton.integrity.findings import Kind, Log
from tests.fakes.two_logs import EVERY, TwoLogs, event, named, row_of

AT = 30 * EVERY  # somewhere in the middle


@pytest.fixture
def logs(tmp_path: Path) -> TwoLogs:
    return TwoLogs(tmp_path)


def test_what_the_relay_has_yet_to_send_is_counted_and_is_no_difference(logs: TwoLogs) -> None:
    for number in (61, 62, 63):
        logs.drop(logs.add(number))
    verdict = logs.verify()
    assert (verdict.difference, verdict.waiting) == (None, 3)


def test_what_is_not_on_kafka_for_long_is_no_longer_excused(logs: TwoLogs) -> None:
    """Everything is compared all the same: a relay that is down hides no alteration of the event store."""
    for number in (61, 62, 63):
        logs.drop(logs.add(number))
    logs.now_s += 3_600
    verdict = logs.verify()
    assert named(verdict) == (61 * EVERY, Log.KAFKA, Kind.TRUNCATED)
    assert (verdict.events, verdict.waiting, verdict.checkpoints) == (63, 3, 1)
    assert "no relay has run since" in verdict.document()["detail"]


@pytest.mark.parametrize("later_s", [3_600, -3_600])
def test_kafka_without_any_record_is_not_excused_by_a_hint_that_was_put_back(logs: TwoLogs, later_s: float) -> None:
    """Whatever clock the events were recorded by: one that is far ahead excuses nothing either."""
    logs.kafka.clear()
    logs.relayed = 0
    logs.now_s += later_s
    verdict = logs.verify()
    assert named(verdict) == (EVERY, Log.KAFKA, Kind.TRUNCATED)
    assert (verdict.of_log(Log.EVENT_STORE), verdict.waiting) == ("ok", 60)


def test_what_the_relay_says_to_have_sent_is_not_excused_at_all(logs: TwoLogs) -> None:
    at = logs.add(61)
    logs.drop(at)
    logs.relayed = at
    assert named(logs.verify()) == (at, Log.KAFKA, Kind.TRUNCATED)


def test_an_altered_event_store_is_found_also_where_kafka_lacks_events(logs: TwoLogs) -> None:
    logs.kafka.clear()
    logs.relayed = 0
    logs.now_s += 3_600
    logs.store.rows[AT] = row_of(AT, 30, event(30, "x"))
    verdict = logs.verify()
    assert verdict.of_log(Log.KAFKA) == f"truncated tail at position {EVERY}"
    assert verdict.of_log(Log.EVENT_STORE) == f"changed at position {AT}"
    assert [one.kind for one in verdict.findings] == [Kind.TRUNCATED, Kind.CHANGED]


def test_a_repeat_of_the_relays_is_counted_and_is_no_difference(logs: TwoLogs) -> None:
    """A relay that was frozen may send again what another one sent meanwhile."""
    lane = max(logs.kafka.values(), key=len)
    lane[5:5] = lane[2:5]
    verdict = logs.verify()
    assert (verdict.difference, verdict.repeats) == (None, 3)


def test_a_repeat_with_other_bytes_is_a_difference(logs: TwoLogs) -> None:
    lane = max(logs.kafka.values(), key=len)
    position = int(dict(lane[2].headers)["position"])
    lane.insert(5, lane[2]._replace(value=event(30, "x")))
    assert named(logs.verify()) == (position, Log.KAFKA, Kind.FORGED_RECORD)
