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

from domain.errors import NotFound, RuleBroken, StoreAway
from postgres.session import connect
from projections.engine.ddl import if_absent
from projections.engine.query import fetch
from projections.engine.rows import quoted
from projections.versions import build_log, catalog, switches
from projections.versions.catalog import ASIDE, BUILDING
from projections.versions.switches import DROPPED, PROMOTED, ROLLED_BACK, Switched

WAIT_MS: Final = (
    50  # well below PostgreSQL's deadlock_timeout of a second: a switch gives up long before a reader would
)
DISCARDED: Final = "discarded"
TIMEOUT_S: Final = 30.0
PAUSE_S: Final = 0.02


class NotPromotable(RuleBroken):
    """The version is not ready, or there is none to roll back to."""

    rule = "V1"


class StillLive(RuleBroken):
    """The version is live."""

    rule = "V2"


class Behind(RuleBroken):
    """The version has not read all that the live one has."""

    rule = "V7"


class StopsEarly(RuleBroken):
    """The version was built up to a position only."""

    rule = "V8"


def candidate(connection: Connection, view: str, version: int | None = None) -> int:
    """The given version, by default the newest that is ready. Raises NotFound, NotPromotable (still being built)."""
    if version is not None:
        check_built(connection, view, version)
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
    force: bool = False,
    token: UUID | None = None,
) -> Switched:
    """Make a version live; the former one is retired. ``force``: even if it was built up to a position only.

    ``token``: the command id, here and below (idempotency key): the same caller's repeated one returns the
    first answer. Raises NotPromotable, StopsEarly, NotFound, IdTaken (W5), StoreAway.
    """

    def switch(cursor: Cursor) -> Switched:
        former = _promotable(cursor, view, version, force)
        rules = _rules(cursor, view, version)
        return _switch(cursor, Switched(view, PROMOTED, version, former, actor, summary, rules), "retired")

    return _with_retries(url, switch, token, PROMOTED, actor)


def rollback(url: str, view: str, actor: str, *, token: UUID | None = None) -> Switched:
    """Make the version that was live before live again; the current one becomes ready.

    Raises NotPromotable (there is none), NotFound, StoreAway.
    """

    def switch(cursor: Cursor) -> Switched:
        version = _before(cursor, view)
        former = _expected(cursor, view, version, "retired")
        rules = _rules(cursor, view, version)
        return _switch(cursor, Switched(view, ROLLED_BACK, version, former, actor, None, rules), "ready")

    return _with_retries(url, switch, token, ROLLED_BACK, actor)


def asides(connection: Connection, view: str) -> Sequence[int]:
    """Temporary versions that still exist."""
    return _versions(connection, view, ASIDE)


def drop(url: str, view: str, version: int, actor: str, *, token: UUID | None = None) -> Switched:
    """Remove a version: tables, positions, dead letters. Its worker ends. Raises StillLive, NotFound, StoreAway."""
    return _with_retries(url, lambda cursor: _removed(cursor, view, version, actor, DROPPED), token, DROPPED, actor)


def discard(url: str, view: str, version: int) -> None:
    """Remove a temporary version: like ``drop``, but not recorded."""
    _with_retries(url, lambda cursor: _removed(cursor, view, version, "", DISCARDED))


def check_promotable(connection: Connection, view: str, version: int, *, force: bool = False) -> None:
    """Raises NotPromotable, StopsEarly (unless ``force``), NotFound."""
    with connection.cursor() as cursor:
        _promotable(cursor, view, version, force)


def check_built(connection: Connection, view: str, version: int) -> None:
    """Raises NotFound if there is no such version, NotPromotable while it is being built: it has no keys yet."""
    with connection.cursor() as cursor:
        if (state := _state(cursor, view, version)) in (BUILDING, ASIDE):
            raise NotPromotable(f"{view} v{version} is {state}: a worker starts when it is ready")


def _removed(cursor: Cursor, view: str, version: int, actor: str, what: str) -> Switched:
    if _state(cursor, view, version) == "live":
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


def _expected(cursor: Cursor, view: str, version: int, state: str) -> int | None:
    """The current live version, if the target is in that state. Raises NotPromotable, NotFound."""
    if (found := _state(cursor, view, version)) != state:
        raise NotPromotable(f"{view} v{version} is {found}, not {state}: see krypton views status")
    cursor.execute("SELECT version FROM views.view_version WHERE view = %s AND state = 'live'", (view,))
    live = cursor.fetchone()
    return live[0] if live else None


def _promotable(cursor: Cursor, view: str, version: int, force: bool) -> int | None:
    """The current live version. Raises as ``check_promotable``."""
    former = _expected(cursor, view, version, "ready")
    if not force and (until := until_of(cursor, view, version)) is not None:
        raise StopsEarly(
            f"{view} v{version} was built up to position {until}, and readers would lose later events: promote it "
            "with --force; it is then kept up to date"
        )
    return former


def until_of(cursor: Cursor, view: str, version: int) -> int | None:
    """The last ledger position of the version; None if it is kept up to date."""
    cursor.execute("SELECT until FROM views.view_version WHERE view = %s AND version = %s", (view, version))
    found: tuple[int | None] | None = cursor.fetchone()
    return found[0] if found else None


def _state(cursor: Cursor, view: str, version: int) -> str:
    cursor.execute("SELECT state FROM views.view_version WHERE view = %s AND version = %s", (view, version))
    if (found := cursor.fetchone()) is None:
        raise NotFound(f"no version {version} of {view}: see krypton views status")
    return str(found[0])


def _rules(cursor: Cursor, view: str, version: int) -> dict[str, int]:
    cursor.execute("SELECT rules FROM views.view_version WHERE view = %s AND version = %s", (view, version))
    ((rules,),) = cursor.fetchall()
    return dict(rules)


def _before(cursor: Cursor, view: str) -> int:
    """The retired version that was live last."""
    cursor.execute(
        "SELECT s.former FROM views.switch s JOIN views.view_version v ON v.view = s.view AND v.version = s.former"
        " WHERE s.view = %s AND v.state = 'retired' ORDER BY s.id DESC LIMIT 1",
        (view,),
    )
    if (found := cursor.fetchone()) is None:
        raise NotPromotable(f"no former version of {view} is kept: there is nothing to roll back to")
    return int(found[0])


def _versions(connection: Connection, view: str, state: str) -> Sequence[int]:
    query = "SELECT version FROM views.view_version WHERE view = %(view)s AND state = %(state)s ORDER BY version"
    return [row["version"] for row in fetch(connection, query, view=view, state=state)]
