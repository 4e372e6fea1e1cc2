"""Queries of the event store for auditors: events of given aggregates, events that mention an id, and times.

All run on the caller's connection, so that several queries share one snapshot. Ids are text in the stored bytes (Avro
strings), so PostgreSQL can search for them without decoding.
"""

from collections.abc import Callable, Collection
from itertools import chain, repeat
from typing import Any, Final, NamedTuple

from psycopg2.extensions import connection as Connection

from adapters.eventstore.tables import ERASURES, EVENTS, MOVED, OPENED, WITHDRAWN
from postgres import prepared

DISORDER_US: Final = 60_000_000
"""How far recorded times may go backwards between events: a command is stamped when it decides and stored in its
turn, well within a minute."""
PAGES: Final = (10, 100, 1_000, 10_000)
"""Events read at a time, going backwards; the last size from then on."""
COLUMNS: Final = "id, originator_id::text, originator_version, topic, state"
SPEAKS: Final = "EXISTS (SELECT FROM unnest(%(ids)s::text[]) AS named WHERE position(named::bytea IN state) > 0)"
NAMED: Final = "EXISTS (SELECT FROM unnest(%s::text[]) AS named WHERE position(named::bytea IN state) > 0)"
LATELY_OPENED: Final = f"""SELECT originator_id::text FROM {EVENTS}
WHERE topic IN ({OPENED}) AND id > (SELECT max(id) FROM {EVENTS}) - %s::bigint
  AND {NAMED} AND (%s::boolean OR {NAMED}) ORDER BY id"""
STAMP: Final = "substring(state FROM 6 FOR 10)"  # recorded_at, the first field of every event; at most 10 bytes


class StoredEvent(NamedTuple):
    """One row of the event store. ``state``: the same bytes as on Kafka."""

    position: int
    aggregate_id: str
    version: int
    type: str
    state: bytes


def events_of(connection: Connection, aggregates: Collection[str], upto: int) -> list[StoredEvent]:
    """All events of these aggregates up to a position, in ledger order."""
    where = "originator_id = ANY(%(ids)s::uuid[]) AND id <= %(upto)s"
    return _select(connection, where, ids=list(aggregates), upto=upto)


def speaking_of(
    connection: Connection, ids: Collection[str], after: int, upto: int, types: str = "%"
) -> list[StoredEvent]:
    """Events in (``after``, ``upto``] that contain one of these ids. ``types``: a LIKE pattern.

    Scans all events between the two: half a second per million.
    """
    where = f"id > %(after)s AND id <= %(upto)s AND topic LIKE %(types)s AND {SPEAKS}"
    return _select(connection, where, ids=list(ids), after=after, upto=upto, types=types)


def moves_speaking_of(connection: Connection, ids: Collection[str], upto: int) -> list[StoredEvent]:
    """Reassignments of studies and orders up to a position that contain one of these ids, from their own index."""
    return _select(connection, f"topic IN ({MOVED}) AND id <= %(upto)s AND {SPEAKS}", ids=list(ids), upto=upto)


def opened_speaking_of(
    connection: Connection, ids: Collection[str], lately: int, about: Collection[str] | None = None
) -> list[str]:
    """Accesses opened within the last ``lately`` positions that hold one of these ids; from an index of their own.

    ``about``: of these, those that hold one of these identities, too.
    """
    with connection.cursor() as cursor:
        prepared.by_index(cursor, LATELY_OPENED, lately, list(ids), about is None, list(about or ()))
        return [opened for (opened,) in cursor.fetchall()]


def withdrawn(connection: Connection, studies: Collection[str], upto: int) -> set[str]:
    """Those of these studies that were withdrawn by a position; from an index of their own."""
    where = f"topic IN ({WITHDRAWN}) AND originator_id = ANY(%(ids)s::uuid[]) AND id <= %(upto)s"
    return {one for (one,) in _rows(connection, f"SELECT originator_id::text FROM {EVENTS} WHERE {where}",
                                    ids=list(studies), upto=upto)}  # fmt: skip


def versions_of(connection: Connection, aggregates: Collection[str]) -> dict[tuple[str, int], int]:
    """Aggregate and version of each event of these aggregates, to its position."""
    where = "originator_id = ANY(%(ids)s::uuid[])"
    found = _rows(connection, f"SELECT originator_id::text, originator_version, id FROM {EVENTS} WHERE {where}",
                  ids=list(aggregates))  # fmt: skip
    return {(aggregate, version): position for aggregate, version, position in found}


def erasures(connection: Connection) -> list[str]:
    """Ids of the erasures that were requested or held, and are not completed, in ledger order of their last step."""
    last = f"""SELECT DISTINCT ON (originator_id) originator_id::text, topic, id FROM {EVENTS}
        WHERE topic IN ({ERASURES}) ORDER BY originator_id, id DESC"""
    found = _rows(connection, f"SELECT * FROM ({last}) AS last WHERE topic <> 'erasure.completed' ORDER BY id")
    return [erasure for erasure, *_ in found]


def head(connection: Connection) -> int:
    """The last position; 0 in an empty ledger."""
    return int(_one(connection, f"SELECT coalesce(max(id), 0) FROM {EVENTS}"))


def recorded_at(connection: Connection, position: int) -> int | None:
    """When the event at a position was recorded (microseconds since 1970, UTC); None if there is none."""
    stamp = _one(connection, f"SELECT {STAMP} FROM {EVENTS} WHERE id = %(at)s", at=position)
    return None if stamp is None else first_long(bytes(stamp))


def last_at(connection: Connection, moment: int) -> int:
    """The last position recorded at or before a time (microseconds since 1970, UTC); 0 if there is none.

    Times grow with positions except for ``DISORDER_US``: after the first event that is later by more than that none is
    earlier, so the search runs backwards from there.
    """
    low, high = 0, head(connection) + 1
    while high - low > 1:
        middle = (low + high) // 2
        found = _stamped(connection, "id >= %(at)s ORDER BY id LIMIT 1", at=middle)
        if found and found[0][1] <= moment + DISORDER_US:
            low = max(middle, found[0][0])
        else:
            high = middle
    for most in chain(PAGES, repeat(PAGES[-1])):
        page = _stamped(connection, f"id <= %(at)s ORDER BY id DESC LIMIT {most}", at=low)
        if not page:
            break
        for position, stamp in page:
            if stamp <= moment:
                return position
        low = page[-1][0] - 1
    return 0


def first_long(raw: bytes) -> int:
    """The Avro long at the start of these bytes (zigzag, seven bits per byte, lowest first)."""
    value = shift = 0
    for byte in raw:
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return (value >> 1) ^ -(value & 1)


def _stamped(connection: Connection, where: str, at: int) -> list[tuple[int, int]]:
    rows = _rows(connection, f"SELECT id, {STAMP} FROM {EVENTS} WHERE {where}", at=at)
    return [(position, first_long(bytes(stamp))) for position, stamp in rows]


def _select(connection: Connection, where: str, **named: Any) -> list[StoredEvent]:
    rows = _rows(connection, f"SELECT {COLUMNS} FROM {EVENTS} WHERE {where} ORDER BY id", **named)
    make: Callable[..., StoredEvent] = StoredEvent
    return [
        make(position, aggregate, version, type_, bytes(state)) for position, aggregate, version, type_, state in rows
    ]


def _one(connection: Connection, sql: str, **named: Any) -> Any:
    rows = _rows(connection, sql, **named)
    return rows[0][0] if rows else None


def _rows(connection: Connection, sql: str, **named: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, named)
        return list(cursor.fetchall())
