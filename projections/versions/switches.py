"""Journal of version switches (promote, roll back, drop), written in the switch's own transaction.

The switch is in the views' database, its event in the ledger: the two cannot be one transaction. So the journal row,
with its token, stays unsettled until the event is stored under a command id derived from the token and all consequences
are done. Any process that finds an unsettled row completes it (``krypton.views.promote``).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import Json
from sqlalchemy import BigInteger, Column, DateTime, Identity, Integer, MetaData, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

from domain.askers import TAKEN
from domain.errors import IdTaken
from projections.engine.positions import SCHEMA
from projections.engine.query import fetch

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
    Column("rules", JSONB, nullable=False, comment="the rule sets of the version: kind to version"),
    Column("former_rules", JSONB, comment="those of the version that was live until then"),
    Column("token", Uuid, nullable=False, server_default=func.gen_random_uuid(), comment="names its ledger event"),
    Column("recorded_position", BigInteger, comment="of its ledger event; null: not recorded yet"),
    Column("decided", JSONB, comment="how many decisions followed, by what they are; null: not settled"),
    Column("settled_at", DateTime(timezone=True), comment="when all that follows from it was done; null: not yet"),
)


PROMOTED, ROLLED_BACK, DROPPED = "promoted", "rolled_back", "dropped"
LISTED = """id, view, what, version, former, actor, at, summary, rules, recorded_position AS position, decided,
settled_at"""
LAST = "SELECT coalesce(max(version), 0) AS version FROM views.switch WHERE view = %(view)s"
UNSETTLED = """SELECT id, token::text, view, what, version, former, actor, summary, rules, former_rules,
recorded_position FROM views.switch WHERE settled_at IS NULL ORDER BY id"""


class Switched(NamedTuple):
    """One switch: from which version to which. ``rules`` of the version: kind to version.

    ``id``: of its journal row; 0 before it is written.
    """

    view: str
    what: str
    version: int
    former: int | None
    actor: str
    summary: dict[str, Any] | None
    rules: Mapping[str, int]
    id: int = 0


class Unsettled(NamedTuple):
    """A switch whose consequences are not complete. ``token`` never changes; ``position`` is that of its ledger
    event.
    """

    token: UUID
    done: Switched
    former_rules: Mapping[str, int] | None
    position: int | None


def note(cursor: Cursor, done: Switched, former_rules: Mapping[str, int] | None, token: UUID | None = None) -> Switched:
    """Record a switch in its own transaction; ``token``: the command id that asked for it."""
    cursor.execute(
        "INSERT INTO views.switch (view, what, version, former, actor, summary, rules, former_rules, token)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, coalesce(%s::uuid, gen_random_uuid())) RETURNING id",
        (*done[:5], _json(done.summary), _json(done.rules), _json(former_rules), token and str(token)),
    )
    ((ident,),) = cursor.fetchall()
    return done._replace(id=ident)


def noted(cursor: Cursor, token: UUID, what: str, actor: str) -> Switched | None:
    """The switch recorded under this token; None if there is none. Raises IdTaken (W5): another kind, or another's."""
    cursor.execute(
        f"SELECT {', '.join(Switched._fields)} FROM views.switch WHERE token = %s::uuid",
        (str(token),),
    )
    row = cursor.fetchone()
    found = Switched(*row) if row else None
    if found and (found.what, found.actor) != (what, actor):
        raise IdTaken(TAKEN)
    return found


def _json(value: Mapping[str, Any] | None) -> Json | None:
    return None if value is None else Json(dict(value))


def switches(connection: Connection, view: str) -> list[dict[str, Any]]:
    """All switches of a view's versions, oldest first."""
    return fetch(connection, f"SELECT {LISTED} FROM views.switch WHERE view = %(view)s ORDER BY id", view=view)


def switch(connection: Connection, ident: int) -> dict[str, Any]:
    """One switch by id."""
    return fetch(connection, f"SELECT {LISTED} FROM views.switch WHERE id = %(ident)s", ident=ident)[0]


def last_switched(connection: Connection, view: str) -> int:
    """The highest version of the view that was ever switched; 0 if none."""
    if not fetch(connection, "SELECT 1 WHERE to_regclass('views.switch') IS NOT NULL"):
        return 0
    return int(fetch(connection, LAST, view=view)[0]["version"])


def unsettled(connection: Connection) -> list[Unsettled]:
    """Switches whose consequences are not complete, oldest first."""
    if not fetch(connection, "SELECT 1 WHERE to_regclass('views.switch') IS NOT NULL"):
        return []
    return [
        Unsettled(
            UUID(row["token"]),
            Switched(*(row[name] for name in Switched._fields)),
            row["former_rules"],
            row["recorded_position"],
        )
        for row in fetch(connection, UNSETTLED)
    ]


def mark_recorded(connection: Connection, switch: int, position: int) -> None:
    """Record the ledger position of a switch's event, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE views.switch SET recorded_position = %s WHERE id = %s", (position, switch))


def mark_settled(connection: Connection, switch: int, decided: Mapping[str, int]) -> None:
    """Record that a switch is complete and how many decisions it raised, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE views.switch SET settled_at = now(), decided = %s WHERE id = %s", (_json(decided), switch)
        )
