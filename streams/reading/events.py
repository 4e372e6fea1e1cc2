"""Filters, decodes and orders Kafka records into ledger events.

Within a partition ledger positions only grow; a record at or below the previous one is a relay repeat and is dropped.
Unwanted records are filtered out before decoding: by schema id, by key, by the ``position`` header.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.codec import Codec, NotAnEvent
from schemas.event import LedgerEvent, Record
from schemas.registry import Registry


@dataclass(frozen=True)
class Wanted:
    """A filter. None means all; positions are ledger positions, both ends included.

    ``head``: the ledger's last position, where it is known: a record above it is somebody else's, and passed over.
    """

    prefixes: frozenset[bytes] | None
    keys: frozenset[bytes] | None
    from_position: int
    to_position: int | None
    head: int | None = None

    @staticmethod
    def of(
        registry: Registry,
        types: Collection[str] | None,
        keys: Collection[str] | None,
        from_position: int,
        to_position: int | None,
        head: int | None = None,
    ) -> "Wanted":
        """Raises UnknownSchema if no event has such a type: a misspelt filter would silently match nothing."""
        prefixes = None
        if types is not None:
            known = {registry.of_type(event_type).type for event_type in types}
            prefixes = frozenset(b"\0" + s.id.to_bytes(4, "big") for s in registry if s.type in known)
        wanted = keys if keys is None else frozenset(k.encode() for k in keys)
        return Wanted(prefixes, wanted, from_position, to_position, head)

    def holds(self, record: Record) -> bool:
        """Whether type and key match."""
        return (self.prefixes is None or record.value[:5] in self.prefixes) and (
            self.keys is None or record.key in self.keys
        )


def position_of(record: Record) -> int:
    """The record's ledger position. Raises NotAnEvent if the relay did not write it."""
    try:
        name, value = record.headers[-2]  # where the relay puts it
        return int(value if name == "position" else dict(record.headers)["position"])
    except (LookupError, ValueError, TypeError):  # or it is null
        raise NotAnEvent(
            f"{_place(record)} has no 'position' header: it was not written by the relay; find who else writes there"
        ) from None


def events_of(batches: Iterable[Sequence[Record]], codec: Codec, wanted: Wanted) -> Iterator[LedgerEvent]:
    """The wanted events of one partition, in order. Raises NotAnEvent, UnknownSchema, each naming the record."""
    last = 0
    for batch in batches:
        kept = []
        for record in batch:
            position = position_of(record)
            if wanted.head is not None and position > wanted.head:
                continue  # not the ledger's: what is behind it is no repeat
            if position > last:  # else a repeat
                last = position
                if position >= wanted.from_position and not _past(position, wanted) and wanted.holds(record):
                    kept.append(record)
        for record, event in zip(kept, codec.read_batch(kept), strict=True):
            if not isinstance(event, LedgerEvent):
                raise type(event)(f"{_place(record)}: {event}")
            yield event
        if _past(last, wanted):
            return


def in_ledger_order(partitions: Iterable[Iterator[LedgerEvent]]) -> Iterator[LedgerEvent]:
    """The events of many partitions, merged by position."""
    return heapq.merge(*partitions, key=lambda event: event.position)


def _past(position: int, wanted: Wanted) -> bool:
    return wanted.to_position is not None and position > wanted.to_position


def _place(record: Record) -> str:
    return f"{record.topic}/{record.partition} offset {record.offset}"
