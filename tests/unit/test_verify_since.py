"""``audit verify --since``: what is left out was proven before, and by nobody but the signed tree."""

import shutil
from pathlib import Path

import pytest

from adapters.notary.keys import SigningKey
from domain.errors import LedgerAltered
from domain.proofs.note import Note
from krypton.integrity.checkpoints import heads_of, kept
from krypton.integrity.findings import Kind, Log
from schemas.event import Record
from tests.fakes.two_logs import EVERY, TwoLogs, event, named, record_of, with_header

SIZE = 60
LAST = SIZE * EVERY


@pytest.fixture
def logs(tmp_path: Path) -> TwoLogs:
    """Signed at 60 events; three came after it."""
    made = TwoLogs(tmp_path / "log", count=SIZE)
    for number in (61, 62, 63):
        made.add(number)
    return made


def test_only_what_follows_is_compared(logs: TwoLogs) -> None:
    found = logs.verify(since=SIZE)
    assert (found.difference, found.events, found.checkpoints) == (None, 3, 1)
    assert found.root == logs.verify().root


def test_a_fork_signed_anew_is_named_by_the_checkpoint_that_somebody_kept(logs: TwoLogs, tmp_path: Path) -> None:
    """Whoever holds the key rewrote all: event store, Kafka, tiles, and every checkpoint but the auditor's."""
    own = logs.notes[-1]
    fork = rewritten(logs, tmp_path / "fork")
    assert named(fork.verify([*fork.notes, own], since=SIZE)) == (LAST, Log.CHECKPOINTS, Kind.FORGED)


def test_a_kept_checkpoint_alone_finds_the_fork(logs: TwoLogs, tmp_path: Path) -> None:
    """The operator gives out no checkpoint of that size at all."""
    own = logs.notes[-1]
    fork = rewritten(logs, tmp_path / "fork")
    assert fork.verify([own], since=SIZE).difference


def rewritten(logs: TwoLogs, folder: Path) -> TwoLogs:
    """The same ledger but for one event, under the same key."""
    fork = TwoLogs(folder, count=SIZE, key=logs.key)
    fork.rewrite(30 * EVERY)
    fork.notes.clear()
    (folder / "checkpoint").unlink()
    fork.sign()
    return fork


def test_without_tiles_all_is_verified(logs: TwoLogs) -> None:
    shutil.rmtree(logs.folder / "tile")
    found = logs.verify(since=SIZE)
    assert (found.difference, found.events, found.checkpoints) == (None, 63, 1)


def test_an_entry_that_is_not_the_last_leaf_says_not_where_to_begin(logs: TwoLogs) -> None:
    """Were it believed, all up to the position that it names would be left out."""
    for bundle in logs.folder.glob("tile/entries/*.p/*"):
        content = bundle.read_bytes()
        bundle.write_bytes(content.replace(b"%d\n" % LAST, b"%d\n" % (LAST + 3 * EVERY)))
        assert bundle.read_bytes() != content
    logs.change(LAST + EVERY, lambda one: one._replace(value=event(61, "x")))
    found = logs.verify(since=SIZE).difference
    assert found
    assert found.position == LAST + EVERY


def test_a_size_that_nobody_signed_is_refused(logs: TwoLogs) -> None:
    with pytest.raises(LedgerAltered, match="no signed checkpoint of 59 events"):
        logs.verify(since=59)


def test_a_kept_checkpoint_whose_signature_does_not_hold_is_refused(logs: TwoLogs) -> None:
    note = logs.notes[-1]
    forged = Note(note.text.replace("\n60\n", "\n59\n"), note.signatures)
    with pytest.raises(LedgerAltered, match="the checkpoint in kept cannot be trusted"):
        kept(forged, "the checkpoint in kept", logs.key.verifier)
    with pytest.raises(LedgerAltered, match="not signed by"):
        kept(note, "the checkpoint in kept", SigningKey.new("log.example/other").verifier)


def test_a_kept_checkpoint_is_one_of_those_held_to(logs: TwoLogs) -> None:
    """Also where the operator's say the same, and where they do not."""
    head = kept(logs.head(40), "kept", logs.key.verifier)
    known = heads_of([("topic", logs.notes[-1].format())], logs.key.verifier)
    assert [one.size for one in known.also([head]).signed] == [40, 60]
    assert len(known.also(known.signed).every) == len(known.every)


def added(logs: TwoLogs, position: int) -> Record:
    """A record as the relay would make it, of another event, for the end of a partition that goes on afterwards."""
    lane, _ = logs.lane_of(LAST + EVERY)
    number = next(n for n in range(100, 1_000) if record_of(1, n, event(n), 0)[:2] == lane[0][:2])
    return record_of(position, number, event(number), 0)


@pytest.mark.parametrize("position", [LAST, LAST - EVERY, 3 * EVERY, LAST - 1])
def test_a_record_added_under_an_old_position_is_found(logs: TwoLogs, position: int) -> None:
    """Behind records that are newer than the checkpoint."""
    lane, _ = logs.lane_of(LAST + EVERY)
    lane.append(added(logs, position))
    assert named(logs.verify(since=SIZE)) == (position, Log.KAFKA, Kind.FORGED_RECORD)


@pytest.mark.parametrize("is_idle", [True, False])
def test_an_old_record_added_to_what_is_older_than_the_checkpoint_is_found(logs: TwoLogs, is_idle: bool) -> None:
    """Also where all of the event store is older."""
    if is_idle:
        for number in (61, 62, 63):
            lane, at = logs.lane_of(number * EVERY)
            del lane[at], logs.store.rows[number * EVERY]
    lane, at = logs.lane_of(LAST - EVERY)
    lane.insert(at + 1, lane[at]._replace(headers=with_header(lane[at], "position", b"%d" % (LAST - 1))))
    assert named(logs.verify(since=SIZE)) == (LAST - 1, Log.KAFKA, Kind.FORGED_RECORD)


def test_an_old_record_of_other_bytes_is_found(logs: TwoLogs) -> None:
    logs.change(LAST - EVERY, lambda one: one._replace(value=event(59, "x")))
    assert named(logs.verify(since=SIZE)) == (LAST - EVERY, Log.KAFKA, Kind.CHANGED)


def test_old_records_that_the_relay_repeated_are_no_difference(logs: TwoLogs) -> None:
    lane, _ = logs.lane_of(LAST + EVERY)
    lane += lane[:2]
    found = logs.verify(since=SIZE)
    assert (found.difference, found.repeats) == (None, 2)
