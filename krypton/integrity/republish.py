"""``krypton republish --from POSITION``: sends to Kafka what only the event store holds, at the end of each partition.

Kafka keeps the order of a partition, so what is missing in the middle of one cannot be put back there: that is refused,
and the topic must be filled anew. For the same reason nothing is sent past an event below POSITION that its partition
lacks: that would make such a gap, for ever. The store is held to every signed checkpoint first. As the relay it writes
alone, under the relay's lock and lease.
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
from krypton.integrity import signed_store
from krypton.integrity.checkpoints import Heads
from schemas.registry import registry
from streams.broker import checkpoints
from streams.reading import record_source
from streams.reading.record_source import Part
from streams.reading.replay import Replay
from streams.reading.side_by_side import Matching, Window
from streams.relay import log_end
from streams.relay.lease import LEASE_S, Lease
from streams.relay.outbox import Outbox
from streams.relay.outgoing import Addresser, Outgoing, Stored
from streams.relay.outlet import Outlet

Advance = Callable[[int], None]
PAGE_ROWS: Final = 1_000


class Pages(Protocol):
    """The event store as the relay reads it: see ``Outbox``."""

    def page(self, after: int) -> list[Stored]:
        """The next events after a position, in order; empty when there are none."""

    def names_at(self, positions: Sequence[int]) -> dict[int, str]:
        """The ``ce_id`` of the events at these positions, as far as the store holds them."""


@dataclass(frozen=True)
class Republished:
    """What was sent. ``checkpoints``: signed roots that the store was held to; ``checkpoints_sent``: brought back."""

    events: int
    checkpoints: int
    checkpoints_sent: int

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def republish(ours: Krypton, start: int, heads: Heads, advance: Advance = lambda _: None) -> Republished:
    """Send to Kafka the events from position ``start`` on that it lacks, and the folder's checkpoint.

    A partition is only added to at its end. Raises LedgerAltered where the store is not the signed one, where Kafka
    holds something else, goes on without an event, or lacks one below ``start``; KafkaError, psycopg2.Error.
    """
    own = folder_note(TileFolder(ours.settings.log_folder), heads)
    with _only_relay(ours) as (lease, outbox):
        hold_ends(outbox, log_end.read(ours.addresses.kafka), start)
        head = _compare(ours, start)
        with Scan(ours.addresses.database) as scan:
            passed = signed_store.hold(signed_store.pages(scan), heads)
        ends = log_end.read(ours.addresses.kafka)
        outlet = Outlet(ours.addresses.kafka, lease)
        try:
            sent = sum(_send(outlet, page, advance) for page in _missing(outbox, ends, start, head))
        except BaseException:
            outlet.abandon()
            raise
        outlet.close()
        return Republished(sent, passed, _bring_back(ours.addresses.kafka, own, heads))


def folder_note(folder: TileFolder, heads: Heads) -> Note | None:
    """The folder's checkpoint, which must be a signed one. Raises LedgerAltered."""
    try:
        note = folder.checkpoint()
        found = note and checkpoint_of(note.text)
    except NotANote as wrong:
        raise LedgerAltered(f"the checkpoint in {folder.root} is damaged ({wrong}): nothing was sent") from None
    if found and (found.size, found.root) not in {(head.size, head.root) for head in heads.signed}:
        raise LedgerAltered(f"the checkpoint in {folder.root} is not signed with the log's key: nothing was sent")
    return note


def hold_ends(pages: Pages, ends: log_end.Ends, start: int) -> None:
    """Hold each partition that ends below ``start`` to end with the store's last event of it there. LedgerAltered."""
    names = pages.names_at([end.position for end in ends.values() if end.position])
    for (topic, partition), end in sorted(ends.items()):
        if end.position and names.get(end.position) != end.event:
            raise LedgerAltered(
                f"position {end.position}: {topic}/{partition} ends with an event that the event store does not hold "
                "there; nothing was sent, krypton audit verify tells more"
            )
    lowest = min(end.position for end in ends.values()) + 1
    for page in _missing(pages, ends, lowest, start - 1):
        for event in page:
            raise LedgerAltered(
                f"{event.topic}/{event.partition} lacks position {event.position} too, and could never be given it "
                f"once a later one is there: republish --from {event.position}, or lower; nothing was sent"
            )


def _bring_back(kafka: str, note: Note | None, heads: Heads) -> int:
    """Publish the checkpoint where Kafka has no signed one of that size or a larger one; how many that were."""
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
    outlet.deliver(page, go_on=lambda: True)
    advance(len(page))
    return len(page)


def _missing(outbox: Pages, ends: log_end.Ends, start: int, head: int) -> Iterator[list[Outgoing]]:
    """Pages of what Kafka lacks from a position on, up to the head that was compared."""
    addresser = Addresser.of(registry())
    at = start - 1
    while at < head and (page := outbox.page(at)):
        at = page[-1].position
        events = [addresser.outgoing(stored) for stored in page if stored.position <= head]
        yield [event for event in events if event.position > ends[event.topic, event.partition].position]


def _compare(ours: Krypton, start: int) -> int:
    """Hold Kafka to the event store from a position on, but for missing ends; returns the last position compared."""
    with Replay(ours.addresses.kafka) as replay, Scan(ours.addresses.database) as scan:
        parts = record_source.parts(ours.addresses.kafka, replay)
        homes = {(part.topic, part.partition): part for part in parts}
        head = scan.head()
        for window in Matching(scan, parts, registry(), start - 1).windows():
            if found := _differences(window, homes):
                position, what = min(found)
                raise LedgerAltered(f"position {position}: {what}; nothing was sent, krypton audit verify tells more")
        return head


def _differences(window: Window, homes: Mapping[tuple[str, int], Part]) -> list[tuple[int, str]]:
    """What stands against sending: all but events that are missing at the end of their partition."""
    found = [(one.position, one.what) for one in window.wrong]
    found += [(position, "the event store holds no such event") for position, _ in window.strange]
    addresser = Addresser.of(registry())
    for position, (heading, stored) in window.lacking.items():
        _, _, aggregate, version, _ = heading.decode().split("\n")
        event = addresser.outgoing(Stored(position, aggregate, int(version), stored))
        part = homes[event.topic, event.partition]
        if part.last > position or part.next_position() is not None:
            name = f"{part.topic}/{part.partition}"
            found.append((position, f"{name} goes on without it: delete the topic, krypton init, republish --from 1"))
    return found


@contextmanager
def _only_relay(ours: Krypton) -> Iterator[tuple[Lease, Outbox]]:
    """The right to write to Kafka. Raises LedgerAltered where a relay is active."""
    lease = Lease(ours.addresses.database)
    try:
        if not lease.acquire():
            raise LedgerAltered("a relay is active: stop krypton run and krypton relay, then republish")
        outbox = Outbox(ours.addresses.database, PAGE_ROWS)
        try:
            if outbox.claim().held:
                time.sleep(LEASE_S)  # a relay that did not stop cleanly may still have sent something
            try:
                yield lease, outbox
            except LedgerAltered:  # refused: nothing was sent, and the next one need not wait
                outbox.note(0, held=False)
                raise
            outbox.note(0, held=False)
        finally:
            outbox.close()
    finally:
        lease.close()
