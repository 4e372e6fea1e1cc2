"""Turns records of Kafka into rows of the event store again: events, and the records of their commands."""

from collections.abc import Sequence
from typing import Any, Final

from adapters.eventstore.repair import Command
from adapters.eventstore.scan import Row
from domain.errors import LedgerAltered
from domain.proofs import leaf
from schemas.codec import Codec, NotAnEvent
from schemas.event import Record
from schemas.registry import UnknownSchema, registry
from streams.relay.outgoing import NoKeys

NAMES: Final = ("ce_subject", "version", "ce_type")
StoredRow = tuple[int, str, int, str, bytes]
"""Position, aggregate id, version, type, stored bytes."""


def row_of(position: int, record: Record) -> tuple[Row, StoredRow, dict[str, Any]]:
    """A Kafka record as a row, in the tree's form and in the table's, and its fields. Raises LedgerAltered."""
    held = dict(record.headers)
    try:
        aggregate, version, event_type = (held[name].decode() for name in NAMES)
        entry = leaf.entry(position, event_type, aggregate, int(version), record.value)
        schema, data = Codec(registry(), NoKeys()).decode(record.value, int(version), unseal=False)
    except (KeyError, ValueError, NotAnEvent, UnknownSchema):
        raise LedgerAltered(
            f"the record of position {position} ({record.topic}/{record.partition} offset {record.offset}) is no event "
            "of the ledger: it is not restored"
        ) from None
    if (schema.type, data[schema.aggregate]) != (event_type, aggregate):
        raise LedgerAltered(
            f"the record of position {position} ({record.topic}/{record.partition} offset {record.offset}) has headers "
            "that are not its event's: it is not restored"
        )
    heading = entry[: entry.rindex(b"\n") + 1]
    return (heading, record.value), (position, aggregate, int(version), event_type, record.value), data


def commands_of(orphans: Sequence[tuple[int, bytes]]) -> list[Command]:
    """The command records for these events, taken from their envelopes.

    The original answer is not in the log: the record names the aggregates written to, and that it was restored.
    """
    codec = Codec(registry(), NoKeys())
    positions: dict[str, list[int]] = {}
    results: dict[str, dict[str, Any]] = {}
    actors: dict[str, str] = {}
    for position, state in orphans:
        schema, data = codec.decode(state, 1, unseal=False)
        positions.setdefault(data["command_id"], []).append(position)
        actors.setdefault(data["command_id"], data["actor"])
        answer: dict[str, Any] = results.setdefault(data["command_id"], {"restored": True})
        answer.setdefault(schema.type.partition(".")[0], data[schema.aggregate])
    return [Command(one, actors[one], held, results[one]) for one, held in positions.items()]
