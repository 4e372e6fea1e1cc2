"""Classifies each mismatch between the event store and Kafka, and decides which of the two was altered.

There are three sources: the event store, Kafka and the signed tree. Where the signed tree covers a position, the log
that agrees with it is right. Events after the last checkpoint are not signed: the mismatch is reported, with a note
that it is not proven which log is right.
"""

import re
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
from streams.reading.side_by_side import NO_EVENT
from streams.reading.windows import Store, Window, Wrong
from streams.relay.outgoing import Addresser, Stored, first_long

LOOK_AHEAD = 5_000
UUID_TEXT = re.compile(rb"[0-9a-f-]{36}")
MOST_DIGITS = 18  # of a version: PostgreSQL counts no further
RELAY_S = 300.0
"""Time within which the relay publishes an event, restarts of the relay and of Kafka included."""
UNPROVEN = "; this is after the last checkpoint, so it is not proven which of the two logs is right"


class StoreView(Store, Protocol):
    """A snapshot of the event store that can also look up single events."""

    def position_of(self, aggregate_id: str, version: int) -> int | None:
        """The position of an aggregate's event with that version; None if there is none."""


@dataclass
class Judge:
    """Classifies the mismatches of each window. ``relayed``: the last position that Kafka acknowledged, according to
    the relay.

    ``now_s``: start of the verification, seconds since 1970. ``waiting`` counts events that are probably not published
    yet; ``unpublished`` is the first that is overdue. The relay's statement is not signed: it can show that Kafka lost
    events, but it never excuses missing ones.
    """

    scan: StoreView
    parts: dict[tuple[str, int], Part]
    signed: SignedTree | None
    relayed: int
    now_s: float = field(default_factory=time.time)
    waiting: int = 0
    unpublished: Difference | None = None
    _addresser: Addresser = field(default_factory=lambda: Addresser.of(registry()))
    _ended: set[str] = field(default_factory=set)  # partitions whose early end was told

    def all(self, window: Window) -> Iterator[Difference]:
        """The differences of a window, by position. Those after one that questions the event store mean little."""
        for _, look in sorted(self._looks(window), key=lambda one: one[0]):
            if found := look():
                yield found

    def ended(self) -> Iterator[Difference]:
        """The ends of transactions that were passed since the last call: the relay begins none.

        Each takes an offset without a record. No event is missing there, but no view can read past it.
        """
        for (topic, partition), part in self.parts.items():
            for offset in part.ended:
                said = (
                    f"{topic}/{partition} offset {offset}: somebody's transaction ended here, and the relay begins none"
                )
                yield Difference(part.last, Log.KAFKA, Kind.TRANSACTION, f"{said}: run krypton recover {topic}")
            part.ended.clear()

    def _looks(self, window: Window) -> Iterator[tuple[int, Callable[[], Difference | None]]]:
        for wrong in window.wrong:
            yield wrong.position, lambda wrong=wrong: self._wrong(wrong, window)  # type: ignore[misc]
        for position, record in window.strange:
            yield position, lambda position=position, record=record: self._strange(position, record)  # type: ignore[misc]
        for position, row in window.lacking.items():
            yield position, lambda position=position, row=row: self._lacking(position, row, window)  # type: ignore[misc]

    def _wrong(self, wrong: Wrong, window: Window) -> Difference:
        """A record that differs from its row, or a record out of order."""
        at, record, row, what = wrong
        where = f"{record.topic}/{record.partition} offset {record.offset}: {what}"
        if row is None:
            kind = Kind.HEADER if self._stands_for(record, window) else Kind.FORGED_RECORD
            return Difference(at, Log.KAFKA, kind, where)
        if what.startswith("it comes after"):
            return Difference(at, Log.KAFKA, Kind.REORDERED, where)
        if what.startswith("a second record"):
            return Difference(at, Log.KAFKA, Kind.FORGED_RECORD, where)
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
        """How the record was altered."""
        if record.value != row[1] or what == NO_EVENT:
            return Kind.REORDERED if self._stands_elsewhere(at, _entry(record)) else Kind.CHANGED
        return Kind.PARTITION if "partition" in what or "topic" in what else Kind.HEADER

    def _stands_for(self, record: Record, window: Window) -> bool:
        """Whether a record without a valid position is that of an event which has no other record on Kafka."""
        subject, _, version = (dict(record.headers).get("ce_id") or b"").partition(b"/")
        if not UUID_TEXT.fullmatch(subject) or not version.isdigit() or len(version) > MOST_DIGITS:
            return False
        position = self.scan.position_of(subject.decode(), int(version))
        return position is not None and (position in window.lacking or position not in window.held)

    def _names_itself(self, row: Row) -> bool:
        """Whether the columns of a row agree with its stored bytes."""
        try:
            schema, data = self._addresser.codec.decode(row[1], 1, unseal=False)
        except (NotAnEvent, UnknownSchema):
            return False
        _, event_type, aggregate, _ = leaf.lines_of(row[0])
        return bool(event_type == schema.type.encode() and aggregate == data[schema.aggregate].encode())

    def _stands_elsewhere(self, at: int, entry: bytes | None) -> bool:
        """Whether the event store has this event (aggregate and version) at another position."""
        try:
            named = leaf.parse(entry or b"")
        except ValueError:  # no entry, or a version of more digits than are read
            return False
        return self.scan.position_of(named.aggregate_id, named.version) not in (None, at)

    def _strange(self, at: int, record: Record) -> Difference:
        """A record at a position where the event store has no event."""
        where = f"{record.topic}/{record.partition} offset {record.offset}"
        entry = _entry(record)
        elsewhere = self._stands_elsewhere(at, entry)
        if self.signed and self.signed.covers(at):
            if self.signed.holds_none_at(at):
                said = f"{where}: no event was ever signed at this position"
                return Difference(at, Log.KAFKA, Kind.FORGED_RECORD, said)
            kind = Kind.REORDERED if elsewhere else self._gone(at)
            return Difference(at, Log.EVENT_STORE, kind, f"the event store holds no event here; {where} does")
        if elsewhere:
            said = f"{where}: the event store holds this event at another position"
            return Difference(at, Log.KAFKA, Kind.FORGED_RECORD, said)
        return Difference(at, Log.EVENT_STORE, self._gone(at), f"only {where} holds an event here{UNPROVEN}")

    def _gone(self, at: int) -> Kind:
        return Kind.TRUNCATED if self.scan.next_at(at) is None else Kind.MISSING

    def _lacking(self, at: int, row: Row, window: Window) -> Difference | None:
        """A row without a record on Kafka; None if the relay has probably not published it yet."""
        part = self._home(at, row)
        if part and not part.broken and at > self.relayed and _ends_before(part, at):
            self._wait(at, row, part)
            return None  # an altered row would change the root of the tree
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
        """Whether the event was recorded within ``within_s`` of now, by its own bytes; False for bytes that are no
        event.
        """
        return abs(self.now_s - first_long(stored) / 1_000_000) <= within_s

    def _wait(self, at: int, row: Row, part: Part) -> None:
        """Count an event that the relay may still publish."""
        self.waiting += 1
        if self.unpublished is None and not self.is_recent(row[1], RELAY_S):
            said = (
                f"{part.topic}/{part.partition} ends at position {part.last}, and this event was recorded more than "
                f"{RELAY_S / 60:.0f} min ago: either the end was cut off or no relay has run since; no signature "
                "decides which. Let the relay publish it (krypton run), then verify again"
            )
            self.unpublished = Difference(at, Log.KAFKA, Kind.TRUNCATED, said)

    def _lost(self, at: int, part: Part) -> Difference | None:
        """A record that Kafka had and no longer has; None where it lies after an end of its partition that was told."""
        where = f"{part.topic}/{part.partition}"
        if part.broken or _ends_before(part, at):
            if where in self._ended:
                return None
            self._ended.add(where)
            if part.broken:
                return Difference(at, Log.KAFKA, Kind.MISSING, f"{where}: {part.broken}")
            return Difference(at, Log.KAFKA, Kind.TRUNCATED, f"{where} ends at position {part.last}")
        ahead = part.ahead(LOOK_AHEAD)
        later = any(position_of(record) == at for record in ahead)
        if later and self.scan.row(stated := position_of(ahead[0])) is None:
            said = f"{where} offset {ahead[0].offset} states position {stated}, where the event store holds no event"
            return Difference(at, Log.KAFKA, Kind.FORGED_RECORD, f"{said}, and comes before this event")
        kind, said = (Kind.REORDERED, "holds it after later ones") if later else (Kind.MISSING, "goes on without it")
        return Difference(at, Log.KAFKA, kind, f"{where} {said}")

    def _home(self, at: int, row: Row) -> Part | None:
        _, _, aggregate, version = leaf.lines_of(row[0])
        try:
            event = self._addresser.outgoing(Stored(at, aggregate.decode(), int(version), row[1]))
        except (NotAnEvent, UnknownSchema):
            return None
        return self.parts[event.topic, event.partition]


def _ends_before(part: Part, at: int) -> bool:
    """Whether a partition has no records from a position on."""
    return part.last < at and part.next_position() is None


def _name(record: Record) -> bytes:
    return dict(record.headers).get("ce_id", b"")


def _name_of(row: Row) -> bytes:
    _, _, aggregate, version = leaf.lines_of(row[0])
    return aggregate + b"/" + version


def _entry(record: Record) -> bytes | None:
    """The tree entry that a record corresponds to; None if headers are missing."""
    held = dict(record.headers)
    names = ("position", "ce_type", "ce_subject", "version")
    if any(held.get(name) is None for name in names):
        return None
    return b"".join(held[name] + b"\n" for name in names) + sha256(record.value or b"").hexdigest().encode()
