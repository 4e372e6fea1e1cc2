"""Switches which version of a view readers see (promote, roll back, drop), each in one recorded transaction.

V1  Only a version that is ready is promoted; a rollback returns to the version that was live before.
V2  The live version is not dropped.
V7  A version is promoted once it has read what the live one had read when promotion was asked; or with force.
V8  A version built up to a position is not kept up to date. It is promoted only with force, and is kept up to date from
    then on.
Readers use SQL views in the stable schema. A switch replaces all of them in one transaction, so a reader sees either
version completely; the journal row is written in the same transaction (``switches``). A switch waits for running
readers only briefly: if it cannot lock all views at once it releases those it has and retries, so it neither blocks
readers nor deadlocks with one. The former version becomes ``retired``: its worker keeps running, so a rollback is as
fast as a promotion.
"""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final
from uuid import UUID

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from domain.errors import RuleBroken, StoreAway
from postgres.session import connect
from projections.engine.ddl import if_absent
from projections.engine.rows import quoted
from projections.versions import build_log, catalog, switches
from projections.versions.catalog import ASIDE
from projections.versions.promotable import expected, in_state, live_before, promotable, state_of
from projections.versions.switches import DROPPED, PROMOTED, ROLLED_BACK, Switched

WAIT_MS: Final = (
    50  # well below PostgreSQL's deadlock_timeout of a second: a switch gives up long before a reader would
)
DISCARDED: Final = "discarded"
TIMEOUT_S: Final = 30.0
PAUSE_S: Final = 0.02


class StillLive(RuleBroken):
    """The version is live."""

    rule = "V2"


def promote(
    url: str,
    view: str,
    version: int,
    actor: str,
    *,
    summary: dict[str, Any] | None = None,
    force: bool = False,
    token: UUID | None = None,
) -> Switched:
    """Make a version live; the former one is retired. ``force``: even if it was built up to a position only.

    ``token``: the command id, here and below (idempotency key): the same caller's repeated one returns the
    first answer. Raises NotPromotable, StopsEarly, NotFound, IdTaken (W5), StoreAway.
    """

    def switch(cursor: Cursor) -> Switched:
        former = promotable(cursor, view, version, force=force)
        rules = _rules(cursor, view, version)
        return _switch(cursor, Switched(view, PROMOTED, version, former, actor, summary, rules), "retired")

    return _with_retries(url, switch, token, PROMOTED, actor)


def rollback(url: str, view: str, actor: str, *, token: UUID | None = None) -> Switched:
    """Make the version that was live before live again; the current one becomes ready.

    Raises NotPromotable (there is none), NotFound, StoreAway.
    """

    def switch(cursor: Cursor) -> Switched:
        version = live_before(cursor, view)
        former = expected(cursor, view, version, "retired")
        rules = _rules(cursor, view, version)
        return _switch(cursor, Switched(view, ROLLED_BACK, version, former, actor, None, rules), "ready")

    return _with_retries(url, switch, token, ROLLED_BACK, actor)


def asides(connection: Connection, view: str) -> Sequence[int]:
    """Temporary versions that still exist."""
    return in_state(connection, view, ASIDE)


def drop(url: str, view: str, version: int, actor: str, *, token: UUID | None = None) -> Switched:
    """Remove a version: tables, positions, dead letters. Its worker ends. Raises StillLive, NotFound, StoreAway."""
    return _with_retries(url, lambda cursor: _removed(cursor, view, version, actor, DROPPED), token, DROPPED, actor)


def discard(url: str, view: str, version: int) -> None:
    """Remove a temporary version: like ``drop``, but not recorded."""
    _with_retries(url, lambda cursor: _removed(cursor, view, version, "", DISCARDED))


def _removed(cursor: Cursor, view: str, version: int, actor: str, what: str) -> Switched:
    if state_of(cursor, view, version) == "live":
        raise StillLive(f"{view} v{version} is the live version: promote another version first")
    rules = _rules(cursor, view, version)
    cursor.execute(f"DROP SCHEMA IF EXISTS {quoted(f'{view}_v{version}')} CASCADE")
    build_log.forget(cursor, view, version)
    for table in ("view_version", "position", "dead_letter", "parked_key"):
        cursor.execute(f"DELETE FROM views.{table} WHERE view = %s AND version = %s", (view, version))
    return Switched(view, what, version, None, actor, None, rules)


def _switch(cursor: Cursor, done: Switched, former_becomes: str) -> Switched:
    cursor.execute(
        "UPDATE views.view_version SET state = CASE version WHEN %s THEN 'live' ELSE %s END, until = NULL"
        " WHERE view = %s AND version IN (%s, %s)",
        (done.version, former_becomes, done.view, done.version, done.former),
    )
    cursor.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relkind = 'v' ORDER BY random()",
        (done.view,),
    )
    for (name,) in cursor.fetchall():
        # In another order at each attempt: once the view that readers lock first comes first, they hold no other.
        cursor.execute(f"DROP VIEW {quoted(done.view, name)}")
    schema = f"{done.view}_v{done.version}"
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", (schema,))
    for (name,) in cursor.fetchall():
        cursor.execute(f"CREATE VIEW {quoted(done.view, name)} AS SELECT * FROM {quoted(schema, name)}")
    return done


def _with_retries(
    url: str, work: Callable[[Cursor], Switched], token: UUID | None = None, what: str = DISCARDED, actor: str = ""
) -> Switched:
    """Run the work in one transaction; retry if a lock is not available at once. Raises StoreAway after 30 s."""
    deadline = time.monotonic() + TIMEOUT_S
    with closing(connect(url, "views")) as connection:
        while True:
            try:
                with connection, connection.cursor() as cursor:
                    return _once(cursor, work, token, what, actor)
            except (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected):
                if time.monotonic() > deadline:
                    raise StoreAway(
                        "readers hold locks on the views: nothing was changed; end the longest query and try again"
                    ) from None
                time.sleep(random.uniform(PAUSE_S / 2, PAUSE_S))  # noqa: S311  # so that two do not collide again and again


def _once(cursor: Cursor, work: Callable[[Cursor], Switched], token: UUID | None, what: str, actor: str) -> Switched:
    cursor.execute(f"SET LOCAL lock_timeout = {WAIT_MS}")
    cursor.execute(catalog.LOCK)
    for table in (*switches.METADATA.sorted_tables, *build_log.METADATA.sorted_tables):
        cursor.execute(if_absent(table))
    if token and (known := switches.noted(cursor, token, what, actor)):
        return known
    done = work(cursor)
    if done.what != DISCARDED:
        former_rules = None if done.former is None else _rules(cursor, done.view, done.former)
        return switches.note(cursor, done, former_rules, token)
    return done


def _rules(cursor: Cursor, view: str, version: int) -> dict[str, int]:
    cursor.execute("SELECT rules FROM views.view_version WHERE view = %s AND version = %s", (view, version))
    ((rules,),) = cursor.fetchall()
    return dict(rules)
