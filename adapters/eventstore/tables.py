"""Creates the tables of the event store, for ``krypton init``."""

from contextlib import closing
from typing import Final

from domain.directory import Directory
from domain.membership import Membership
from domain.rules.in_force import ABSENT, RulesInForce
from postgres.session import connect

EVENTS = "ledger.ledger_events"
CHANNEL = "ledger"
LOCK_TIMEOUT_MS = 5_000
WRITERS: Final = int.from_bytes(b"krypton", "big")
ONE_WRITER: Final = f"SELECT pg_advisory_xact_lock({WRITERS}); LOCK TABLE {EVENTS} IN ROW EXCLUSIVE MODE"
"""SQL that lets one writer in at a time, until its transaction ends. Every lock on the table that keeps other writers
out keeps VACUUM and ANALYZE out, too, and waits for them: this one is on no table. The second one, which an INSERT
takes anyway, keeps a program of an earlier release out, which locks the table.
"""
FOLDED_TYPES = frozenset((*Membership.TYPES, *Directory.TYPES, *RulesInForce.TYPES))
FOLDED = ", ".join(f"'{event_type}'" for event_type in sorted(FOLDED_TYPES))
"""Events that a decision on other aggregates may rest on."""
DIRECTORY = ", ".join(f"'{event_type}'" for event_type in sorted(Directory.TYPES))
"""Events of establishments and professionals: lists are made of them."""
MOVED = "'study.reassigned', 'order.reassigned'"
"""Events that move a study or an order to another identity; few, and auditors search only among them."""
ERASED = "'identity.erased'"
"""Events that decide whose key stays destroyed; looked at whenever a process starts."""
ASKED = "'access.listed', 'access.view_refused', 'policy.entry_dropped'"
"""Events whose reason is sealed under the key of the actor who asked."""
ACTOR = """CASE WHEN octet_length(state) < 15 THEN '' WHEN get_byte(state, 13) < 128
    THEN substring(state FROM 15 FOR get_byte(state, 13) / 2)
    ELSE substring(state FROM 16 FOR (get_byte(state, 13) - 128 + 128 * get_byte(state, 14)) / 2) END"""
"""The actor in an event's bytes, after the schema's id and the time, which has 8 bytes from 1978 to 3111: its length is
a zigzag varint.
"""
NAMING = "'study.conflict_found'"
"""Events that are sealed under the key of somebody who may not be registered, too; few."""
OPENED = "'access.granted', 'access.emergency_opened'"
"""Events that let a professional look: one that was just stored counts before a view holds it."""
WITHDRAWN: Final = "'study.withdrawn'"
"""Events that hide a study: they count before a view holds them."""
BEGUN: Final = "'study.arrived', 'order.placed'"
"""Events that begin an exam or an order for an identity, which is their second id."""
OF_IDENTITY: Final = """CASE WHEN octet_length(state) < 15 THEN '' WHEN get_byte(state, 13) < 128
    THEN substring(state FROM 127 + get_byte(state, 13) / 2 FOR 36)
    ELSE substring(state FROM 128 + (get_byte(state, 13) - 128 + 128 * get_byte(state, 14)) / 2 FOR 36) END"""
"""The identity in the bytes of such an event: behind the actor come ids of 37 bytes each, of command, correlation and
aggregate. Bytes that are no event have none, and raise nothing: whoever stores them is told elsewhere.
"""
SAID_OF: Final = """substring(encode(state, 'escape') FROM '.*(?:[0-9a-f]{64}|\\\\000)H([0-9a-f-]{36})')"""
"""In the bytes of a conflict whose the second is, as it says: the id of 36 characters (a length that reads ``H``),
behind the digest or the null byte of one that has none. The last such place: only what is sealed follows.
"""
ERASURES: Final = "'erasure.requested', 'erasure.cancelled', 'erasure.held', 'erasure.carried_out', 'erasure.completed'"
"""Events that tell which erasures are open; few, and listed whenever somebody asks."""
FOLLOWED: Final = "'erasure.followed'"
"""Events that tell whose instances were deleted: whatever an older folder brings back is deleted again."""
_BUILT_IN = ", ".join(f"('{kind}', {rules.version})" for kind, rules in ABSENT.items())
BUILT_IN_RULES = f"INSERT INTO {{0}}.rules (kind, version) VALUES {_BUILT_IN} ON CONFLICT DO NOTHING"
"""For the tables of a schema: rules that may decide though nobody published them."""

DDL = f"""
SELECT pg_advisory_xact_lock(hashtext('krypton init ledger'));
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS {EVENTS} (
    id bigserial PRIMARY KEY,
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS ledger_events_aggregate_idx ON {EVENTS} (originator_id, originator_version);
CREATE INDEX IF NOT EXISTS ledger_events_folded_idx ON {EVENTS} (id) WHERE topic IN ({FOLDED});
CREATE INDEX IF NOT EXISTS ledger_events_directory_idx ON {EVENTS} (id) WHERE topic IN ({DIRECTORY});
CREATE INDEX IF NOT EXISTS ledger_events_reassigned_idx ON {EVENTS} (id) WHERE topic IN ({MOVED});
DROP INDEX IF EXISTS ledger.ledger_events_moved_idx; -- of studies alone, before orders moved
CREATE INDEX IF NOT EXISTS ledger_events_opened_idx ON {EVENTS} (id) WHERE topic IN ({OPENED});
CREATE INDEX IF NOT EXISTS ledger_events_withdrawn_idx ON {EVENTS} (originator_id) WHERE topic IN ({WITHDRAWN});
CREATE INDEX IF NOT EXISTS ledger_events_asked_idx ON {EVENTS} (({ACTOR})) WHERE topic IN ({ASKED});
CREATE INDEX IF NOT EXISTS ledger_events_naming_idx ON {EVENTS} (id) WHERE topic IN ({NAMING});
CREATE INDEX IF NOT EXISTS ledger_events_said_of_idx ON {EVENTS} (({SAID_OF})) WHERE topic IN ({NAMING});
CREATE INDEX IF NOT EXISTS ledger_events_erased_idx ON {EVENTS} (originator_id) WHERE topic IN ({ERASED});
CREATE INDEX IF NOT EXISTS ledger_events_begun_idx ON {EVENTS} (({OF_IDENTITY})) WHERE topic IN ({BEGUN});
CREATE INDEX IF NOT EXISTS ledger_events_erasures_idx ON {EVENTS} (originator_id, id) WHERE topic IN ({ERASURES});
CREATE INDEX IF NOT EXISTS ledger_events_followed_idx ON {EVENTS} (id) WHERE topic IN ({FOLLOWED});
CREATE TABLE IF NOT EXISTS ledger.command (
    command_id uuid PRIMARY KEY,
    actor text NOT NULL,
    kind text,
    positions bigint[] NOT NULL,
    result jsonb NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger.decided (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    position bigint NOT NULL DEFAULT 0,
    counts jsonb NOT NULL DEFAULT '[]'
);
INSERT INTO ledger.decided DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS ledger.region (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    fingerprint bytea NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger.pair (
    low uuid,
    high uuid,
    held text NOT NULL,
    position bigint NOT NULL,
    rule text,
    PRIMARY KEY (low, high)
);
CREATE INDEX IF NOT EXISTS pair_high_idx ON ledger.pair (high);
DO $$ BEGIN -- looked for first: to alter a table, even in vain, waits for all who read it
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'ledger.pair'::regclass AND attname = 'rule') THEN
        ALTER TABLE ledger.pair ADD COLUMN rule text; -- by whom: a program of before did not note it
    END IF;
END $$;
CREATE INDEX IF NOT EXISTS pair_by_whom_idx ON ledger.pair (low, high) WHERE rule IS NULL;
CREATE TABLE IF NOT EXISTS ledger.ae_title (
    ae_title text PRIMARY KEY,
    site text NOT NULL,
    position bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger.rules (
    kind text,
    version integer,
    published bigint,
    promoted bigint,
    PRIMARY KEY (kind, version)
);
{BUILT_IN_RULES.format("ledger")};
CREATE TABLE IF NOT EXISTS ledger.decision_tables (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    upto bigint NOT NULL DEFAULT 0
);
INSERT INTO ledger.decision_tables DEFAULT VALUES ON CONFLICT DO NOTHING;
"""


def create(database: str) -> None:
    """Create what is missing; safe to repeat and to run concurrently."""
    with closing(connect(database, "init")) as connection, connection, connection.cursor() as cursor:
        cursor.execute(DDL)
