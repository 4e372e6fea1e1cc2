"""Where the relay takes up its work: after its own last record, whatever others wrote behind it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from schemas.registry import registry
from streams.relay.log_end import End, judged
from streams.relay.outgoing import Addresser, Stored
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
    assert ends == {place: End(max(kept.rows), dict(own.headers)["ce_id"].decode())}
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
    assert ends[own.topic, own.partition].position == max(kept.rows)


def test_a_copy_of_an_event_names_it_so_that_another_ledgers_event_is_told_from_it(kept: Kept) -> None:
    """A whole record names its event: the relay asks its store for it. Anything less names none."""
    own = last(kept)
    ends, (foreign,) = judged([positioned(own, b"900000")], kept, ADDRESSER)
    assert (ends, foreign.event) == ({}, dict(own.headers)["ce_id"].decode())
    assert judged([own._replace(headers=own.headers[1:])], kept, ADDRESSER)[1][0].event == ""
