"""Catalog of view versions: each has its tables in a schema of its own (``patient_record_v1``).

Readers use stable SQL views in a schema named after the view (``patient_record``), which point to the live version.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from psycopg2.extensions import connection
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    MetaData,
    NullPool,
    Table,
    Text,
    create_engine,
    func,
    inspect,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateSchema

from projections.engine import parked
from projections.engine.positions import METADATA, SCHEMA, Partition, Position
from projections.engine.projection import Projection, schema_of
from projections.engine.query import fetch
from projections.engine.rows import quoted
from projections.versions.code_digest import code_digest
from projections.versions.seeding import insert_seeds

COUNTED_UP_TO = 100_000  # rows; above this PostgreSQL's estimate is close enough and a count would take seconds

VIEW_VERSION = Table(
    "view_version",
    METADATA,
    Column("view", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False, comment="live, building, ready or retired; aside"),
    Column("topics", JSONB, nullable=False),
    Column("rules", JSONB, nullable=False, comment="the rule sets that it was built by: kind to version"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("built_at", DateTime(timezone=True), comment="when a rebuild had read all that there was"),
    Column("code", Text, comment="digest of the code that made it: only that code keeps it up to date"),
    Column("until", BigInteger, comment="the last ledger position that it was to have; null: kept up to date"),
)
TABLES = (parked.DEAD_LETTER, parked.PARKED_KEY)  # and the position table; all in METADATA

BUILDING: Final = "building"
ASIDE: Final = "aside"
"""State of a temporary version, built for comparison only: never resumed, kept up to date or promoted."""

LOCK = "SELECT pg_advisory_xact_lock(hashtext('krypton views'))"
KNOWN = "SELECT version, state, code FROM views.view_version WHERE view = :view"
ADOPT = "UPDATE views.view_version SET code = :code WHERE view = :view AND code IS NULL"
REGISTER = """INSERT INTO views.view_version (view, version, state, topics, rules, code)
SELECT :view, :version, CASE WHEN EXISTS (SELECT FROM views.view_version WHERE view = :view AND state = 'live')
THEN 'building' ELSE 'live' END, to_jsonb(CAST(:topics AS text[])), CAST(:rules AS jsonb), :code
ON CONFLICT (view, version) DO UPDATE SET topics = EXCLUDED.topics RETURNING state"""
RULES = "SELECT rules FROM views.view_version WHERE view = %(view)s AND version = %(version)s"

VERSIONS = "SELECT view, version, state, topics, rules, code, until FROM views.view_version ORDER BY view, version"
POSITIONS = 'SELECT view, version, topic, "partition", next, ledger_position FROM views.position'
LETTERS = "SELECT view, version, count(*) AS n FROM views.dead_letter WHERE replayed_at IS NULL GROUP BY 1, 2"
ESTIMATES = """SELECT n.nspname AS schema, c.relname AS name, c.reltuples::bigint AS estimate
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = ANY(%(schemas)s)"""


class VersionChanged(Exception):
    """The code declares other columns than the version's tables have: a change of tables needs a new version."""


def create(url: str, projection: Projection) -> bool:
    """Create the version's tables and register it: ``live`` if the view has no version yet, else ``building``.

    Safe to repeat and to run concurrently. Does nothing if a later version is live or if other code built this version.
    A version without a recorded code digest is taken as this program's. Returns whether the live version was built by
    this code. Raises VersionChanged.
    """
    code = code_digest(projection)
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as sql:
        sql.execute(text(LOCK))
        sql.execute(CreateSchema(SCHEMA, if_not_exists=True))
        METADATA.create_all(sql)
        _add_columns(sql)
        makes, live_is_ours = _look_around(sql, projection, code)
        if not makes:
            return live_is_ours
        tables = _in_schema(projection)
        sql.execute(CreateSchema(schema_of(projection), if_not_exists=True))
        missing = _check_unchanged(sql, tables)
        tables.create_all(sql)
        cursor: Any = sql.connection.cursor()  # psycopg2's cursor, in the same transaction
        insert_seeds(cursor, projection, schema_of(projection), missing)
        asked = {
            "view": projection.name,
            "version": projection.version,
            "topics": list(projection.topics),
            "rules": json.dumps(dict(projection.rules)),
            "code": code,
        }
        if sql.execute(text(REGISTER), asked).scalar_one() == "live":
            _show(sql, projection.name, tables)
        return live_is_ours


def _look_around(sql: Connection, projection: Projection, code: str) -> tuple[bool, bool]:
    """Whether this program should create the version, and whether the live one has, or will have, this code."""
    sql.execute(text(ADOPT), {"view": projection.name, "code": code})
    known = {row.version: row for row in sql.execute(text(KNOWN), {"view": projection.name})}
    live = next((row for row in known.values() if row.state == "live"), None)
    promoted_since = (
        live is not None and live.version > projection.version
    )  # a version that was replaced is not created again
    of_others = projection.version in known and known[projection.version].code != code
    return not promoted_since and not of_others, live is None or live.code == code


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


def _positions(db: connection) -> dict[tuple[str, int], dict[Partition, Position]]:
    found: dict[tuple[str, int], dict[Partition, Position]] = {}
    for p in fetch(db, POSITIONS):
        of_version = found.setdefault((p["view"], p["version"]), {})
        of_version[p["topic"], p["partition"]] = Position(p["next"], p["ledger_position"])
    return found


def _lag(topics: Collection[str], read: Mapping[Partition, Position], ends: Mapping[Partition, int]) -> int:
    waiting = (end - (read[p].next if p in read else 0) for p, end in ends.items() if p[0] in topics)
    return sum(max(0, left) for left in waiting)


def _add_columns(sql: Connection) -> None:
    """Add columns that tables of an earlier release lack; a table is locked only if it lacks one."""
    for table in METADATA.sorted_tables:
        there = {column["name"] for column in inspect(sql).get_columns(table.name, table.schema)}
        for column in table.columns:
            if column.name not in there:
                kind = column.type.compile(dialect=sql.dialect)
                sql.execute(text(f"ALTER TABLE {quoted(SCHEMA, table.name)} ADD COLUMN {quoted(column.name)} {kind}"))


def _in_schema(projection: Projection) -> MetaData:
    tables = MetaData()
    for table in projection.tables.sorted_tables:
        table.to_metadata(tables, schema=schema_of(projection))
    return tables


def _check_unchanged(sql: Connection, tables: MetaData) -> set[str]:
    """The tables that do not exist yet. Raises VersionChanged."""
    look, missing = inspect(sql), set()
    for table in tables.sorted_tables:
        if not look.has_table(table.name, table.schema):
            missing.add(table.name)
            continue
        there = {column["name"] for column in look.get_columns(table.name, table.schema)}
        if differing := there ^ {column.name for column in table.columns}:
            raise VersionChanged(
                f"{table.schema}.{table.name} exists with other columns ({', '.join(sorted(differing))}): "
                "raise the version of the view, or drop that schema"
            )
    return missing


def _show(sql: Connection, view: str, tables: MetaData) -> None:
    sql.execute(CreateSchema(view, if_not_exists=True))
    for table in tables.sorted_tables:
        stable, shown = quoted(view, table.name), quoted(str(table.schema), table.name)
        sql.execute(text(f"CREATE OR REPLACE VIEW {stable} AS SELECT * FROM {shown}"))


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
