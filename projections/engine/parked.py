"""Stores dead letters and parked keys: records a view could not apply, and later ones of the same key.

Written in the transaction that moves the position past the record. A dead letter holds the record byte for byte (its
personal fields are sealed) and a reason with event type, position and error class, never a value.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import Json, execute_values

from postgres import prepared
from schemas.event import Record


class Parked(NamedTuple):
    """A key of one partition whose records are parked. The same key in other topics is not affected."""

    topic: str
    partition: int
    key: bytes


class Letter(NamedTuple):
    """A record that becomes a dead letter."""

    record: Record
    position: int | None
    event_type: str | None
    reason: str

    @property
    def parked(self) -> Parked:
        """The key to park."""
        return Parked(self.record.topic, self.record.partition, self.record.key)


@dataclass(slots=True)
class DeadLetter:
    """A stored dead letter (``streams.processor.view.DeadLetter``). ``position`` and ``event_type`` are None where
    unknown.
    """

    id: int
    view: str
    version: int
    record: Record
    position: int | None
    event_type: str | None
    reason: str
    recorded_at: datetime
    forged: bool


STORED = 'view, version, topic, "partition", "offset", key, value, headers, ledger_position, event_type, reason'
FIELDS = f"id, {STORED}, recorded_at, coalesce(forged, false)"
PARKED_AMONG = """SELECT topic, "partition", key FROM views.parked_key
WHERE view = %s AND version = %s AND key = ANY(%s::bytea[])"""
BURY = f"INSERT INTO views.dead_letter ({STORED}) VALUES %s ON CONFLICT DO NOTHING"
BURY_FORGED = f"INSERT INTO views.dead_letter ({STORED}, forged) VALUES %s ON CONFLICT DO NOTHING"
PARK = 'INSERT INTO views.parked_key (view, version, topic, "partition", key) VALUES %s ON CONFLICT DO NOTHING'


def parked_among(cursor: Cursor, view: str, version: int, records: Iterable[Record]) -> set[Parked]:
    """Which keys of these records are parked."""
    keys = {record.key or b"" for record in records}  # a key may be null if another program wrote the record
    listed = "{" + ",".join(f'"\\\\x{key.hex()}"' for key in keys) + "}"
    prepared.run(cursor, PARKED_AMONG, view, version, listed)
    return {Parked(topic, partition, bytes(key)) for topic, partition, key in cursor}


def store(cursor: Cursor, view: str, version: int, letters: Sequence[Letter]) -> None:
    """Store dead letters and park their keys."""
    rows = [_row(view, version, letter) for letter in letters]
    execute_values(cursor, BURY, rows)
    execute_values(cursor, PARK, [(view, version, *parked) for parked in {letter.parked for letter in letters}])


def store_forged(cursor: Cursor, view: str, version: int, letters: Sequence[Letter]) -> None:
    """Store records that the ledger did not write. Their keys are not parked: the events of those keys go on."""
    rows = [(*_row(view, version, letter), True) for letter in letters]
    execute_values(cursor, BURY_FORGED, rows)


def select(cursor: Cursor, where: str, *parameters: Any) -> list[DeadLetter]:
    """Dead letters that match a condition, optionally with order, limit or lock."""
    cursor.execute(f"SELECT {FIELDS} FROM views.dead_letter WHERE {where}", parameters)
    return [_letter(*row) for row in cursor]


def _row(view: str, version: int, letter: Letter) -> tuple[Any, ...]:
    topic, partition, offset, key, value, headers = letter.record
    packed = Json([_packed(name, content) for name, content in headers])
    return (view, version, topic, partition, offset, key, value, packed, *letter[1:])


def _packed(name: str, content: bytes) -> list[str]:
    """A header as JSON; a name with a NUL, which no JSON of PostgreSQL holds, is in hex too, behind the content."""
    return ["", content.hex(), name.encode().hex()] if "\0" in name else [name, content.hex()]


def _unpacked(name: str, content: str, odd_name: str = "") -> tuple[str, bytes]:
    return bytes.fromhex(odd_name).decode() if odd_name else name, bytes.fromhex(content)


def _letter(
    ident: int,
    view: str,
    version: int,
    topic: str,
    partition: int,
    offset: int,
    key: memoryview,
    value: memoryview,
    headers: list[list[str]],
    *about: Any,
) -> DeadLetter:
    unpacked = tuple(_unpacked(*header) for header in headers)
    record = Record(topic, partition, offset, bytes(key), bytes(value), unpacked)
    return DeadLetter(ident, view, version, record, *about)
