"""Declares the tables of policies: the outbox, with what they decided and the outcome, and a tally of decisions.

It holds ids, codes and times; nothing personal.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import CreateSchema

from postgres.session import engine

SCHEMA: Final = "policies"
METADATA = MetaData(schema=SCHEMA)
ORDER: Final = ("try_at", "place", "cause", "id")
WAITING: Final = "state = 'waiting'"
FORMER: Final = "DROP INDEX IF EXISTS policies.outbox_waiting"
"""Of all kinds in one: finding a command read every lookup that waited."""
LOCK = "SELECT pg_advisory_xact_lock(hashtext('krypton policies'))"

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("id", Uuid(as_uuid=False), primary_key=True, comment="of a command: its command id in the ledger"),
    Column("policy", Text, nullable=False),
    Column("version", Integer, nullable=False, comment="of the policy's reactions"),
    Column("kind", Text, nullable=False, comment="command, lookup or delivery"),
    Column("does", Text, nullable=False, comment="the command, lookup or notice, by its name"),
    Column("body", JSONB, nullable=False),
    Column("cause", BigInteger, nullable=False, comment="ledger position of the event that led to it"),
    Column("correlation_id", Uuid(as_uuid=False), nullable=False),
    Column("place", Integer, nullable=False, comment="among those that are due together: the lowest first"),
    Column("due_at", BigInteger, nullable=False, comment="not before then: µs since 1970, UTC"),
    Column(
        "try_at",
        BigInteger,
        nullable=False,
        comment="the next try: later than due_at after a failure, or for want of a row",
    ),
    Column("state", Text, nullable=False, comment="waiting, done, refused, parked or dropped"),
    Column("attempts", Integer, nullable=False, comment="how often it failed"),
    Column("error", Text, comment="the last failure, as a code; of a refusal, the rule's number"),
    Column("positions", JSONB(none_as_null=True), comment="ledger positions that it wrote"),
    Column("settled_at", BigInteger, comment="when it was done, refused or dropped: µs since 1970, UTC"),
    Index("outbox_due", "policy", "kind", *ORDER, postgresql_where=text(f"{WAITING} AND kind <> 'lookup'")),
    Index("outbox_lookups", "policy", "does", *ORDER, postgresql_where=text(f"{WAITING} AND kind = 'lookup'")),
    Index("outbox_parked", "policy", postgresql_where=text("state = 'parked'")),
    Index("outbox_settled", "settled_at"),
    Index("outbox_cause", "cause"),
)

TALLY = Table(
    "tally",
    METADATA,
    Column("policy", Text, primary_key=True),
    Column("decision", Text, primary_key=True, comment="merged, proposed, left, refused, …"),
    Column("rule", Text, primary_key=True, comment="of a refusal, the rule's number; else empty"),
    Column("n", BigInteger, nullable=False, comment="how often; entries are pruned, this is not"),
)


def create(url: str) -> None:
    """Make the tables; safe to repeat, and twice at once."""
    with engine(url, "init").begin() as sql:
        sql.execute(text(LOCK))
        sql.execute(CreateSchema(SCHEMA, if_not_exists=True))
        METADATA.create_all(sql)
        for index in OUTBOX.indexes:  # of a table made before them
            index.create(sql, checkfirst=True)
        sql.execute(text(FORMER))
