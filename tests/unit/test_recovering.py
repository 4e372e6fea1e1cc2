"""The event store from Kafka: what comes back, and what is refused before anything is lost by it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from domain.errors import LedgerAltered
from domain.proofs.note import Note
from krypton.integrity.checkpoints import Heads, heads_of
from krypton.integrity.records_as_rows import StoredRow
from krypton.integrity.restored_events import Restored, restored
from schemas.event import Record
from tests.fakes.ids import IDS
from tests.fakes.two_logs import EVERY, TwoLogs, event, record_of, with_header

SIGNED = 60
LAST = 9223372036854775807


class MemoryRepair:
    """What ``Repair`` does, and when."""

    def __init__(self) -> None:
        self.kept: list[int] = []
        self.reserved: list[int] = []
        self._added: list[int] = []

    def hold(self) -> None:
        """See ``Repair``."""

    def reserve(self, position: int) -> None:
        """See ``Repair``."""
        self.reserved.append(position)

    def add(self, rows: Sequence[StoredRow]) -> None:
        """See ``Repair``."""
        self._added += [row[0] for row in rows]

    def add_commands(self) -> int:
        """See ``Repair``."""
        return 0

    def commit(self) -> None:
        """See ``Repair``."""
        self.kept += self._added
        self._added = []

    def undo(self) -> None:
        """See ``Repair``."""
        self._added = []


@pytest.fixture
def logs(tmp_path: Path) -> TwoLogs:
    """All signed."""
    return TwoLogs(tmp_path / "log", SIGNED)


@pytest.fixture
def repair() -> MemoryRepair:
    return MemoryRepair()


def heads(logs: TwoLogs, notes: Sequence[Note] | None = None) -> Heads:
    found = logs.notes if notes is None else notes
    return heads_of([("a checkpoint", note.format()) for note in found], logs.key.verifier)


def restore(logs: TwoLogs, repair: MemoryRepair, *, unsigned: bool = False) -> Restored:
    return restored(logs.windows(), repair, heads(logs), unsigned=unsigned)


def lose(logs: TwoLogs, *positions: int) -> None:
    for position in positions:
        del logs.store.rows[position]


def forge(logs: TwoLogs, position: int, number: int = 777) -> None:
    """An event of a fresh aggregate, made by somebody who may write to Kafka."""
    record = record_of(position, number, event(number), 0)
    lane = logs.kafka.setdefault((record.topic, record.partition), [])
    lane.append(record._replace(offset=len(lane)))


def test_what_was_signed_comes_back_without_asking(logs: TwoLogs, repair: MemoryRepair) -> None:
    lost = logs.positions[10:]
    lose(logs, *lost)
    done = restore(logs, repair)
    assert (repair.kept, done.events, done.unsigned, done.checkpoints) == (lost, len(lost), 0, 1)
    assert repair.reserved == [lost[-1]]


def test_a_forged_event_of_a_fresh_aggregate_is_not_restored_unasked(logs: TwoLogs, repair: MemoryRepair) -> None:
    lose(logs, 10 * EVERY)
    forge(logs, 200)
    with pytest.raises(LedgerAltered, match=r"1 event\(s\) past the last checkpoint .* position\(s\) 200\. A check"):
        restore(logs, repair)
    assert (repair.kept, repair.reserved) == ([10 * EVERY], [10 * EVERY])


def test_an_honest_tail_comes_back_where_it_is_asked_for(logs: TwoLogs, repair: MemoryRepair) -> None:
    """The crash came before the next checkpoint."""
    tail = [logs.add(number) for number in (61, 62, 63)]
    lose(logs, *tail)
    with pytest.raises(LedgerAltered, match=r"3 event\(s\) .*: position\(s\) 183, 186, 189\. .* 10 s and each 1,000"):
        restore(logs, repair)
    assert repair.kept == []
    done = restore(logs, repair, unsigned=True)
    assert (repair.kept, done.unsigned, repair.reserved) == (tail, 3, [tail[-1]])


def test_events_that_the_store_holds_need_no_asking(logs: TwoLogs, repair: MemoryRepair) -> None:
    """Only what comes from Kafka alone is in question."""
    logs.add(61)
    assert (restore(logs, repair).unsigned, repair.kept) == (0, [])


def test_without_any_checkpoint_everything_is_unsigned(logs: TwoLogs, repair: MemoryRepair) -> None:
    lose(logs, *logs.positions)
    with pytest.raises(LedgerAltered, match=r"60 event\(s\) .* 3, 6, 9, .*, 30, … 180"):
        restored(logs.windows(), repair, heads(logs, []))
    assert restored(logs.windows(), repair, heads(logs, []), unsigned=True).unsigned == SIGNED


@pytest.mark.parametrize("unsigned", [False, True])
def test_a_forged_last_position_does_not_use_up_all_positions(
    logs: TwoLogs, repair: MemoryRepair, unsigned: bool
) -> None:
    """The next position is a sequence of PostgreSQL's, which no rollback sets back."""
    forge(logs, LAST)
    with pytest.raises(LedgerAltered, match="its position header is not in the form the relay writes"):
        restore(logs, repair, unsigned=unsigned)
    assert (repair.kept, repair.reserved) == ([], [])


def test_an_event_that_is_not_the_signed_one_is_not_restored(logs: TwoLogs, repair: MemoryRepair) -> None:
    lose(logs, 10 * EVERY)
    logs.change(10 * EVERY, lambda one: one._replace(value=event(10, "x")))
    with pytest.raises(LedgerAltered, match="has another root than the first 60 events would have"):
        restore(logs, repair, unsigned=True)
    assert (repair.kept, repair.reserved) == ([], [])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda one: one._replace(value=b"junk"), "is no event of the ledger: it is not restored"),
        (lambda one: one._replace(value=None), "is no event of the ledger: it is not restored"),
        (
            lambda one: one._replace(headers=with_header(one, "ce_subject", b"x")),
            "has headers that are not its event's",
        ),
        (lambda one: one._replace(headers=with_header(one, "ce_type", b"\xff")), "has headers that are not its"),
    ],
    ids=["junk", "no value", "another aggregate", "a type that nobody can read"],
)
def test_a_record_that_is_no_event_is_named_and_not_restored(
    logs: TwoLogs, repair: MemoryRepair, how: Callable[[Record], Record], said: str
) -> None:
    lose(logs, 10 * EVERY)
    logs.change(10 * EVERY, how)
    with pytest.raises(LedgerAltered, match=rf"the record of position 30 \(.*offset \d+\) {said}"):
        restore(logs, repair, unsigned=True)
    assert repair.kept == []


def test_where_the_signed_end_is_gone_from_both_it_is_said(logs: TwoLogs, repair: MemoryRepair) -> None:
    lane, at = logs.lane_of(logs.positions[-1])
    del lane[at]
    lose(logs, *logs.positions[-2:])
    with pytest.raises(LedgerAltered, match="59 events are left in the two logs of 60"):
        restore(logs, repair, unsigned=True)
    assert repair.reserved == []


def test_events_of_another_regions_secret_are_not_restored(logs: TwoLogs, repair: MemoryRepair) -> None:
    """The vault's backup is missing, and ``krypton init`` made another secret: people would get a second id."""
    lose(logs, *logs.positions)
    with pytest.raises(LedgerAltered, match="not made with this vault's region secret"):
        restored(logs.windows(), repair, heads(logs), ids=IDS)
    assert repair.kept == []


@pytest.mark.parametrize(("unsigned", "said"), [(False, "nobody signed them"), (True, "this vault's region secret")])
def test_an_unsigned_event_of_another_region_keeps_no_signed_one_back(
    logs: TwoLogs, repair: MemoryRepair, monkeypatch: pytest.MonkeyPatch, unsigned: bool, said: str
) -> None:
    """In one window with them: what was signed comes back, and what somebody added after it does not."""
    lose(logs, 10 * EVERY)
    forge(logs, 200, number=777)
    stranger = dict(record_of(200, 777, event(777), 0).headers)["ce_subject"].decode()
    monkeypatch.setattr(
        "krypton.integrity.restored_events.foreign", lambda _ids, _type, aggregate, _data: aggregate == stranger
    )
    with pytest.raises(LedgerAltered, match=said):
        restored(logs.windows(), repair, heads(logs), unsigned=unsigned, ids=IDS)
    assert repair.kept == [10 * EVERY]
