"""Lists and replays the dead letters of a view."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from domain.errors import NotFound
from projections.engine import parked, positions, replays
from projections.engine.fold import fold_carefully, read
from projections.engine.parked import DeadLetter, Parked
from projections.engine.projection import Projection, schema_of
from projections.engine.rows import LiveRows, tables_sql
from schemas.codec import Codec
from schemas.event import Record

UNPARK = """DELETE FROM views.parked_key
WHERE view = %s AND version = %s AND topic = %s AND "partition" = %s AND key = %s"""
REPLAYED = "UPDATE views.dead_letter SET replayed_at = now() WHERE id = ANY(%s)"
OF_KEY = """view = %s AND version = %s AND topic = %s AND "partition" = %s AND key = %s AND replayed_at IS NULL
AND forged IS NOT TRUE ORDER BY "offset" """
NAMED = """SELECT named, letter.id, letter.view, letter.version FROM unnest(%s::text[]) AS named
JOIN views.dead_letter letter ON position(convert_to(named, 'UTF8') IN letter.value) > 0
JOIN views.view_version existing ON (existing.view, existing.version) = (letter.view, letter.version)
WHERE letter.replayed_at IS NULL AND letter.forged IS NOT TRUE ORDER BY letter.id"""


class Waiting(NamedTuple):
    """A dead letter that waits: its number, and in which version of which view."""

    id: int
    view: str
    version: int


class ReplayFailed(Exception):
    """A dead letter still cannot be applied; nothing was changed. The message says which and why, without values of the
    event.
    """


def waiting(connection: Connection, view: str | None = None) -> list[DeadLetter]:
    """Dead letters not yet replayed, oldest first; of one view or of all."""
    with connection.cursor() as cursor:
        return parked.select(cursor, "replayed_at IS NULL AND (%s::text IS NULL OR view = %s) ORDER BY id", view, view)


def to_publish_again(connection: Connection) -> None:
    """Those that wait count as not on their topic, which was made again: the table has them all."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE views.dead_letter SET published_at = NULL WHERE replayed_at IS NULL")


def show(connection: Connection, ident: int) -> DeadLetter:
    """One dead letter, replayed or not. Raises NotFound."""
    with connection.cursor() as cursor:
        if found := parked.select(cursor, "id = %s", ident):
            return found[0]
    raise NotFound(f"no dead letter {ident}: see krypton dead-letters list")


def beside(connection: Connection, letter: DeadLetter) -> list[DeadLetter]:
    """All that wait under a letter's key, in order: what a replay of it applies."""
    record = letter.record
    with connection.cursor() as cursor:
        return parked.select(cursor, OF_KEY, letter.view, letter.version, record.topic, record.partition, record.key)


def named(connection: Connection, ids: Collection[str]) -> dict[str, list[Waiting]]:
    """The records that wait in any version of a view, by those of these ids that stand in them: they are text in a
    record's bytes.
    """
    found: dict[str, list[Waiting]] = {}
    with connection.cursor() as cursor:
        cursor.execute(NAMED, (list(ids),))
        for name, *letter in cursor:
            found.setdefault(name, []).append(Waiting(*letter))
    return found


def replay(
    connection: Connection,
    projection: Projection,
    codec: Codec,
    *,
    key: bytes | None = None,
    ident: int | None = None,
    by: replays.Asked | None = None,
    then: Callable[[Cursor, Sequence[Record]], None] = lambda *_: None,
) -> int:
    """Apply all events parked under one key, in order, and unpark the key; returns how many were applied.

    Give the ``key``, or one of its letters by ``ident``. One transaction, during which the partition's worker waits.
    ``by``: who asks, and the command id; a repeated id returns the first answer. ``then``: what belongs to the same
    transaction, once these records are applied. Raises NotFound, ReplayFailed.
    """
    with connection, connection.cursor() as cursor:
        if by and (known := replays.answered(cursor, by)) is not None:
            return known
        keys = _keys(cursor, projection, key, ident)
        applied = [record for one in keys for record in _replay_key(cursor, projection, codec, one)]
        then(cursor, applied)
        if by:
            replays.note(cursor, by, ident, len(applied))
        return len(applied)


def _keys(cursor: Cursor, projection: Projection, key: bytes | None, ident: int | None) -> Sequence[Parked]:
    """The parked keys that match; a key may be parked in several topics."""
    where = "view = %s AND version = %s AND replayed_at IS NULL AND (key = %s OR id = %s) ORDER BY id"
    letters = parked.select(cursor, where, projection.name, projection.version, key, ident)
    if forged := next((one for one in letters if one.forged and one.id == ident), None):
        raise ReplayFailed(
            f"the ledger did not write dead letter {ident}, so it is never applied: krypton recover "
            f"{forged.record.topic} builds the topic again without it"
        )
    letters = [one for one in letters if not one.forged]
    if not letters:
        raise NotFound(
            f"nothing waits in {projection.name} v{projection.version} under that key or number: "
            "see krypton dead-letters list"
        )
    return sorted({Parked(one.record.topic, one.record.partition, one.record.key) for one in letters})


def _replay_key(cursor: Cursor, projection: Projection, codec: Codec, waits: Parked) -> list[Record]:
    view = projection.name, projection.version
    positions.lock(cursor, *view, waits[:2])
    letters = parked.select(cursor, OF_KEY, *view, *waits)
    records = [letter.record for letter in letters]
    reads = read(codec, records)
    rows = LiveRows(cursor, tables_sql(projection.tables, schema_of(projection)))
    if failed := fold_carefully(projection, reads, rows, (), cursor):
        raise ReplayFailed(f"{failed[0].reason}: nothing was changed; fix the cause and replay again")
    cursor.execute(REPLAYED, ([letter.id for letter in letters],))
    cursor.execute(UNPARK, (*view, *waits))
    return records
