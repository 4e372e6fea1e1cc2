"""Stores the events of a transaction, the answers of its commands, and what is looked up of them; in commit order.

The table is locked before the first insert, so positions are assigned in commit order: a reader that continues from a
position never misses an event that commits later. A lock timeout keeps a stuck writer from blocking all others. A stamp
is the first field of the stored bytes, so where the last event's time is later, it is put in place of the event's own
(T2). All of it is two messages to the server.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any

from eventsourcing.persistence import IntegrityError, StoredEvent
from psycopg2.extras import execute_values

from adapters.eventstore import decision_tables
from adapters.eventstore.stamps import CLOCK, LAST_AT, NOTE_LAST, not_before_last, read_stamp
from adapters.eventstore.tables import CHANNEL, EVENTS, FOLDED, FOLDED_TYPES, LOCK_TIMEOUT_MS
from domain.decision_tables import Change
from domain.errors import CommandRepeated, KeysLost
from domain.ports import Basis, CommandRecord


def insert(at: int) -> str:
    """One message to the server: lock, then insert events that are stamped with ``at``.

    A sorted subquery keeps the order in which ids are assigned.
    """
    return f"""SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; LOCK TABLE {EVENTS} IN EXCLUSIVE MODE; {NOTE_LAST};
INSERT INTO {EVENTS} (originator_id, originator_version, topic, state)
SELECT id::uuid, version, topic, {not_before_last("state", at)}
FROM (VALUES %s) AS new (place, id, version, topic, state)
ORDER BY place RETURNING id, {LAST_AT}"""


COMMANDS = f"""NOTIFY {CHANNEL};
INSERT INTO ledger.command (command_id, actor, kind, positions, result) VALUES %s ON CONFLICT DO NOTHING
RETURNING {CLOCK}, """
HELD = "(SELECT count(*) FROM vault.subject_key WHERE subject = ANY(%s::uuid[]))"
# Asked under the lock: what was stored after it was read. Ids grow in commit order, so what is stored now comes later.
NEWER = f"""SELECT 1 FROM {EVENTS} WHERE id > %s AND id < %s AND topic IN ({FOLDED})
UNION ALL SELECT 1 FROM unnest(%s::uuid[], %s::bigint[]) AS read (id, version)
JOIN {EVENTS} e ON e.originator_id = read.id AND e.originator_version = read.version + 1 AND e.id < %s LIMIT 1"""
PAGE = 1_000


def inserted(cursor: Any, stored_events: Sequence[StoredEvent], basis: Basis | None) -> tuple[list[int], int]:
    """The positions of the events, and the stamp of the last one, 0 where there is none. Raises IntegrityError."""
    rows = [
        (place, str(e.originator_id), e.originator_version, e.topic, e.state) for place, e in enumerate(stored_events)
    ]
    at = read_stamp(stored_events[0].state) if stored_events else 0  # the same of all events of a transaction
    stored = execute_values(cursor, insert(at), rows, page_size=PAGE, fetch=True)
    positions = [position for position, _ in stored]
    if basis and stored_events:
        ids, versions = [str(each) for each in basis.read], list(basis.read.values())
        cursor.execute(NEWER, (basis.upto, min(positions), ids, versions, min(positions)))
        if cursor.fetchone():
            raise IntegrityError("what the decision rests on was changed first")
    return positions, max(at, stored[-1][1]) if stored else 0


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
    left = iter(positions)
    answered = [
        (str(c.command_id), *c.asker, [next(left) for _ in range(c.events)], json.dumps(dict(c.result)))
        for c in commands
    ]
    template = "(%s, %s, %s, %s::bigint[], %s)"
    held = cursor.mogrify(HELD, (list(keys),)).decode() if keys else "0"
    message = looked_up.replace("%", "%%") + COMMANDS + held
    stored = execute_values(cursor, message, answered, template, page_size=PAGE, fetch=True)
    if len(stored) != len(answered):
        raise CommandRepeated
    if stored and stored[0][1] != len(keys):
        raise KeysLost("the vault's server crashed meanwhile and took keys back: to be sealed again")
    return stored[0][0] if stored else None
