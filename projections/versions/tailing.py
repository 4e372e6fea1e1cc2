"""Determines which versions a program keeps up to date: complete, without an end position, built by its own code.

V9  A version is promoted, kept up to date, and its decisions raised, only by a program with the code that built it.
"""

from collections.abc import Mapping

from psycopg2.extensions import connection as Connection

from domain.errors import RuleBroken
from projections.engine import positions
from projections.engine.positions import Partition, Position
from projections.engine.projection import Projection
from projections.engine.query import fetch
from projections.versions import promotable
from projections.versions.catalog import ASIDE, BUILDING
from projections.versions.code_digest import code_digest
from projections.versions.promotable import StopsEarly


class OtherCode(RuleBroken):
    """The version was built by a program with other code for the view."""

    rule = "V9"


def tailed(connection: Connection, codes: Mapping[str, str]) -> list[tuple[str, int]]:
    """The versions that workers keep up to date: live, ready and retired ones. (view, version)

    ``codes``: view to digest, of this program; versions with other digests are left to their own programs.
    """
    query = """SELECT view, version, code FROM views.view_version WHERE state <> ALL(%(not_whole)s) AND until IS NULL
    ORDER BY view, version"""
    found = fetch(connection, query, not_whole=[BUILDING, ASIDE])
    return [(r["view"], r["version"]) for r in found if r["view"] in codes and r["code"] in (None, codes[r["view"]])]


def check_tailed(connection: Connection, view: str, version: int) -> None:
    """Raises as ``check_built``, and StopsEarly."""
    promotable.check_built(connection, view, version)
    with connection.cursor() as cursor:
        if (until := promotable.until_of(cursor, view, version)) is not None:
            raise StopsEarly(f"{view} v{version} was built up to position {until}: nobody keeps it up to date")


def check_code(connection: Connection, projection: Projection) -> None:
    """Raises OtherCode if another program built the version."""
    view, version, code = projection.name, projection.version, code_digest(projection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT code FROM views.view_version WHERE view = %s AND version = %s", (view, version))
        ((made_by,),) = cursor.fetchall() or [(None,)]
    if made_by not in (None, code):
        raise OtherCode(
            f"{view} v{version} was built by another release (code {made_by[:8]}, here {code[:8]}), which alone keeps "
            f"it up to date; build a version for this release with krypton views rebuild {view}, then promote it"
        )


def missing(connection: Connection, view: str, version: int, goal: Mapping[Partition, Position]) -> int:
    """How many records, of the version's topics, it lacks compared with another version's positions."""
    with connection.cursor() as cursor:
        known = positions.read(cursor, view, version)
        cursor.execute("SELECT topics FROM views.view_version WHERE view = %s AND version = %s", (view, version))
        ((topics,),) = cursor.fetchall()
    reached = ((at.next, known[p].next if p in known else 0) for p, at in goal.items() if p[0] in topics)
    return sum(max(0, wanted - there) for wanted, there in reached)
