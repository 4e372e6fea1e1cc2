"""Which version of a view readers see: promote, roll back, drop. Each is one transaction, and each is written down.

V1  Only a version that is built (``ready``) is promoted; only the one that was live before comes back.
V2  The version that readers see is not dropped.
Readers use the SQL views of the stable schema. A switch replaces all of them in one transaction, so a reader sees one
version or the other, whole. A reader under way is waited for, but only for a moment at a time: a switch that cannot
have all views at once lets go of those it has and tries again, so that it never holds readers up, nor gets into a
deadlock with one. The former version is ``retired``: its worker goes on, so rolling back is as quick as promoting.
"""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import Json
from sqlalchemy import BigInteger, Column, DateTime, Identity, Integer, MetaData, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from domain.errors import NotFound, RuleBroken, StoreAway
from projections import bare_tables, build_log, catalog
from projections.positions import SCHEMA
from projections.reading import fetch
from projections.rows import quoted

METADATA = MetaData(schema=SCHEMA)
SWITCH = Table(
    "switch",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("view", Text, nullable=False),
    Column("what", Text, nullable=False, comment="promoted, rolled_back or dropped"),
    Column("version", Integer, nullable=False, comment="the version that it was done to"),
    Column("former", Integer, comment="the version that was live until then; null: dropped"),
    Column("actor", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("summary", JSONB, comment="counts of what differs, as the operator saw them; null: not asked"),
)

WAIT_MS: Final = (
    50  # well below PostgreSQL's deadlock_timeout of a second: a switch gives way long before a reader would
)
PATIENCE_S: Final = 30.0
PAUSE_S: Final = 0.02


class NotPromotable(RuleBroken):
    """The version is not ready, or there is none to go back to."""

    rule = "V1"


class StillLive(RuleBroken):
    """Readers see the version."""

    rule = "V2"


class Switched(NamedTuple):
    """What was done: from which version readers were taken to which."""

    view: str
    what: str
    version: int
    former: int | None
    actor: str
    summary: dict[str, Any] | None


Hook = Callable[[Cursor, Switched], None]
"""Called in the transaction of a switch, last: what it raises takes the switch back."""


def nothing_more(_: Cursor, __: Switched) -> None:
    """The default hook."""


def candidate(connection: Connection, view: str, version: int | None = None) -> int:
    """That version, or the newest that is ready. Raises NotFound, NotPromotable (it is being built)."""
    if version is not None:
        check_tailed(connection, view, version)
        return version
    found = _versions(connection, view, "ready")
    if not found:
        raise NotFound(f"no version of {view} is ready: run krypton views rebuild {view}")
    return found[-1]


def promote(
    url: str,
    view: str,
    version: int,
    actor: str,
    *,
    summary: dict[str, Any] | None = None,
    hook: Hook = nothing_more,
) -> Switched:
    """Let readers see that version; the one they see now is retired. Raises NotPromotable, NotFound, StoreAway."""

    def switch(cursor: Cursor) -> Switched:
        former = _expected(cursor, view, version, "ready")
        return _switch(cursor, Switched(view, "promoted", version, former, actor, summary), "retired")

    return _patiently(url, switch, hook)


def rollback(url: str, view: str, actor: str, *, hook: Hook = nothing_more) -> Switched:
    """Let readers see the version that was live before; the one they see now is ready again.

    Raises NotPromotable (there is none), NotFound, StoreAway.
    """

    def switch(cursor: Cursor) -> Switched:
        version = _before(cursor, view)
        former = _expected(cursor, view, version, "retired")
        return _switch(cursor, Switched(view, "rolled_back", version, former, actor, None), "ready")

    return _patiently(url, switch, hook)


def drop(url: str, view: str, version: int, actor: str, *, hook: Hook = nothing_more) -> Switched:
    """Remove a version: tables, positions, dead letters. Its worker ends. Raises StillLive, NotFound, StoreAway."""

    def remove(cursor: Cursor) -> Switched:
        if _state(cursor, view, version) == "live":
            raise StillLive(f"{view} v{version} is what readers see: promote another version first")
        cursor.execute(f"DROP SCHEMA IF EXISTS {quoted(f'{view}_v{version}')} CASCADE")
        build_log.forget(cursor, view, version)
        for table in ("view_version", "position", "dead_letter", "parked_key"):
            cursor.execute(f"DELETE FROM views.{table} WHERE view = %s AND version = %s", (view, version))
        return Switched(view, "dropped", version, None, actor, None)

    return _patiently(url, remove, hook)


def switches(connection: Connection, view: str) -> list[dict[str, Any]]:
    """All that was done to a view's versions, oldest first."""
    query = "SELECT what, version, former, actor, at, summary FROM views.switch WHERE view = %(view)s ORDER BY id"
    return fetch(connection, query, view=view)


def tailed(connection: Connection) -> list[tuple[str, int]]:
    """Versions that a worker keeps up to date: live, ready and retired ones. (view, version)"""
    query = "SELECT view, version FROM views.view_version WHERE state <> 'building' ORDER BY view, version"
    return [(row["view"], row["version"]) for row in fetch(connection, query)]


def check_tailed(connection: Connection, view: str, version: int) -> None:
    """Raises NotFound where there is no such version, NotPromotable while it is being built: it has no keys yet."""
    with connection.cursor() as cursor:
        if _state(cursor, view, version) == "building":
            raise NotPromotable(f"{view} v{version} is building: its worker starts when it is ready")


def _switch(cursor: Cursor, done: Switched, former_becomes: str) -> Switched:
    cursor.execute(
        "UPDATE views.view_version SET state = CASE version WHEN %s THEN 'live' ELSE %s END"
        " WHERE view = %s AND version IN (%s, %s)",
        (done.version, former_becomes, done.view, done.version, done.former),
    )
    cursor.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relkind = 'v' ORDER BY random()",
        (done.view,),
    )
    for (name,) in cursor.fetchall():
        # In another order at each attempt: once the view that readers take first comes first, they hold no other.
        cursor.execute(f"DROP VIEW {quoted(done.view, name)}")
    schema = f"{done.view}_v{done.version}"
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", (schema,))
    for (name,) in cursor.fetchall():
        cursor.execute(f"CREATE VIEW {quoted(done.view, name)} AS SELECT * FROM {quoted(schema, name)}")
    return done


def _patiently(url: str, work: Callable[[Cursor], Switched], hook: Hook) -> Switched:
    """Do the work in one transaction, again where a lock cannot be had at once. Raises StoreAway after 30 s."""
    deadline = time.monotonic() + PATIENCE_S
    with closing(psycopg2.connect(url, application_name="krypton views")) as connection:
        while True:
            try:
                with connection, connection.cursor() as cursor:
                    return _once(cursor, work, hook)
            except (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected):
                if time.monotonic() > deadline:
                    raise StoreAway(
                        "readers keep the views busy: nothing was changed, end the longest reader and try again"
                    ) from None
                time.sleep(random.uniform(PAUSE_S / 2, PAUSE_S))  # noqa: S311  # so that two do not meet again and again


def _once(cursor: Cursor, work: Callable[[Cursor], Switched], hook: Hook) -> Switched:
    cursor.execute(f"SET LOCAL lock_timeout = {WAIT_MS}")
    cursor.execute(catalog.LOCK)
    for table in (*METADATA.sorted_tables, *build_log.METADATA.sorted_tables):
        cursor.execute(bare_tables.if_absent(table))
    done = work(cursor)
    cursor.execute(
        "INSERT INTO views.switch (view, what, version, former, actor, summary) VALUES (%s, %s, %s, %s, %s, %s)",
        (done.view, done.what, done.version, done.former, done.actor, done.summary and Json(done.summary)),
    )
    hook(cursor, done)
    return done


def _expected(cursor: Cursor, view: str, version: int, state: str) -> int | None:
    """The version that is live now, if the one to come is in that state. Raises NotPromotable, NotFound."""
    if (found := _state(cursor, view, version)) != state:
        raise NotPromotable(f"{view} v{version} is {found}, not {state}: see krypton views status")
    cursor.execute("SELECT version FROM views.view_version WHERE view = %s AND state = 'live'", (view,))
    live = cursor.fetchone()
    return live[0] if live else None


def _state(cursor: Cursor, view: str, version: int) -> str:
    cursor.execute("SELECT state FROM views.view_version WHERE view = %s AND version = %s", (view, version))
    if (found := cursor.fetchone()) is None:
        raise NotFound(f"no version {version} of {view}: see krypton views status")
    return str(found[0])


def _before(cursor: Cursor, view: str) -> int:
    """The retired version that was live last."""
    cursor.execute(
        "SELECT s.former FROM views.switch s JOIN views.view_version v ON v.view = s.view AND v.version = s.former"
        " WHERE s.view = %s AND v.state = 'retired' ORDER BY s.id DESC LIMIT 1",
        (view,),
    )
    if (found := cursor.fetchone()) is None:
        raise NotPromotable(f"no former version of {view} is kept: nothing to go back to")
    return int(found[0])


def _versions(connection: Connection, view: str, state: str) -> Sequence[int]:
    query = "SELECT version FROM views.view_version WHERE view = %(view)s AND state = %(state)s ORDER BY version"
    return [row["version"] for row in fetch(connection, query, view=view, state=state)]
