"""Turns records of Kafka into rows of the event store again."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from domain.errors import LedgerAltered
from domain.proofs import leaf
from domain.proofs.merkle import leaf_hash
from schemas.codec import Codec, NotAnEvent
from schemas.event import LedgerEvent, Record
from schemas.registry import UnknownSchema

NAMES: Final = ("ce_subject", "version", "ce_type")
StoredRow = tuple[int, str, int, str, bytes]
"""Position, aggregate id, version, type, stored bytes."""


class Regained(NamedTuple):
    """What a record was made of: the row, its hash in the tree, and the event's fields, sealed ones left out."""

    row: StoredRow
    leaf: bytes
    data: dict[str, Any]


def regained(records: Sequence[tuple[int, Record]], codec: Codec) -> dict[int, Regained]:
    """The row of each record, by its position. Raises LedgerAltered: a record is no event of the ledger."""
    events = codec.read_batch([record for _, record in records])
    return {
        position: _regained(position, record, event) for (position, record), event in zip(records, events, strict=True)
    }


def _regained(position: int, record: Record, event: LedgerEvent | NotAnEvent | UnknownSchema) -> Regained:
    where = f"the record of position {position} ({record.topic}/{record.partition} offset {record.offset})"
    try:
        if not isinstance(event, LedgerEvent):
            raise event
        row = (position, event.aggregate_id, event.version, event.type, record.value)
        entry = leaf.entry(position, event.type, event.aggregate_id, event.version, record.value)
    except (NotAnEvent, UnknownSchema, leaf.NotAnEntry):
        raise LedgerAltered(f"{where} is no event of the ledger: it is not restored") from None
    held = dict(record.headers)
    told = (event.aggregate_id.encode(), b"%d" % event.version, event.type.encode())
    if tuple(map(held.get, NAMES)) != told:
        raise LedgerAltered(f"{where} has headers that are not its event's: it is not restored")
    return Regained(row, leaf_hash(entry), event.data)
