"""Stores how far each version of a view has read each partition, in the same transaction as its rows.

A move states the expected old position. If another worker has moved it meanwhile, no row matches: that worker owns the
partition, and this one must stop (architecture §7.4).
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from psycopg2.extensions import cursor as Cursor

from domain.errors import PartitionLost
from postgres import prepared

SCHEMA = "views"
Partition = tuple[str, int]
"""Topic and partition number."""


class Position(NamedTuple):
    """``next``: the Kafka offset to read next; ``ledger``: ledger position of the last event read."""

    next: int
    ledger: int


class Move(NamedTuple):
    """One partition's step. ``before`` is None if the partition was never read."""

    before: Position | None
    after: Position


READ = 'SELECT topic, "partition", next, ledger_position FROM views.position WHERE view = %s AND version = %s'
LOCK = READ + ' AND topic = %s AND "partition" = %s FOR UPDATE'
GIVEN = 'json_to_recordset(%s) AS m(topic text, "partition" int, expected bigint, next bigint, ledger bigint)'
STEP = f"""UPDATE views.position p SET next = m.next, ledger_position = m.ledger FROM {GIVEN}
WHERE p.view = %s AND p.version = %s AND p.topic = m.topic AND p."partition" = m."partition" AND p.next = m.expected"""
START = f"""INSERT INTO views.position (view, version, topic, "partition", next, ledger_position)
SELECT %s, %s, m.topic, m."partition", m.next, m.ledger FROM {GIVEN} ON CONFLICT DO NOTHING"""


def read(cursor: Cursor, view: str, version: int) -> dict[Partition, Position]:
    """The positions of one version; partitions never read are absent."""
    cursor.execute(READ, (view, version))
    return {(topic, partition): Position(at, ledger) for topic, partition, at, ledger in cursor}


def lock(cursor: Cursor, view: str, version: int, partition: Partition) -> None:
    """Lock a partition until the transaction ends: its worker waits."""
    cursor.execute(LOCK, (view, version, *partition))


def move(cursor: Cursor, view: str, version: int, moves: Mapping[Partition, Move]) -> None:
    """Apply all moves, or raise PartitionLost; then the caller rolls back."""
    steps = {p: m for p, m in moves.items() if m.before is not None}
    starts = {p: m for p, m in moves.items() if m.before is None}
    moved = 0
    if steps:
        prepared.run(cursor, STEP, _document(steps), view, version)
        moved += cursor.rowcount
    if starts:
        cursor.execute(START, (view, version, _document(starts)))
        moved += cursor.rowcount
    if moved < len(moves):
        listed = ", ".join(f"{topic}/{partition}" for topic, partition in sorted(moves))
        raise PartitionLost(
            f"{view} v{version}: another worker has taken over {len(moves) - moved} of {listed}: this worker must stop"
        )


def _document(moves: Mapping[Partition, Move]) -> str:
    return json.dumps(
        [
            {
                "topic": topic,
                "partition": partition,
                "expected": m.before.next if m.before else None,
                "next": m.after.next,
                "ledger": m.after.ledger,
            }
            for (topic, partition), m in moves.items()
        ]
    )
