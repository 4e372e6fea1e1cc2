"""The vault's tables, for ``krypton init``; and which master key the first one is.

Each row says which master key wrapped it. Each master key has a canary: a value that it wrapped, which tells a wrong
key from a bad row.
"""

from psycopg2.extensions import cursor as Cursor

from adapters.vault.ring import Ring
from domain.errors import KeyBroken, WrongMasterKey

CANARY = "canary"  # what a canary is bound to: no subject, for those are uuids
CANARY_BYTES = bytes(32)
REGION = "region secret"  # what the region's secret is bound to, likewise
PROVEN = 100  # rows of a vault without a canary that are tried

DDL = """
SELECT pg_advisory_xact_lock(hashtext('krypton init vault'));
CREATE SCHEMA IF NOT EXISTS vault;
CREATE TABLE IF NOT EXISTS vault.master_key (
    id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    canary bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);
CREATE TABLE IF NOT EXISTS vault.subject_key (
    subject uuid PRIMARY KEY,
    wrapped bytea,
    made_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    master smallint NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS subject_key_destroyed_idx ON vault.subject_key (subject) WHERE wrapped IS NULL;
CREATE TABLE IF NOT EXISTS vault.region_secret (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    wrapped bytea NOT NULL,
    master smallint NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
"""
HAS_MASTER = """SELECT FROM information_schema.columns
WHERE table_schema = 'vault' AND table_name = 'subject_key' AND column_name = 'master'"""
ADD_MASTER = "ALTER TABLE vault.subject_key ADD COLUMN IF NOT EXISTS master smallint NOT NULL DEFAULT 1"
SOME = "SELECT subject::text, wrapped FROM vault.subject_key WHERE wrapped IS NOT NULL LIMIT %s"
ADD = "INSERT INTO vault.master_key (name, canary) VALUES (%s, %s)"


def create(cursor: Cursor, ring: Ring) -> None:
    """Create what is missing; safe to repeat, and twice at once. Raises WrongMasterKey."""
    cursor.execute(DDL)
    cursor.execute(HAS_MASTER)
    if not cursor.fetchall():  # made by an earlier release; asked first, for the change waits for all who read
        cursor.execute(ADD_MASTER)
    cursor.execute("SELECT FROM vault.master_key LIMIT 1")
    if not cursor.fetchall():
        _begin(cursor, ring)


def _begin(cursor: Cursor, ring: Ring) -> None:
    """The first master key: the one that wrapped what is there, if anything is."""
    first = ring.first
    cursor.execute(SOME, (PROVEN,))
    held = cursor.fetchall()
    if held and not any(_opens(ring, subject, bytes(wrapped)) for subject, wrapped in held):
        raise WrongMasterKey(
            f"{ring.where} holds a master key that opens none of the vault's keys: bring back the one that the vault "
            "was made with; never make a new one, it opens nothing"
        )
    cursor.execute(ADD, (first.name, first.wrap(CANARY, CANARY_BYTES)))


def _opens(ring: Ring, subject: str, wrapped: bytes) -> bool:
    try:
        ring.first.unwrap(subject, wrapped)
    except KeyBroken:
        return False
    return True
