"""Says what a mismatch between event store and Kafka is, and which of the two was altered.

Three witnesses speak: the event store, Kafka, and the signed tree. Where the tree covers a position, the log that
agrees with it is right. What came after the last checkpoint nobody has signed: then the kind is told, and that it is
not proven which log is right.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from adapters.eventstore.scan import Row
from domain.proofs import leaf
from krypton.integrity.findings import Difference, Kind, Log
from krypton.integrity.signed_tree import SignedTree, entry_of
from schemas.codec import NotAnEvent
from schemas.event import Record
from schemas.registry import UnknownSchema, registry
from streams.reading.record_source import Part, position_of
from streams.reading.side_by_side import NO_EVENT, Store, Window, Wrong
from streams.relay.outgoing import Addresser, Stored, first_long

LOOK_AHEAD = 5_000
RELAY_S = 300.0
"""How long the relay may take for an event, its restart and Kafka's included."""
UNPROVEN = "; this is past the last checkpoint, so which of the two logs is right is not proven"


class StoreView(Store, Protocol):
    """The event store as of one moment, also asked for single events."""

    def position_of(self, aggregate_id: str, version: int) -> int | None:
        """Where an aggregate's event of that version is."""


@dataclass
class Judge:
    """Judges windows. ``relayed``: all up to this position was acknowledged by Kafka, says the relay.

    ``now_s``: when the verification began, seconds since 1970. ``waiting`` counts events that the relay has yet to
    publish, as it seems; ``unpublished`` is the first that it should have published long ago. Nobody signs what the
    relay says, so it can show that Kafka lost events, and cannot excuse that they are missing.
    """

    scan: StoreView
    parts: dict[tuple[str, int], Part]
    signed: SignedTree | None
    relayed: int
    now_s: float = field(default_factory=time.time)
    waiting: int = 0
    unpublished: Difference | None = None
    _addresser: Addresser = field(default_factory=lambda: Addresser.of(registry()))

    def first(self, window: Window) -> Difference | None:
        """The difference with the lowest position in a window."""
        for _, look in sorted(self._looks(window), key=lambda one: one[0]):
            if found := look():
                return found
        return None

    def _looks(self, window: Window) -> Iterator[tuple[int, Callable[[], Difference | None]]]:
        for wrong in window.wrong:
            yield wrong.position, lambda wrong=wrong: self._wrong(wrong)  # type: ignore[misc]
        for position, record in window.strange:
            yield position, lambda position=position, record=record: self._strange(position, record)  # type: ignore[misc]
        for position, row in window.lacking.items():
            yield position, lambda position=position, row=row: self._lacking(position, row, window)  # type: ignore[misc]

    def _wrong(self, wrong: Wrong) -> Difference:
        """A record and a row that differ, or a record that is out of place."""
        at, record, row, what = wrong
        where = f"{record.topic}/{record.partition} offset {record.offset}: {what}"
        if row is None:
            return Difference(at, Log.KAFKA, Kind.HEADER, where)
        if what.startswith("it lies behind"):
            return Difference(at, Log.KAFKA, Kind.REORDERED, where)
        if what.startswith("a second record"):
            return Difference(at, Log.KAFKA, Kind.EXTRA, where)
        signed = self.signed.entry_at(at) if self.signed else None
        if signed is None:
            log = Log.KAFKA if record.value == row[1] and self._names_itself(row) else Log.BOTH
            return Difference(at, log, self._kind(at, record, row, what), where + UNPROVEN)
        store_holds, kafka_holds = entry_of(*row) == signed, _entry(record) == signed
        if store_holds:
            return Difference(at, Log.KAFKA, self._kind(at, record, row, what), where)
        kind = Kind.REORDERED if self._stands_elsewhere(at, _entry(record)) else Kind.CHANGED
        also = "" if kafka_holds else ", and Kafka's record is not the signed one either"
        log = Log.EVENT_STORE if kafka_holds else Log.BOTH
        return Difference(at, log, kind, f"position {at} does not hold the event that was signed{also}")

    def _kind(self, at: int, record: Record, row: Row, what: str) -> Kind:
        """What was done to a record."""
        if record.value != row[1] or what == NO_EVENT:
            return Kind.REORDERED if self._stands_elsewhere(at, _entry(record)) else Kind.CHANGED
        return Kind.PARTITION if "partition" in what or "topic" in what else Kind.HEADER

    def _names_itself(self, row: Row) -> bool:
        """Whether the columns of a row agree with its bytes."""
        try:
            schema, data = self._addresser.codec.decode(row[1], 1, unseal=False)
        except (NotAnEvent, UnknownSchema):
            return False
        _, event_type, aggregate, _ = leaf.lines_of(row[0])
        return bool(event_type == schema.type.encode() and aggregate == data[schema.aggregate].encode())

    def _stands_elsewhere(self, at: int, entry: bytes | None) -> bool:
        """Whether the event store holds the aggregate's event of that version, at another position."""
        try:
            named = leaf.parse(entry or b"")
        except ValueError:  # no entry, or a version of more digits than are read
            return False
        return self.scan.position_of(named.aggregate_id, named.version) not in (None, at)

    def _strange(self, at: int, record: Record) -> Difference:
        """A record whose position the event store does not hold."""
        where = f"{record.topic}/{record.partition} offset {record.offset}"
        entry = _entry(record)
        elsewhere = self._stands_elsewhere(at, entry)
        if self.signed and self.signed.covers(at):
            if self.signed.holds_none_at(at):
                return Difference(at, Log.KAFKA, Kind.EXTRA, f"{where}: no event was ever signed at this position")
            kind = Kind.REORDERED if elsewhere else self._gone(at)
            return Difference(at, Log.EVENT_STORE, kind, f"the event store holds no event here; {where} does")
        if elsewhere:
            return Difference(
                at, Log.KAFKA, Kind.EXTRA, f"{where}: the event store holds this event elsewhere{UNPROVEN}"
            )
        return Difference(at, Log.EVENT_STORE, self._gone(at), f"only {where} holds an event here{UNPROVEN}")

    def _gone(self, at: int) -> Kind:
        return Kind.TRUNCATED if self.scan.next_at(at) is None else Kind.MISSING

    def _lacking(self, at: int, row: Row, window: Window) -> Difference | None:
        """A row that Kafka has no record of; None where the relay has not come to it yet."""
        part = self._home(at, row)
        if part and not part.broken and at > self.relayed and _ends_before(part, at):
            self._wait(at, row, part)
            return None  # were it altered, the tree's root would tell
        if self.signed and self.signed.covers(at):
            if self.signed.holds_none_at(at):
                moved = any(_name(record) == _name_of(row) for _, record in window.strange)
                kind = Kind.REORDERED if moved else Kind.EXTRA
                return Difference(at, Log.EVENT_STORE, kind, "no event was ever signed at this position")
            if (signed := self.signed.entry_at(at)) and signed != entry_of(*row):
                return Difference(at, Log.BOTH, Kind.CHANGED, "the event is not the signed one, and Kafka has none")
        if part is None:
            return Difference(at, Log.EVENT_STORE, Kind.CHANGED, f"the stored bytes are no event{UNPROVEN}")
        return self._lost(at, part)

    def is_recent(self, stored: bytes, within_s: float) -> bool:
        """Whether an event's bytes say that it was recorded about now; bytes that are no event do not."""
        return abs(self.now_s - first_long(stored) / 1_000_000) <= within_s

    def _wait(self, at: int, row: Row, part: Part) -> None:
        """Count an event that Kafka may be about to get."""
        self.waiting += 1
        if self.unpublished is None and not self.is_recent(row[1], RELAY_S):
            said = (
                f"{part.topic}/{part.partition} ends at position {part.last}, and this event was recorded more than "
                f"{RELAY_S / 60:.0f} min ago: the end was cut off, or no relay has come to it since; nothing signed "
                "tells which. Let the relay publish what the event store holds (krypton run), and verify again"
            )
            self.unpublished = Difference(at, Log.KAFKA, Kind.TRUNCATED, said)

    def _lost(self, at: int, part: Part) -> Difference:
        """A record that Kafka had."""
        where = f"{part.topic}/{part.partition}"
        if part.broken:
            return Difference(at, Log.KAFKA, Kind.MISSING, f"{where}: {part.broken}")
        if _ends_before(part, at):
            return Difference(at, Log.KAFKA, Kind.TRUNCATED, f"{where} ends at position {part.last}")
        later = any(position_of(record) == at for record in part.ahead(LOOK_AHEAD))
        kind, said = (Kind.REORDERED, "holds it behind later ones") if later else (Kind.MISSING, "goes on without it")
        return Difference(at, Log.KAFKA, kind, f"{where} {said}")

    def _home(self, at: int, row: Row) -> Part | None:
        _, _, aggregate, version = leaf.lines_of(row[0])
        try:
            event = self._addresser.outgoing(Stored(at, aggregate.decode(), int(version), row[1]))
        except (NotAnEvent, UnknownSchema):
            return None
        return self.parts[event.topic, event.partition]


def _ends_before(part: Part, at: int) -> bool:
    """Whether a partition has nothing from a position on."""
    return part.last < at and part.next_position() is None


def _name(record: Record) -> bytes:
    return dict(record.headers).get("ce_id", b"")


def _name_of(row: Row) -> bytes:
    _, _, aggregate, version = leaf.lines_of(row[0])
    return aggregate + b"/" + version


def _entry(record: Record) -> bytes | None:
    """The entry that a record would be in the tree; None where its headers make none."""
    held = dict(record.headers)
    names = ("position", "ce_type", "ce_subject", "version")
    if any(held.get(name) is None for name in names):
        return None
    return b"".join(held[name] + b"\n" for name in names) + sha256(record.value).hexdigest().encode()
