"""Which version of a view readers see: promote, roll back, drop. Each is one transaction, and each is written down.

V1  Only a version that is built (``ready``) is promoted; only the one that was live before comes back.
V2  The version that readers see is not dropped.
V7  A version is promoted once it has read what the live one had read when that was asked; or by force.
V8  A version that was built up to a position is not kept up to date, and is promoted by force alone: then it is.
Readers use the SQL views of the stable schema. A switch replaces all of them in one transaction, so a reader sees one
version or the other, whole; it is noted in the same transaction (``switches``). A reader under way is waited for, but
only for a moment at a time: a switch that cannot have all views at once lets go of those it has and tries again, so
that it never holds readers up, nor gets into a deadlock with one. The former version is ``retired``: its worker goes
on, so rolling back is as quick as promoting.
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
from projections.engine.reading import fetch
from projections.engine.rows import quoted
from projections.versions import bare_tables, build_log, catalog, switches
from projections.versions.catalog import ASIDE, BUILDING
from projections.versions.switches import DROPPED, PROMOTED, ROLLED_BACK, Switched

WAIT_MS: Final = (
    50  # well below PostgreSQL's deadlock_timeout of a second: a switch gives way long before a reader would
)
DISCARDED: Final = "discarded"
PATIENCE_S: Final = 30.0
PAUSE_S: Final = 0.02


class NotPromotable(RuleBroken):
    """The version is not ready, or there is none to go back to."""

    rule = "V1"


class StillLive(RuleBroken):
    """Readers see the version."""

    rule = "V2"


class Behind(RuleBroken):
    """The version has not read what readers see already."""

    rule = "V7"


class StopsEarly(RuleBroken):
    """The version was to stop at a position."""

    rule = "V8"


def candidate(connection: Connection, view: str, version: int | None = None) -> int:
    """That version, or the newest that is ready. Raises NotFound, NotPromotable (it is being built)."""
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
    """Let readers see that version; the one they see now is retired. ``force``: though it was to stop at a position.

    ``token``: the id of the command that asks, here and below; repeated, it answers as the first time. Raises
    NotPromotable, StopsEarly, NotFound, StoreAway.
    """

    def switch(cursor: Cursor) -> Switched:
        former = _promotable(cursor, view, version, force)
        rules = _rules(cursor, view, version)
        return _switch(cursor, Switched(view, PROMOTED, version, former, actor, summary, rules), "retired")

    return _patiently(url, switch, token)


def rollback(url: str, view: str, actor: str, *, token: UUID | None = None) -> Switched:
    """Let readers see the version that was live before; the one they see now is ready again.

    Raises NotPromotable (there is none), NotFound, StoreAway.
    """

    def switch(cursor: Cursor) -> Switched:
        version = _before(cursor, view)
        former = _expected(cursor, view, version, "retired")
        rules = _rules(cursor, view, version)
        return _switch(cursor, Switched(view, ROLLED_BACK, version, former, actor, None, rules), "ready")

    return _patiently(url, switch, token)


def asides(connection: Connection, view: str) -> Sequence[int]:
    """Versions that were built to be looked at only, and are still there."""
    return _versions(connection, view, ASIDE)


def drop(url: str, view: str, version: int, actor: str, *, token: UUID | None = None) -> Switched:
    """Remove a version: tables, positions, dead letters. Its worker ends. Raises StillLive, NotFound, StoreAway."""
    return _patiently(url, lambda cursor: _removed(cursor, view, version, actor, DROPPED), token)


def discard(url: str, view: str, version: int) -> None:
    """Remove a version that nobody was to see: as ``drop``, but nothing is written down."""
    _patiently(url, lambda cursor: _removed(cursor, view, version, "", DISCARDED))


def check_promotable(connection: Connection, view: str, version: int, *, force: bool = False) -> None:
    """Raises NotPromotable, StopsEarly (not with ``force``), NotFound."""
    with connection.cursor() as cursor:
        _promotable(cursor, view, version, force)


def check_built(connection: Connection, view: str, version: int) -> None:
    """Raises NotFound where there is no such version, NotPromotable while it is being built: it has no keys yet."""
    with connection.cursor() as cursor:
        if (state := _state(cursor, view, version)) in (BUILDING, ASIDE):
            raise NotPromotable(f"{view} v{version} is {state}: a worker starts when it is ready")


def _removed(cursor: Cursor, view: str, version: int, actor: str, what: str) -> Switched:
    if _state(cursor, view, version) == "live":
        raise StillLive(f"{view} v{version} is what readers see: promote another version first")
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
        # In another order at each attempt: once the view that readers take first comes first, they hold no other.
        cursor.execute(f"DROP VIEW {quoted(done.view, name)}")
    schema = f"{done.view}_v{done.version}"
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", (schema,))
    for (name,) in cursor.fetchall():
        cursor.execute(f"CREATE VIEW {quoted(done.view, name)} AS SELECT * FROM {quoted(schema, name)}")
    return done


def _patiently(url: str, work: Callable[[Cursor], Switched], token: UUID | None = None) -> Switched:
    """Do the work in one transaction, again where a lock cannot be had at once. Raises StoreAway after 30 s."""
    deadline = time.monotonic() + PATIENCE_S
    with closing(psycopg2.connect(url, application_name="krypton views")) as connection:
        while True:
            try:
                with connection, connection.cursor() as cursor:
                    return _once(cursor, work, token)
            except (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected):
                if time.monotonic() > deadline:
                    raise StoreAway(
                        "readers keep the views busy: nothing was changed, end the longest reader and try again"
                    ) from None
                time.sleep(random.uniform(PAUSE_S / 2, PAUSE_S))  # noqa: S311  # so that two do not meet again and again


def _once(cursor: Cursor, work: Callable[[Cursor], Switched], token: UUID | None) -> Switched:
    cursor.execute(f"SET LOCAL lock_timeout = {WAIT_MS}")
    cursor.execute(catalog.LOCK)
    for table in (*switches.METADATA.sorted_tables, *build_log.METADATA.sorted_tables):
        cursor.execute(bare_tables.if_absent(table))
    if token and (known := switches.noted(cursor, token)):
        return known
    done = work(cursor)
    if done.what != DISCARDED:
        former_rules = None if done.former is None else _rules(cursor, done.view, done.former)
        return switches.note(cursor, done, former_rules, token)
    return done


def _expected(cursor: Cursor, view: str, version: int, state: str) -> int | None:
    """The version that is live now, if the one to come is in that state. Raises NotPromotable, NotFound."""
    if (found := _state(cursor, view, version)) != state:
        raise NotPromotable(f"{view} v{version} is {found}, not {state}: see krypton views status")
    cursor.execute("SELECT version FROM views.view_version WHERE view = %s AND state = 'live'", (view,))
    live = cursor.fetchone()
    return live[0] if live else None


def _promotable(cursor: Cursor, view: str, version: int, force: bool) -> int | None:
    """The version that is live now. Raises as ``check_promotable``."""
    former = _expected(cursor, view, version, "ready")
    if not force and (until := until_of(cursor, view, version)) is not None:
        raise StopsEarly(
            f"{view} v{version} was built up to position {until}, and readers would lose what came after: promote it "
            "with --force, and it is kept up to date from then on"
        )
    return former


def until_of(cursor: Cursor, view: str, version: int) -> int | None:
    """The last ledger position that the version was to have; None: it is kept up to date."""
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
        raise NotPromotable(f"no former version of {view} is kept: nothing to go back to")
    return int(found[0])


def _versions(connection: Connection, view: str, state: str) -> Sequence[int]:
    query = "SELECT version FROM views.view_version WHERE view = %(view)s AND state = %(state)s ORDER BY version"
    return [row["version"] for row in fetch(connection, query, view=view, state=state)]
