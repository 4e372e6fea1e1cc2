"""Where the relay takes up its work: after its own last record, whatever others wrote behind it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from schemas.registry import registry
from streams.relay.log_end import EMPTY, NO_HINT, Hint, Tail, _Found, lost, missing, there
from streams.relay.outgoing import Addresser, Stored
from streams.relay.own_records import End, judged
from tests.fakes.region import Region

ADDRESSER = Addresser.of(registry())


class Lying(NamedTuple):
    """A record as Kafka's client gives it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, Any]]


class Kept:
    """The event store of a region."""

    def __init__(self) -> None:
        region = Region()
        for study_uid in ("2.25.1", "2.25.2", "2.25.3"):
            region.receive(study_uid=study_uid, instances=1)
        found = region.recorder.select_notifications(0, 10_000, inclusive_of_start=False)
        self.rows = {n.id: Stored(n.id, str(n.originator_id), n.originator_version, n.state) for n in found}

    def rows_at(self, positions: Sequence[int]) -> dict[int, Stored]:
        """See ``Store``."""
        return {position: self.rows[position] for position in positions if position in self.rows}


@pytest.fixture(scope="module")
def kept() -> Kept:
    return Kept()


def last(kept: Kept, offset: int = 0) -> Lying:
    """The ledger's last record, as the relay writes it."""
    sent = ADDRESSER.outgoing(kept.rows[max(kept.rows)])
    return Lying(sent.topic, sent.partition, offset, sent.key, sent.value, sent.headers)


def positioned(record: Lying, position: bytes) -> Lying:
    headers = [(name, position if name == "position" else value) for name, value in record.headers]
    return record._replace(offset=record.offset + 1, headers=headers)


FORGED = {
    "a position one million too high": lambda r: positioned(r, b"%d" % (int(dict(r.headers)["position"]) + 10**6)),
    "a position of 20 digits": lambda r: positioned(r, b"9" * 20),
    "a position of 5,000 digits": lambda r: positioned(r, b"9" * 5_000),
    "a negative position": lambda r: positioned(r, b"-1"),
    "no headers": lambda r: r._replace(offset=1, headers=[]),
    "headers without content": lambda r: r._replace(offset=1, headers=[("position", None), ("ce_id", None)]),
    "other bytes": lambda r: r._replace(offset=1, value=r.value + b"\0"),
    "no bytes": lambda r: r._replace(offset=1, value=None, key=None),
    "another key": lambda r: r._replace(offset=1, key=b"k"),
    "another topic's event": lambda r: r._replace(offset=1, topic="krypton.rules", partition=0),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_record_that_the_relay_did_not_write_is_never_its_end(forge: Any, kept: Kept) -> None:
    own = last(kept)
    forged = forge(own)
    ends, foreign = judged([own, forged], kept, ADDRESSER)
    place = own.topic, own.partition
    assert ends == {place: [End(max(kept.rows), dict(own.headers)["ce_id"].decode())]}
    if place == (forged.topic, forged.partition):
        assert [(one.topic, one.partition, one.offset) for one in foreign] == [(*place, 1)]


def test_the_ledgers_record_after_a_forged_one_is_the_end(kept: Kept) -> None:
    """A relay that was running wrote on behind it: nothing is foreign after its end."""
    own = last(kept)
    assert judged([positioned(own, b"900000"), own._replace(offset=2)], kept, ADDRESSER)[1] == []


def test_an_old_record_copied_to_the_end_does_not_set_the_end_back(kept: Kept) -> None:
    own = last(kept)
    earlier = ADDRESSER.outgoing(kept.rows[min(kept.rows)])
    copied = Lying(earlier.topic, earlier.partition, 2, earlier.key, earlier.value, earlier.headers)
    ends, _ = judged([own, copied], kept, ADDRESSER)
    assert max(ends[own.topic, own.partition]).position == max(kept.rows)


def test_a_copy_of_an_event_names_it_so_that_another_ledgers_event_is_told_from_it(kept: Kept) -> None:
    """A whole record names its event: the relay asks its store for it. Anything less names none."""
    own = last(kept)
    ends, (foreign,) = judged([positioned(own, b"900000")], kept, ADDRESSER)
    assert (ends, foreign.event) == ({}, dict(own.headers)["ce_id"].decode())
    assert judged([own._replace(headers=own.headers[1:])], kept, ADDRESSER)[1][0].event == ""


A, B = ("krypton.studies", 0), ("krypton.studies", 1)


def tail(hint: Hint, *read: dict[tuple[str, int], list[int]]) -> Tail:
    """What is known of two partitions; ``read``: positions of their records, the last part of the log first."""
    found = _Found(hint, {A: EMPTY, B: EMPTY})
    for part in read:
        found.take({place: [End(at, f"x/{at}") for at in some] for place, some in part.items()}, [])
    return Tail(found.ends, [], {A: 0, B: 0} | found.upto, found.held, {})


def sent(hint: Hint, found: Tail, *events: tuple[tuple[str, int], int]) -> list[int]:
    """The positions that the relay sends of these events."""
    have = there(found, hint)
    return [at for place, at in events if at > have.start and have.lacks(place, at)]


def test_without_a_hint_it_goes_on_after_the_lowest_end() -> None:
    """What lies above it may already be there in other partitions, and is skipped by each one's own end."""
    assert sent(NO_HINT, tail(NO_HINT, {A: [7], B: [4]}), (B, 4), (B, 5), (A, 6), (A, 7), (A, 8)) == [5, 8]


def test_an_idle_partition_does_not_make_it_read_everything_again() -> None:
    hint = Hint(690, {A: 688})
    assert there(tail(hint, {A: [688, 700]}), hint).start == 690


def test_above_the_hint_only_what_lies_in_the_log_is_not_sent_again() -> None:
    """A copy of a later event, sent before its turn, hides none of those before it."""
    hint = Hint(10, {A: 9})
    assert sent(hint, tail(hint, {A: [9, 15]}), (A, 9), (B, 10), (A, 11), (B, 12), (A, 15), (A, 16)) == [11, 12, 16]


def test_a_partition_that_lacks_its_noted_end_is_sent_again_from_there() -> None:
    """The others are not: they have all up to the hint."""
    hint = Hint(20, {A: 18, B: 20})
    found = tail(hint, {A: [12], B: [20]})
    assert lost(found, hint) == {A: 12}
    assert sent(hint, found, (A, 12), (B, 13), (A, 14), (A, 18), (B, 20), (A, 21)) == [14, 18, 21]


def test_records_written_behind_a_cut_do_not_hide_it() -> None:
    hint = Hint(20, {A: 18})
    found = tail(hint, {A: [12, 25]})
    assert (lost(found, hint), sent(hint, found, (A, 14), (A, 18), (A, 25))) == ({A: 12}, [14, 18])


def test_an_old_record_copied_to_the_end_is_no_cut() -> None:
    """It is read on, back to the noted end."""
    hint = Hint(20, {A: 18})
    found = _Found(hint, {A: EMPTY})
    found.take({A: [End(3, "x/3")]}, [])
    assert found.wants(A, 1)
    found.take({A: [End(17, "x/17"), End(18, "x/18")]}, [])
    assert not found.wants(A, 64)
    assert found.upto == {A: 18}


def test_a_copy_of_the_last_event_is_not_taken_for_all_events() -> None:
    """``krypton wait`` counts."""
    hint = Hint(10, {A: 9})
    found = tail(hint, {A: [9, 15]})
    assert missing(found, hint, 15, lambda after, upto: upto - after) == 4
