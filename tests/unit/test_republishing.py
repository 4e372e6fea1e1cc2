"""Kafka from the event store: what may be sent, and what would leave a gap for ever."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters.notary.folder import TileFolder
from domain.errors import LedgerAltered
from domain.proofs.note import Note
from krypton.integrity import signed_store
from krypton.integrity.checkpoints import Heads, heads_of
from krypton.integrity.republish import _differences, folder_note, hold_ends
from schemas.registry import registry
from streams.broker.topics import LEDGER, PARTITIONS
from streams.reading.side_by_side import Comparison
from streams.relay import log_end
from streams.relay.outgoing import Stored
from streams.relay.own_records import End
from tests.fakes.two_logs import EVERY, TwoLogs, event, row_of

PAGE = 7


class MemoryOutbox:
    """The store of two logs, as the relay reads it."""

    def __init__(self, logs: TwoLogs) -> None:
        self.events = [_stored(logs, position) for position in logs.positions]

    def page(self, after: int) -> list[Stored]:
        """See ``Outbox``."""
        return [event for event in self.events if event.position > after][:PAGE]

    def names_at(self, positions: Sequence[int]) -> dict[int, str]:
        """See ``Outbox``."""
        return {e.position: f"{e.aggregate_id}/{e.version}" for e in self.events if e.position in positions}


def _stored(logs: TwoLogs, position: int) -> Stored:
    heading, state = logs.store.rows[position]
    _, _, aggregate, version, _ = heading.decode().split("\n")
    return Stored(position, aggregate, int(version), state)


def ends(logs: TwoLogs) -> log_end.Ends:
    """As Kafka holds them."""
    found = {(topic, n): log_end.EMPTY for topic in LEDGER for n in range(PARTITIONS[topic])}
    for place, lane in logs.kafka.items():
        if lane:
            held = dict(lane[-1].headers)
            found[place] = End(int(held["position"]), held["ce_id"].decode())
    return found


@pytest.fixture
def logs(tmp_path: Path) -> TwoLogs:
    return TwoLogs(tmp_path / "log")


def links(logs: TwoLogs) -> list[int]:
    return [int(dict(record.headers)["position"]) for record in logs.kafka["krypton.links", 0]]


def test_a_start_past_what_a_partition_lacks_is_refused_and_the_lowest_is_named(logs: TwoLogs) -> None:
    """The topic was wiped: what lies below could never be put back in order."""
    first = links(logs)[0]
    logs.kafka["krypton.links", 0] = []
    with pytest.raises(LedgerAltered, match=rf"krypton.links/0 lacks position {first} too.* --from {first} or lower"):
        hold_ends(MemoryOutbox(logs), ends(logs), 100)
    hold_ends(MemoryOutbox(logs), ends(logs), first)
    hold_ends(MemoryOutbox(logs), ends(logs), 1)


def test_a_start_past_a_lost_end_is_refused(logs: TwoLogs) -> None:
    kept = links(logs)[:4]
    lost = links(logs)[4]
    logs.kafka["krypton.links", 0] = logs.kafka["krypton.links", 0][:4]
    with pytest.raises(LedgerAltered, match=f"use --from {lost} or lower"):
        hold_ends(MemoryOutbox(logs), ends(logs), lost + 1)
    hold_ends(MemoryOutbox(logs), ends(logs), lost)
    hold_ends(MemoryOutbox(logs), ends(logs), kept[-1])


def test_whole_partitions_may_be_gone_on_from_anywhere(logs: TwoLogs) -> None:
    for start in (1, 50, 10_000):
        hold_ends(MemoryOutbox(logs), ends(logs), start)


def test_an_end_that_the_store_does_not_hold_is_refused(logs: TwoLogs) -> None:
    last = links(logs)[-1]
    logs.header(last, "ce_id", b"somebody/1")
    with pytest.raises(LedgerAltered, match=f"position {last}: krypton.links/0 ends with an event"):
        hold_ends(MemoryOutbox(logs), ends(logs), 10_000)


def differences(logs: TwoLogs) -> list[tuple[int, str]]:
    parts = logs.parts()
    homes = {(part.topic, part.partition): part for part in parts}
    windows = Comparison(logs.store, parts, registry()).windows()
    return [one for window in windows for one in _differences(window, homes)]


def test_a_gap_in_the_middle_of_a_partition_cannot_be_put_right(logs: TwoLogs) -> None:
    gone = links(logs)[3]
    del logs.kafka["krypton.links", 0][3]
    ((position, what),) = differences(logs)
    assert position == gone
    assert what.startswith("krypton.links/0 has later events but not this one: run krypton recover krypton.links")


def test_lost_ends_of_partitions_are_no_hindrance(logs: TwoLogs) -> None:
    for lane in logs.kafka.values():
        del lane[-1]
    assert differences(logs) == []


def heads(logs: TwoLogs, notes: Sequence[Note]) -> Heads:
    return heads_of([("a checkpoint", note.format()) for note in notes], logs.key.verifier)


def store(logs: TwoLogs, size: int = PAGE) -> list[list[tuple[bytes, bytes]]]:
    rows = [logs.store.rows[position] for position in logs.positions]
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def test_a_store_that_is_as_signed_passes_each_checkpoint(logs: TwoLogs) -> None:
    notes = [logs.head(size) for size in (0, 1, 10, 11, 33)] + logs.notes
    assert signed_store.hold(store(logs), heads(logs, notes)) == 5
    assert signed_store.hold(store(logs), heads(logs, [])) == 0


def test_events_after_the_last_checkpoint_are_no_hindrance(logs: TwoLogs) -> None:
    logs.add(61)
    assert signed_store.hold(store(logs), heads(logs, logs.notes)) == 1


def test_an_altered_store_is_named_between_the_checkpoints_that_it_differs_from(logs: TwoLogs) -> None:
    notes = [logs.head(10), logs.head(20), *logs.notes]
    at = 15 * EVERY
    logs.store.rows[at] = row_of(at, 15, event(15, "x"))
    with pytest.raises(LedgerAltered, match=f"from position {10 * EVERY + 1} to {20 * EVERY} .* nothing was sent"):
        signed_store.hold(store(logs), heads(logs, notes))


def test_a_store_that_lost_its_signed_end_is_not_published(logs: TwoLogs) -> None:
    del logs.store.rows[logs.positions[-1]]
    with pytest.raises(LedgerAltered, match="holds 59 events, and a checkpoint is of 60: its end is missing"):
        signed_store.hold(store(logs), heads(logs, logs.notes))


def test_a_folder_whose_checkpoint_nobody_signed_is_not_trusted(logs: TwoLogs) -> None:
    folder = TileFolder(logs.folder)
    assert folder_note(folder, heads(logs, logs.notes)) == logs.notes[-1]
    with pytest.raises(LedgerAltered, match="is not signed with the log's key"):
        folder_note(folder, heads(logs, []))
    (logs.folder / "checkpoint").write_text("nonsense")
    with pytest.raises(LedgerAltered, match="is damaged"):
        folder_note(folder, heads(logs, logs.notes))
