"""``krypton republish --from POSITION``: sends events that Kafka lost from the event store to the partitions' ends.

Kafka keeps the order of a partition, so an event missing in the middle cannot be added: that is refused, and the topic
must be deleted and filled again. For the same reason nothing is sent if a partition lacks an event below POSITION:
sending later ones would make that gap permanent. The event store is first checked against every signed checkpoint. Like
the relay, republish is the only writer: it holds the relay's lock and lease.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from adapters.eventstore.scan import Scan
from adapters.notary.folder import TileFolder
from domain.errors import LedgerAltered
from domain.proofs.note import Checkpoint, NotANote, Note, checkpoint_of, parse
from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable
from krypton.integrity import signed_store
from krypton.integrity.checkpoints import Heads
from schemas.registry import registry
from streams.broker import checkpoints
from streams.reading import record_source
from streams.reading.record_source import Part
from streams.reading.replay import Replay
from streams.reading.side_by_side import Comparison
from streams.reading.windows import Window
from streams.relay import log_end
from streams.relay.lease import LEASE_S, Lease
from streams.relay.outbox import Outbox
from streams.relay.outgoing import Addresser, Outgoing, Stored
from streams.relay.outlet import Outlet, Undelivered

Advance = Callable[[int], None]
PAGE_ROWS: Final = 1_000
ENDING_S: Final = 3.0
LOOK_AGAIN_S: Final = 0.1


class Pages(Protocol):
    """Pages of the event store, as the relay reads them (see ``Outbox``)."""

    def page(self, after: int) -> list[Stored]:
        """The next events after a position, in order; empty at the end."""

    def names_at(self, positions: Sequence[int]) -> dict[int, str]:
        """The ``ce_id`` of the events at these positions; absent where the store has none."""


@dataclass(frozen=True)
class Republished:
    """The result. ``checkpoints``: signed roots the store was checked against; ``checkpoints_sent``: checkpoints sent
    to Kafka.
    """

    events: int
    checkpoints: int
    checkpoints_sent: int

    def document(self) -> dict[str, Any]:
        """The result as JSON."""
        return asdict(self)


def republish(ours: Krypton, start: int, heads: Heads, advance: Advance = lambda _: None) -> Republished:
    """Send to Kafka the events from position ``start`` on that it lacks, and the folder's checkpoint.

    Events are only appended. Raises LedgerAltered if the store does not match the checkpoints, if Kafka holds a
    different event, has a gap, or lacks an event below ``start``; ServiceUnavailable where Kafka does not take all;
    KafkaError, psycopg2.Error.
    """
    own = folder_note(TileFolder(ours.settings.log_folder), heads)
    with _only_relay(ours) as (lease, outbox):
        addresser = Addresser.of(registry())
        hold_ends(outbox, log_end.read(ours.addresses.kafka, outbox, addresser).ends, start)
        head = _compare(ours, start)
        with Scan(ours.addresses.database) as scan:
            passed = signed_store.hold(signed_store.pages(scan), heads)
        tail = log_end.read(ours.addresses.kafka, outbox, addresser)
        outlet = Outlet(ours.addresses.kafka, lease)
        try:
            outlet.goes_on(tail.tops)
            sent = sum(_send(outlet, page, advance) for page in _missing(outbox, tail.ends, start, head))
        except BaseException:
            outlet.abandon()
            raise
        outlet.close()
        return Republished(sent, passed, _bring_back(ours.addresses.kafka, own, heads))


def folder_note(folder: TileFolder, heads: Heads) -> Note | None:
    """The folder's checkpoint; its signature must be valid. Raises LedgerAltered."""
    try:
        note = folder.checkpoint()
        found = note and checkpoint_of(note.text)
    except NotANote as wrong:
        raise LedgerAltered(f"the checkpoint in {folder.root} is damaged ({wrong}): nothing was sent") from None
    if found and (found.size, found.root) not in {(head.size, head.root) for head in heads.signed}:
        raise LedgerAltered(f"the checkpoint in {folder.root} is not signed with the log's key: nothing was sent")
    return note


def hold_ends(pages: Pages, ends: log_end.Ends, start: int) -> None:
    """Check that each partition ending below ``start`` ends with the store's last event for it. Raises
    LedgerAltered.
    """
    names = pages.names_at([end.position for end in ends.values() if end.position])
    for (topic, partition), end in sorted(ends.items()):
        if end.position and names.get(end.position) != end.event:
            raise LedgerAltered(
                f"position {end.position}: {topic}/{partition} ends with an event that the event store does not have "
                "there; nothing was sent; krypton audit verify shows details"
            )
    lowest = min(end.position for end in ends.values()) + 1
    for page in _missing(pages, ends, lowest, start - 1):
        for event in page:
            raise LedgerAltered(
                f"{event.topic}/{event.partition} lacks position {event.position} too, and it could not be added "
                f"after a later one: use --from {event.position} or lower; nothing was sent"
            )


def _bring_back(kafka: str, note: Note | None, heads: Heads) -> int:
    """Publish the folder's checkpoint if Kafka has none of that size or larger; returns how many were sent."""
    if note is None:
        return 0
    signed = {(head.size, head.root) for head in heads.signed}
    if any(one.size >= checkpoint_of(note.text).size and (one.size, one.root) in signed for one in _published(kafka)):
        return 0
    with checkpoints.Publisher(kafka) as publisher:
        publisher.publish(checkpoint_of(note.text).origin, [note.format()])
    return 1


def _published(kafka: str) -> Iterator[Checkpoint]:
    for raw in checkpoints.read(kafka):
        try:
            yield checkpoint_of(parse(raw.decode()).text)
        except (NotANote, UnicodeDecodeError):
            continue


def _send(outlet: Outlet, page: Sequence[Outgoing], advance: Advance) -> int:
    try:
        outlet.deliver(page, go_on=lambda: True)
    except Undelivered as failed:
        raise ServiceUnavailable(
            f"not all events reached Kafka ({failed}); run krypton init, which names a topic whose settings differ, "
            "then the same command again: nothing is lost"
        ) from None
    advance(len(page))
    return len(page)


def _missing(outbox: Pages, ends: log_end.Ends, start: int, head: int) -> Iterator[list[Outgoing]]:
    """Pages of the events that Kafka lacks, from a position up to the last one compared."""
    addresser = Addresser.of(registry())
    at = start - 1
    while at < head and (page := outbox.page(at)):
        at = page[-1].position
        events = [addresser.outgoing(stored) for stored in page if stored.position <= head]
        yield [event for event in events if event.position > ends[event.topic, event.partition].position]


def _compare(ours: Krypton, start: int) -> int:
    """Compare Kafka with the event store from a position on, missing ends aside; returns the last position compared."""
    with Replay(ours.addresses.kafka) as replay, Scan(ours.addresses.database) as scan:
        parts = record_source.parts(ours.addresses.kafka, replay)
        homes = {(part.topic, part.partition): part for part in parts}
        head = scan.head()
        for window in Comparison(scan, parts, registry(), start - 1).windows():
            if found := _differences(window, homes):
                position, what = min(found)
                raise LedgerAltered(
                    f"position {position}: {what}; nothing was sent; krypton audit verify shows details"
                )
        return head


def _differences(window: Window, homes: Mapping[tuple[str, int], Part]) -> list[tuple[int, str]]:
    """Differences that forbid sending: all except events missing at the end of their partition."""
    found = [(one.position, one.what) for one in window.wrong]
    found += [(position, "the event store holds no such event") for position, _ in window.strange]
    addresser = Addresser.of(registry())
    for position, (heading, stored) in window.lacking.items():
        _, _, aggregate, version, _ = heading.decode().split("\n")
        event = addresser.outgoing(Stored(position, aggregate, int(version), stored))
        part = homes[event.topic, event.partition]
        if part.last > position or part.next_position() is not None:
            name = f"{part.topic}/{part.partition}"
            found.append(
                (
                    position,
                    f"{name} has later events but not this one: run krypton recover {part.topic}",
                )
            )
    return found


def _take(lease: Lease) -> None:
    """Raises LedgerAltered if a relay is active. The server may hold one's lock a moment longer than the relay ran."""
    until = time.monotonic() + ENDING_S
    while not lease.acquire():
        if time.monotonic() > until:
            raise LedgerAltered("a relay is active: stop krypton run and krypton relay, then republish")
        time.sleep(LOOK_AGAIN_S)


@contextmanager
def _only_relay(ours: Krypton) -> Iterator[tuple[Lease, Outbox]]:
    """Take the right to write to Kafka. Raises LedgerAltered if a relay is active."""
    lease = Lease(ours.addresses.database)
    try:
        _take(lease)
        outbox = Outbox(ours.addresses.database, PAGE_ROWS)
        try:
            if outbox.claim():
                time.sleep(LEASE_S)  # a relay that crashed may have sent records until its lease ended
            try:
                yield lease, outbox
            except LedgerAltered:  # refused before anything was sent: the next attempt need not wait
                outbox.note(0, held=False)
                raise
            outbox.note(0, held=False)
        finally:
            outbox.close()
    finally:
        lease.close()
