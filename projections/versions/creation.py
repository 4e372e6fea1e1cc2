"""Creates the tables of a version of a view, registers it in the catalog, and points readers to the first one."""

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    inspect,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateSchema

from postgres.session import engine
from projections.engine.positions import SCHEMA
from projections.engine.projection import Projection, schema_of
from projections.engine.rows import quoted
from projections.engine.tables import METADATA
from projections.versions.catalog import LOCK
from projections.versions.code_digest import code_digest
from projections.versions.seeding import insert_seeds

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

KNOWN = "SELECT version, state, code FROM views.view_version WHERE view = :view"
ADOPT = "UPDATE views.view_version SET code = :code WHERE view = :view AND code IS NULL"
REGISTER = """INSERT INTO views.view_version (view, version, state, topics, rules, code)
SELECT :view, :version, CASE WHEN EXISTS (SELECT FROM views.view_version WHERE view = :view AND state = 'live')
THEN 'building' ELSE 'live' END, to_jsonb(CAST(:topics AS text[])), CAST(:rules AS jsonb), :code
ON CONFLICT (view, version) DO UPDATE SET topics = EXCLUDED.topics RETURNING state"""


class VersionChanged(Exception):
    """The code declares other columns than the version's tables have: a change of tables needs a new version."""


def create(url: str, projection: Projection) -> bool:
    """Create the version's tables and register it: ``live`` if the view has no version yet, else ``building``.

    Safe to repeat and to run concurrently. Does nothing if a later version is live or if other code built this version.
    A version without a recorded code digest is taken as this program's. Returns whether the live version was built by
    this code. Raises VersionChanged.
    """
    code = code_digest(projection)
    with engine(url, "init").begin() as sql:
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
