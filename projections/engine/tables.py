"""Table definitions about all views: how far each version has read, its dead letters and parked keys.

Whoever reads or writes them needs ``positions`` and ``parked`` alone: SQLAlchemy takes longer to import than a query to
answer.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from projections.engine.positions import SCHEMA

METADATA = MetaData(schema=SCHEMA)

POSITION = Table(
    "position",
    METADATA,
    Column("view", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next", BigInteger, nullable=False, comment="the Kafka offset to read next"),
    Column("ledger_position", BigInteger, nullable=False, comment="of the last event applied or set aside"),
)

DEAD_LETTER = Table(
    "dead_letter",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("view", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("headers", JSONB, nullable=False, comment="[name, value in hex], in order"),
    Column("ledger_position", BigInteger, comment="null: the record does not tell"),
    Column("event_type", Text, comment="null: the record cannot be read"),
    Column("reason", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("published_at", DateTime(timezone=True), comment="when it was on the dead-letter topic"),
    Column("replayed_at", DateTime(timezone=True), comment="when it was applied after all"),
    Column("forged", Boolean, comment="true: the ledger did not write it, so it is never applied"),
    Index("dead_letter_record", "view", "version", "topic", "partition", "offset", unique=True),
    Index("dead_letter_unpublished", "view", "version", "id", postgresql_where=text("published_at IS NULL")),
)

PARKED_KEY = Table(
    "parked_key",
    METADATA,
    Column("view", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, primary_key=True),
    Column("parked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
