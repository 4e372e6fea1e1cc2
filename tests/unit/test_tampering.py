"""Every kind of alteration, planted in each of the two logs: it is found, named, and laid at the right door."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from adapters.eventstore.scan import Row
from krypton.integrity import verdict
from krypton.integrity.findings import Kind, Log
from streams.broker.topics import LEDGER, PARTITIONS
from streams.reading import side_by_side
from tests.fakes.two_logs import EVERY, TwoLogs, event, named, record_of, row_of, with_header

AT = 30 * EVERY  # somewhere in the middle
NEXT = AT + EVERY


@pytest.fixture
def logs(tmp_path: Path) -> TwoLogs:
    return TwoLogs(tmp_path)


def store_row(logs: TwoLogs, position: int, row: Row | None) -> None:
    if row is None:
        del logs.store.rows[position]
    else:
        logs.store.rows[position] = row


def at_position(position: int, row: Row) -> Row:
    """The same event, as if it were stored at another position."""
    return b"%d" % position + row[0][row[0].index(b"\n") :], row[1]


def swap_rows(logs: TwoLogs) -> None:
    one, other = logs.store.rows[AT], logs.store.rows[NEXT]
    store_row(logs, AT, at_position(AT, other))
    store_row(logs, NEXT, at_position(NEXT, one))


def move_row(logs: TwoLogs) -> None:
    store_row(logs, AT + 1, at_position(AT + 1, logs.store.rows.pop(AT)))


def cut_store(logs: TwoLogs) -> None:
    for position in [one for one in logs.positions if one >= AT]:
        store_row(logs, position, None)


def type_of_two_lines(logs: TwoLogs) -> None:
    heading, stored = logs.store.rows[AT]
    store_row(logs, AT, (heading.replace(b"link.merged", b"link.\nmerged"), stored))


def other_version(logs: TwoLogs) -> None:
    heading, stored = logs.store.rows[AT]
    store_row(logs, AT, (heading.removesuffix(b"\n1\n") + b"\n2\n", stored))


IN_STORE: dict[str, tuple[Callable[[TwoLogs], None], int, Kind]] = {
    "bytes changed": (lambda logs: store_row(logs, AT, row_of(AT, 30, event(30, "x"))), AT, Kind.CHANGED),
    "bytes that are no event": (lambda logs: store_row(logs, AT, (logs.store.rows[AT][0], b"junk")), AT, Kind.CHANGED),
    "version changed": (other_version, AT, Kind.CHANGED),
    "type of two lines": (type_of_two_lines, AT, Kind.CHANGED),
    "row deleted": (lambda logs: store_row(logs, AT, None), AT, Kind.MISSING),
    "row inserted": (lambda logs: store_row(logs, AT + 1, row_of(AT + 1, 99, event(99))), AT + 1, Kind.EXTRA),
    "rows swapped": (swap_rows, AT, Kind.REORDERED),
    "row moved": (move_row, AT, Kind.REORDERED),
    "end cut off": (cut_store, AT, Kind.TRUNCATED),
}


@pytest.mark.parametrize(("plant", "position", "kind"), IN_STORE.values(), ids=IN_STORE)
def test_an_altered_event_store_is_found(
    logs: TwoLogs, plant: Callable[[TwoLogs], None], position: int, kind: Kind
) -> None:
    plant(logs)
    assert named(logs.verify()) == (position, Log.EVENT_STORE, kind)


def insert(logs: TwoLogs) -> None:
    lane, at = logs.lane_of(AT)
    number = next(n for n in range(100, 1_000) if record_of(1, n, event(n), 0)[:2] == lane[at][:2])
    lane.insert(at + 1, record_of(AT + 1, number, event(number), 0))


def swap_records(logs: TwoLogs) -> None:
    lane = max(logs.kafka.values(), key=len)
    lane[1], lane[2] = lane[2], lane[1]


def cut_kafka(logs: TwoLogs) -> None:
    lane, at = logs.lane_of(AT)
    del lane[at:]


def other_partition(logs: TwoLogs) -> None:
    lane, at = logs.lane_of(NEXT)
    record = lane.pop(at)
    other = logs.kafka.setdefault((record.topic, (record.partition + 1) % 8), [])
    other.append(record)
    other.sort(key=lambda one: int(dict(one.headers)["position"]))


def exchanged(logs: TwoLogs) -> None:
    """The record at one position now tells of the event at another one."""
    first, second = logs.record(AT), logs.record(AT + 5 * EVERY)
    logs.change(AT, lambda _: second._replace(headers=(*second.headers[:7], first.headers[7], second.headers[8])))


IN_KAFKA: dict[str, tuple[Callable[[TwoLogs], None], int, Kind]] = {
    "bytes changed": (
        lambda logs: logs.change(AT, lambda one: one._replace(value=event(30, "x"))),
        AT,
        Kind.CHANGED,
    ),
    "record gone": (lambda logs: logs.drop(AT), AT, Kind.MISSING),
    "record inserted": (insert, AT + 1, Kind.FORGED_RECORD),
    "another event there": (exchanged, AT, Kind.REORDERED),
    "end cut off": (cut_kafka, AT, Kind.TRUNCATED),
    "type altered": (lambda logs: logs.header(AT, "ce_type", b"link.barred"), AT, Kind.HEADER),
    "time altered": (lambda logs: logs.header(AT, "ce_time", b"2001-01-01T00:00:00.000000Z"), AT, Kind.HEADER),
    "version altered": (lambda logs: logs.header(AT, "version", b"2"), AT, Kind.HEADER),
    "source altered": (lambda logs: logs.header(AT, "ce_source", b"elsewhere"), AT, Kind.HEADER),
    "header added": (
        lambda logs: logs.change(AT, lambda one: one._replace(headers=(*one.headers, ("more", b"1")))),
        AT,
        Kind.HEADER,
    ),
    "key altered": (lambda logs: logs.change(AT, lambda one: one._replace(key=b"x" * 36)), AT, Kind.HEADER),
    "partition altered": (other_partition, NEXT, Kind.PARTITION),
}


@pytest.mark.parametrize(("plant", "position", "kind"), IN_KAFKA.values(), ids=IN_KAFKA)
def test_an_altered_kafka_is_found(logs: TwoLogs, plant: Callable[[TwoLogs], None], position: int, kind: Kind) -> None:
    plant(logs)
    assert named(logs.verify()) == (position, Log.KAFKA, kind)


def test_records_in_another_order_are_found(logs: TwoLogs) -> None:
    swap_records(logs)
    _, log, kind = named(logs.verify())
    assert (log, kind) == (Log.KAFKA, Kind.REORDERED)


ODD_POSITIONS = (b"many", b"", b"0", b"-3", b"+3", b" 3", b"03", b"3_0", b"3.0", b"9" * 20, b"9" * 5_000, b"\xb3")


@pytest.mark.parametrize("written", ODD_POSITIONS, ids=[repr(one[:20]) for one in ODD_POSITIONS])
def test_an_extra_record_whose_position_is_not_as_the_ledger_writes_them_is_found(
    logs: TwoLogs, written: bytes
) -> None:
    lane, at = logs.lane_of(AT)
    lane.insert(at + 1, lane[at]._replace(headers=with_header(lane[at], "position", written)))
    assert named(logs.verify()) == (AT, Log.KAFKA, Kind.FORGED_RECORD)


def test_an_extra_record_without_headers_is_found(logs: TwoLogs) -> None:
    lane, at = logs.lane_of(AT)
    lane.insert(at + 1, lane[at]._replace(headers=()))
    assert named(logs.verify()) == (AT, Log.KAFKA, Kind.FORGED_RECORD)


def test_an_extra_record_on_an_idle_partition_is_found(logs: TwoLogs) -> None:
    """With nothing else on it, and nothing in the event store where it says that it belongs."""
    idle = next(lane for lane in lanes() if lane not in logs.kafka)
    record = logs.record(AT)
    logs.kafka[idle] = [record._replace(headers=with_header(record, "position", b"-3"))]
    assert named(logs.verify()) == (0, Log.KAFKA, Kind.FORGED_RECORD)


def lanes() -> list[tuple[str, int]]:
    return [(topic, partition) for topic in LEDGER for partition in range(PARTITIONS[topic])]


@pytest.mark.parametrize("name", ["version", "ce_subject", "ce_type"])
@pytest.mark.parametrize("written", [b"9" * 5_000, b"\xff", b"-1", b""])
def test_a_header_that_nobody_can_read_is_found(logs: TwoLogs, name: str, written: bytes) -> None:
    logs.header(AT, name, written)
    assert named(logs.verify()) == (AT, Log.KAFKA, Kind.HEADER)
    store_row(logs, AT, None)  # so that only the record tells what it is
    assert named(logs.verify())[0] == AT


def both_drop(logs: TwoLogs) -> None:
    store_row(logs, AT, None)
    logs.drop(AT)


def both_insert(logs: TwoLogs) -> None:
    store_row(logs, AT + 1, row_of(AT + 1, 99, event(99)))
    record = record_of(AT + 1, 99, event(99), 0)
    lane = logs.kafka.setdefault((record.topic, record.partition), [])
    lane.append(record)
    lane.sort(key=lambda one: int(dict(one.headers)["position"]))


def both_cut(logs: TwoLogs) -> None:
    for position in [one for one in logs.positions if one >= AT]:
        logs.drop(position)
    cut_store(logs)


IN_BOTH: dict[str, tuple[Callable[[TwoLogs], None], int, Kind]] = {
    "changed": (lambda logs: logs.rewrite(AT), AT, Kind.CHANGED),
    "dropped": (both_drop, AT, Kind.MISSING),
    "inserted": (both_insert, AT + 1, Kind.EXTRA),
    "cut off": (both_cut, AT - EVERY + 1, Kind.TRUNCATED),
}


@pytest.mark.parametrize(("plant", "position", "kind"), IN_BOTH.values(), ids=IN_BOTH)
def test_both_logs_altered_alike_no_longer_have_the_signed_root(
    logs: TwoLogs, plant: Callable[[TwoLogs], None], position: int, kind: Kind
) -> None:
    plant(logs)
    assert named(logs.verify()) == (position, Log.BOTH, kind)


def test_an_untouched_ledger_is_whole(logs: TwoLogs) -> None:
    verdict = logs.verify([logs.head(7), logs.head(40), *logs.notes])
    assert verdict.document() == {
        "events": 60,
        "root": verdict.root.hex(),
        "checkpoints": 3,
        "unsigned": 0,
        "event_store": "ok",
        "kafka": "ok",
        "vault": None,
        "keys": None,
        "foreign_keys": 0,
        "foreign_named": [],
        "decision_tables": None,
        "first_difference": None,
        "kind": None,
        "log": None,
        "detail": None,
        "findings": [],
        "findings_not_listed": 0,
        "repeats": 0,
        "not_yet_published": 0,
    }


@pytest.mark.parametrize("sizes", [(7,), (1, 2, 59), (13, 31, 60)])
def test_each_event_is_counted_once_wherever_checkpoints_lie(
    logs: TwoLogs, sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints cut windows into steps, and end neither of them."""
    monkeypatch.setattr(side_by_side, "WINDOW", 17 * EVERY)
    verdict = logs.verify([logs.head(size) for size in sizes])
    assert (verdict.difference, verdict.events, verdict.checkpoints) == (None, 60, len(sizes))


def test_past_the_last_checkpoint_the_kind_is_told_and_that_nothing_proves_who_is_right(logs: TwoLogs) -> None:
    at = logs.add(61)
    logs.change(at, lambda one: one._replace(value=event(61, "x")))
    verdict = logs.verify()
    assert named(verdict) == (at, Log.BOTH, Kind.CHANGED)
    assert "not proven" in verdict.document()["detail"]


@pytest.mark.parametrize("junk", [b"", b"junk", b"\0\0\0\0\1" + b"\xff" * 30, b"\0\0\0\0\1\x02"])
def test_bytes_that_are_no_event_are_found_in_both_logs_alike(logs: TwoLogs, junk: bytes) -> None:
    """Past the last checkpoint, where no root tells."""
    at = logs.add(61)
    store_row(logs, at, (logs.store.rows[at][0], junk))
    logs.change(at, lambda one: one._replace(value=junk))
    assert named(logs.verify())[:2] == (at, Log.BOTH)


def test_without_tiles_and_checkpoints_the_logs_are_still_compared(logs: TwoLogs) -> None:
    logs.drop(AT)
    assert named(logs.verify([])) == (AT, Log.KAFKA, Kind.MISSING)


def test_damaged_tiles_are_not_believed(logs: TwoLogs) -> None:
    """A tile altered along with the event store does not lay the blame on Kafka."""
    store_row(logs, AT, row_of(AT, 30, event(30, "x")))
    for tile in logs.folder.glob("tile/entries/*.p/*"):
        content = tile.read_bytes()
        old, new = (sha256(stored).hexdigest().encode() for stored in (event(30), event(30, "x")))
        tile.write_bytes(content.replace(old, new))
    _, log, kind = named(logs.verify())
    assert (log, kind) == (Log.BOTH, Kind.CHANGED)


def test_a_copy_under_a_position_far_above_the_ledgers_head_is_named_as_forged(logs: TwoLogs) -> None:
    """And not the ledger's own events that come after it, as reordered."""
    lane, at = logs.lane_of(AT)
    lane.insert(at, lane[at]._replace(headers=with_header(lane[at], "position", b"1000090")))
    assert named(logs.verify()) == (AT, Log.KAFKA, Kind.FORGED_RECORD)


@pytest.mark.parametrize("position", [b"9" * 19, b"%d" % (2**63 - 1), b"%d" % (2**62), b"9" * 20])
def test_a_position_that_no_database_counts_to_is_found(logs: TwoLogs, position: bytes) -> None:
    lane, at = logs.lane_of(AT)
    lane.insert(at + 1, lane[at]._replace(headers=with_header(lane[at], "position", position)))
    assert named(logs.verify()) == (AT, Log.KAFKA, Kind.FORGED_RECORD)


def test_each_record_that_is_wrong_is_told_and_the_event_store_is_compared_to_its_end(logs: TwoLogs) -> None:
    """One forged record must not hide the others, nor that a row was altered after them."""
    wrong = [10 * EVERY, 20 * EVERY, 25 * EVERY]
    for position in wrong:
        logs.header(position, "ce_source", b"somebody")
    logs.drop(40 * EVERY)
    found = logs.verify()
    assert [(one.position, one.kind) for one in found.findings] == [
        *((position, Kind.HEADER) for position in wrong),
        (40 * EVERY, Kind.MISSING),
    ]
    assert (found.events, found.checkpoints, found.root) == (60, 1, logs.verify_text([]).root)
    store_row(logs, AT, row_of(AT, 30, event(30, "x")))
    told = [(one.position, one.log) for one in logs.verify().findings]
    assert told == [*((position, Log.KAFKA) for position in wrong), (AT, Log.EVENT_STORE)]


def test_foreign_records_are_all_told(logs: TwoLogs) -> None:
    """Without headers, at positions that nobody gave, and as copies with other bytes."""
    lane, at = logs.lane_of(AT)
    bare = lane[at]._replace(headers=())
    far = record_of(AT + 1, 30, event(30), 0)._replace(topic=lane[at].topic, partition=lane[at].partition)
    other = lane[at]._replace(value=event(30, "x"))
    lane[at + 1 : at + 1] = [bare, bare, far, other]
    found = [(one.kind, one.log) for one in logs.verify().findings]
    assert found == [(Kind.FORGED_RECORD, Log.KAFKA)] * 4


def test_the_end_of_a_partition_that_is_cut_off_is_told_once(logs: TwoLogs) -> None:
    """However many events lie behind it; other partitions are compared all the same."""
    lane = max(logs.kafka.values(), key=len)
    gone = [int(dict(record.headers)["position"]) for record in lane[2:]]
    del lane[2:]
    logs.header(50 * EVERY if 50 * EVERY not in gone else 49 * EVERY, "ce_source", b"somebody")
    assert len(gone) > 2
    assert sorted(one.kind for one in logs.verify().findings) == [Kind.HEADER, Kind.TRUNCATED]


def test_very_many_differences_are_counted(logs: TwoLogs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write to Kafka can make any number of them: the first are listed."""
    monkeypatch.setattr(verdict, "MOST", 5)
    for position in logs.positions:
        logs.header(position, "ce_source", b"somebody")
    found = logs.verify()
    assert ([one.position for one in found.findings], found.more) == (logs.positions[:5], 55)
    assert found.document()["findings_not_listed"] == 55


def test_where_a_transaction_ended_nothing_is_missing_and_it_is_told(logs: TwoLogs) -> None:
    """Its end takes an offset without a record, wherever in the partition, also at its end."""
    ended = {LEDGER[0]: [3, 9], LEDGER[1]: [2]}
    parts = logs.parts()
    for part in parts:
        if not part.partition:
            part.ended += ended.get(part.topic, [])
    logs.parts = lambda: parts  # type: ignore[method-assign]
    found = logs.verify()
    assert [(one.log, one.kind) for one in found.findings] == [(Log.KAFKA, Kind.TRANSACTION)] * 3
    assert {one.detail.split(":")[0] for one in found.findings} == {
        f"{topic}/0 offset {offset}" for topic, offsets in ended.items() for offset in offsets
    }
    assert (found.events, found.checkpoints) == (60, 1)
