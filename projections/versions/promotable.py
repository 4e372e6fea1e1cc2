"""Which version of a view may become the one that readers see, and what stands against that.

The rules (V) are those of ``projections.versions.versions``, which switches.
"""

from collections.abc import Sequence

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from domain.errors import NotFound, RuleBroken
from projections.engine.query import fetch
from projections.versions.catalog import ASIDE, BUILDING


class NotPromotable(RuleBroken):
    """The version is not ready, or there is none to roll back to."""

    rule = "V1"


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
    found = in_state(connection, view, "ready")
    if not found:
        raise NotFound(f"no version of {view} is ready: run krypton views rebuild {view}")
    return found[-1]


def check_promotable(connection: Connection, view: str, version: int, *, force: bool = False) -> None:
    """Raises NotPromotable, StopsEarly (unless ``force``), NotFound."""
    with connection.cursor() as cursor:
        promotable(cursor, view, version, force=force)


def check_built(connection: Connection, view: str, version: int) -> None:
    """Raises NotFound if there is no such version, NotPromotable while it is being built: it has no keys yet."""
    with connection.cursor() as cursor:
        if (state := state_of(cursor, view, version)) in (BUILDING, ASIDE):
            raise NotPromotable(f"{view} v{version} is {state}: a worker starts when it is ready")


def expected(cursor: Cursor, view: str, version: int, state: str) -> int | None:
    """The current live version, if the target is in that state. Raises NotPromotable, NotFound."""
    if (found := state_of(cursor, view, version)) != state:
        raise NotPromotable(f"{view} v{version} is {found}, not {state}: see krypton views status")
    cursor.execute("SELECT version FROM views.view_version WHERE view = %s AND state = 'live'", (view,))
    live = cursor.fetchone()
    return live[0] if live else None


def promotable(cursor: Cursor, view: str, version: int, *, force: bool) -> int | None:
    """The current live version. Raises as ``check_promotable``."""
    former = expected(cursor, view, version, "ready")
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


def state_of(cursor: Cursor, view: str, version: int) -> str:
    """Its state. Raises NotFound."""
    cursor.execute("SELECT state FROM views.view_version WHERE view = %s AND version = %s", (view, version))
    if (found := cursor.fetchone()) is None:
        raise NotFound(f"no version {version} of {view}: see krypton views status")
    return str(found[0])


def live_before(cursor: Cursor, view: str) -> int:
    """The retired version that was live last. Raises NotPromotable."""
    cursor.execute(
        "SELECT s.former FROM views.switch s JOIN views.view_version v ON v.view = s.view AND v.version = s.former"
        " WHERE s.view = %s AND v.state = 'retired' ORDER BY s.id DESC LIMIT 1",
        (view,),
    )
    if (found := cursor.fetchone()) is None:
        raise NotPromotable(f"no former version of {view} is kept: there is nothing to roll back to")
    return int(found[0])


def in_state(connection: Connection, view: str, state: str) -> Sequence[int]:
    """The versions of a view that are in a state, the oldest first."""
    query = "SELECT version FROM views.view_version WHERE view = %(view)s AND state = %(state)s ORDER BY version"
    return [row["version"] for row in fetch(connection, query, view=view, state=state)]
