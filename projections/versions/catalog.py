"""Catalog of view versions: each has its tables in a schema of its own (``patient_record_v1``).

Readers use stable SQL views in a schema named after the view (``patient_record``), which point to the live version.
``creation`` makes both.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, TypedDict, cast

from psycopg2.extensions import connection

from projections.engine.positions import Partition, Position
from projections.engine.query import fetch
from projections.engine.rows import quoted

COUNTED_UP_TO = 100_000  # rows; above this PostgreSQL's estimate is close enough and a count would take seconds

BUILDING: Final = "building"
ASIDE: Final = "aside"
"""State of a temporary version, built for comparison only: never resumed, kept up to date or promoted."""

LOCK = "SELECT pg_advisory_xact_lock(hashtext('krypton views'))"
RULES = "SELECT rules FROM views.view_version WHERE view = %(view)s AND version = %(version)s"

VERSIONS = "SELECT view, version, state, topics, rules, code, until FROM views.view_version ORDER BY view, version"
POSITIONS = 'SELECT view, version, topic, "partition", next, ledger_position FROM views.position'
LETTERS = "SELECT view, version, count(*) AS n FROM views.dead_letter WHERE replayed_at IS NULL GROUP BY 1, 2"
ESTIMATES = """SELECT n.nspname AS schema, c.relname AS name, c.reltuples::bigint AS estimate
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = ANY(%(schemas)s)"""


class Version(TypedDict):
    """A version, as the catalog has it. ``until``: the position where it stops; None: it is kept up to date."""

    view: str
    version: int
    state: str
    topics: list[str]
    rules: dict[str, int]
    code: str | None
    until: int | None


def versions(db: connection) -> list[Version]:
    """Every version of every view, whatever its state."""
    return cast(list[Version], fetch(db, VERSIONS))


def live_version(db: connection, view: str) -> int | None:
    """The live version of a view; None if there is none yet."""
    found = fetch(db, "SELECT version FROM views.view_version WHERE view = %(view)s AND state = 'live'", view=view)
    return found[0]["version"] if found else None


def rules_of(db: connection, view: str, version: int) -> dict[str, int] | None:
    """The rule versions a version was built with, kind to version; None if there is no such version."""
    found = fetch(db, RULES, view=view, version=version)
    return dict(found[0]["rules"]) if found else None


def status(db: connection, ends: Mapping[Partition, int]) -> list[dict[str, Any]]:
    """``views status``. ``ends``: (topic, partition) to the offset after its last record, of all topics.

    ``until``: the position where the version stops, so it is not kept up to date; None otherwise. ``position``: the
    newest ledger position applied; ``lag``: records not yet read; ``rows``: a count, or PostgreSQL's estimate if
    ``rows_estimated``.
    """
    positions, versions = _positions(db), fetch(db, VERSIONS)
    letters = dead_letters(db)
    rows = _rows(db, [f"{v['view']}_v{v['version']}" for v in versions])
    found = []
    for version in versions:
        view, number = version["view"], version["version"]
        read = positions.get((view, number), {})
        count, estimated = rows.get(f"{view}_v{number}", (0, False))
        found.append(
            {
                "view": view,
                "version": number,
                "state": version["state"],
                "position": max((at.ledger for at in read.values()), default=0),
                "lag": _lag(version["topics"], read, ends),
                "rows": count,
                "rows_estimated": estimated,
                "dead_letters": letters.get((view, number), 0),
                "rules": version["rules"],
                "until": version["until"],
                "code": version["code"],
            }
        )
    return found


def dead_letters(db: connection) -> dict[tuple[str, int], int]:
    """How many dead letters wait, by view and version; versions without any are absent."""
    return {(row["view"], row["version"]): row["n"] for row in fetch(db, LETTERS)}


def behind(db: connection, ends: Mapping[Partition, int]) -> dict[str, int]:
    """Each live view's lag, as in ``status``, without counting rows: cheap enough to poll."""
    positions = _positions(db)
    return {
        v["view"]: _lag(v["topics"], positions.get((v["view"], v["version"]), {}), ends)
        for v in fetch(db, VERSIONS)
        if v["state"] == "live"
    }


def behind_of(db: connection, view: str, version: int, ends: Mapping[Partition, int]) -> int | None:
    """One version's lag, live or not; None where it is gone."""
    topics = next((v["topics"] for v in fetch(db, VERSIONS) if (v["view"], v["version"]) == (view, version)), None)
    return None if topics is None else _lag(topics, _positions(db).get((view, version), {}), ends)


def _positions(db: connection) -> dict[tuple[str, int], dict[Partition, Position]]:
    found: dict[tuple[str, int], dict[Partition, Position]] = {}
    for p in fetch(db, POSITIONS):
        of_version = found.setdefault((p["view"], p["version"]), {})
        of_version[p["topic"], p["partition"]] = Position(p["next"], p["ledger_position"])
    return found


def _lag(topics: Collection[str], read: Mapping[Partition, Position], ends: Mapping[Partition, int]) -> int:
    waiting = (end - (read[p].next if p in read else 0) for p, end in ends.items() if p[0] in topics)
    return sum(max(0, left) for left in waiting)


def _rows(db: connection, schemas: list[str]) -> dict[str, tuple[int, bool]]:
    """Row counts by schema, and whether any of them is an estimate."""
    found: dict[str, tuple[int, bool]] = {}
    for table in fetch(db, ESTIMATES, schemas=schemas):
        count, estimated = found.get(table["schema"], (0, False))
        if table["estimate"] > COUNTED_UP_TO:
            found[table["schema"]] = count + table["estimate"], True
        else:  # small or never analysed: count
            exact = fetch(db, f"SELECT count(*) AS n FROM {quoted(table['schema'], table['name'])}")[0]["n"]
            found[table["schema"]] = count + exact, estimated
    return found
