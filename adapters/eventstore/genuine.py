"""Tells the ledger's own Kafka records from those that others wrote, by what the event store holds.

A record is genuine if the store holds an event at its position with the same aggregate, version and bytes, and the
record lies where the relay puts that event: topic, key and partition. One query for a batch, by primary key.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from psycopg2.extensions import cursor as Cursor

from adapters.eventstore.tables import EVENTS
from postgres import prepared
from schemas.event import LedgerEvent, Record
from schemas.registry import Registry

STORED: Final = f"""SELECT id, originator_id::text || '/' || originator_version, sha256(state)
FROM {EVENTS} WHERE id = ANY(%s)"""


class Read(Protocol):
    """A record, and its event or why it cannot be read. ``position`` is None if the record states none."""

    @property
    def record(self) -> Record: ...
    @property
    def event(self) -> LedgerEvent | Exception: ...
    @property
    def position(self) -> int | None: ...


@dataclass(frozen=True)
class Genuine:
    """``projections.engine.store.Check`` on the event store. ``partition_of``: topic and key to the partition."""

    registry: Registry
    partition_of: Callable[[str, bytes], int]

    def __call__(self, cursor: Cursor, reads: Sequence[Read]) -> dict[int, str]:
        """Which of these records, by index, are not the ledger's, and why. Raises psycopg2.Error."""
        prepared.run(cursor, STORED, [one.position for one in reads if one.position is not None])
        stored = {position: (name, bytes(digest)) for position, name, digest in cursor}
        return {index: why for index, one in enumerate(reads) if (why := self._why(one, stored))}

    def _why(self, one: Read, stored: dict[int, tuple[str, bytes]]) -> str:
        if one.position is None:
            return "it states no position of the ledger"
        if (found := stored.get(one.position)) is None:
            return "the event store holds no event at this position"
        name, digest = found
        if sha256(one.record.value or b"").digest() != digest:
            return "the event store holds other bytes at this position"
        if _name(one) != name:
            return "the event store names the event at this position otherwise"
        return "" if self._at_home(one) else "the relay puts this event elsewhere: topic, key or partition differ"

    def _at_home(self, one: Read) -> bool:
        """Whether the record lies where the relay puts its event; of an unreadable one nothing tells where that is."""
        record, event = one.record, one.event
        if not isinstance(event, LedgerEvent):
            return True
        schema = self.registry.latest[event.type]
        key = str(event.data[schema.key]).encode()
        return (record.topic, record.key, record.partition) == (schema.topic, key, self.partition_of(schema.topic, key))


def _name(one: Read) -> str:
    if isinstance(one.event, LedgerEvent):
        return f"{one.event.aggregate_id}/{one.event.version}"
    return (dict(one.record.headers).get("ce_id") or b"").decode(errors="replace")  # Kafka allows a null header
