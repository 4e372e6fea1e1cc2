"""Stores the events of a transaction, the answers of its commands, and what is looked up of them; in commit order.

One writer is let in at a time before the first insert, so positions are assigned in commit order: a reader that
continues from a position never misses an event that commits later. A lock timeout keeps a stuck writer from blocking
all others. A stamp is the first field of the stored bytes, so where the last event's time is later, it is put in place
of the event's own (T2). All of it is two messages to the server, and the commit: the first one begins the transaction.
What each of them runs is planned once per session: planning cost as much as running it.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from eventsourcing.persistence import IntegrityError, StoredEvent

from adapters.eventstore import decision_tables
from adapters.eventstore.stamps import CLOCK, LAST_AT, NOTE_LAST, not_before_last, read_stamp
from adapters.eventstore.tables import CHANNEL, EVENTS, FOLDED, FOLDED_TYPES, LOCK_TIMEOUT_MS, ONE_WRITER
from domain.decision_tables import Change
from domain.errors import CommandRepeated, KeysLost
from domain.ports import Basis, CommandRecord
from postgres import prepared

STORE = f"""INSERT INTO {EVENTS} (originator_id, originator_version, topic, state)
SELECT id, version, topic, {not_before_last("state", "own.at")}
FROM (SELECT %s::bigint AS at) own,
    unnest(%s::uuid[], %s::bigint[], %s::text[], %s::bytea[]) WITH ORDINALITY AS new (id, version, topic, state, place)
ORDER BY place RETURNING id, {LAST_AT}"""
"""The order of places is the one in which ids are assigned."""


def begin() -> str:
    """SQL that begins the transaction and locks out other writers, or gives up.

    What follows sees what was stored before: each of its statements has a snapshot of its own.
    """
    begun = f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"
    return f"{begun}; {ONE_WRITER}; {NOTE_LAST};"


def record(held: str) -> str:
    """How commands are recorded; ``held``: SQL of how many of the keys the vault has."""
    return f"""INSERT INTO ledger.command (command_id, actor, kind, positions, result)
SELECT id, actor, kind, positions::bigint[], result::jsonb
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[]) AS new (id, actor, kind, positions, result)
ON CONFLICT DO NOTHING RETURNING {CLOCK}, (SELECT count(*) {held} WHERE subject = ANY(%s::uuid[]))"""


WITHOUT_KEYS = record("FROM (SELECT NULL::uuid AS subject) AS none")
HOLDING_KEYS = record("FROM vault.subject_key")
# Asked under the lock: what was stored after it was read. Ids grow in commit order, so what is stored now comes later.
NEWER = f"""SELECT 1 FROM {EVENTS} WHERE id > %s AND id < %s AND topic IN ({FOLDED})
UNION ALL SELECT 1 FROM unnest(%s::uuid[], %s::bigint[]) AS read (id, version)
JOIN {EVENTS} e ON e.originator_id = read.id AND e.originator_version = read.version + 1 AND e.id < %s LIMIT 1"""


def inserted(cursor: Any, stored_events: Sequence[StoredEvent], basis: Basis | None) -> tuple[list[int], int]:
    """The positions of the events, and the stamp of the last one, 0 where there is none. Raises IntegrityError."""
    if not stored_events:
        cursor.execute("BEGIN")
        return [], 0
    at = read_stamp(stored_events[0].state)  # the same of all events of a transaction
    rows = [(str(e.originator_id), e.originator_version, e.topic, e.state) for e in stored_events]
    execute = prepared.execution(cursor, STORE)
    cursor.execute(begin() + execute, (at, *_columns(rows)))
    stored = cursor.fetchall()
    positions = [position for position, _ in stored]
    if basis:
        ids, versions = [str(each) for each in basis.read], list(basis.read.values())
        cursor.execute(NEWER, (basis.upto, min(positions), ids, versions, min(positions)))
        if cursor.fetchone():
            raise IntegrityError("what the decision rests on was changed first")
    return positions, max(at, stored[-1][1])


def looked_up(
    cursor: Any, stored_events: Sequence[StoredEvent], positions: Sequence[int], changes: Sequence[tuple[int, Change]]
) -> str:
    """SQL that changes what is looked up; empty where nothing does."""
    reached = [at for at, event in zip(positions, stored_events, strict=True) if event.topic in FOLDED_TYPES]
    if not reached:
        return ""
    asked = decision_tables.statements((positions[place], change) for place, change in changes)
    asked.append(decision_tables.Statement(decision_tables.GONE_ON, (reached[-1], positions[0])))
    return "".join(f"{cursor.mogrify(*one).decode()};\n" for one in asked)


def recorded(
    cursor: Any, positions: Sequence[int], commands: Sequence[CommandRecord], looked_up: str, keys: Collection[str]
) -> int | None:
    """Record the commands, and what is looked up, in one message; returns the store's clock. Raises CommandRepeated,
    KeysLost, so that nothing is stored.
    """
    if not commands:
        return None
    left = iter(positions)
    answered = [
        (str(c.command_id), *c.asker, _array(next(left) for _ in range(c.events)), json.dumps(dict(c.result)))
        for c in commands
    ]
    execute = prepared.execution(cursor, HOLDING_KEYS if keys else WITHOUT_KEYS)
    asked = cursor.mogrify(execute, (*_columns(answered), list(keys))).decode()
    cursor.execute(f"NOTIFY {CHANNEL}; {looked_up}{asked}")
    stored = cursor.fetchall()
    if len(stored) != len(answered):
        raise CommandRepeated
    if stored[0][1] != len(keys):
        raise KeysLost("the vault's server crashed meanwhile and took keys back: to be sealed again")
    return int(stored[0][0])


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _array(numbers: Iterable[int]) -> str:
    """As PostgreSQL writes it: arrays of different lengths are no array of arrays."""
    return "{" + ",".join(map(str, numbers)) + "}"
