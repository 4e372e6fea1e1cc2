"""Table definitions of the identity index view.

Times are microseconds since 1970 (UTC); ids are uuids.

Written from ``krypton.identities``: ``identity``, ``family_name``, ``identity_event`` and ``candidate_key``. The
version's rules alone make ``match_model``. Written from ``krypton.links``: all others. The halves meet only when read,
so neither waits for the other.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from projections.engine.ownership import written_from
from projections.engine.sealed import sealed_for
from projections.identity_index.search import BIRTH_DATE

TABLES = MetaData()
ID = Uuid(as_uuid=False)

IDENTITY = Table(
    "identity",
    TABLES,
    Column("identity_id", ID, primary_key=True),
    Column("assigner", Text, nullable=False),
    Column("local_id", Text, nullable=False, comment="as displayed: 123, or 123#2 for the second person under 123"),
    Column("ordinal", Integer, nullable=False),
    Column("traits", JSONB, nullable=False),
    Column("given_names", JSONB, nullable=False, comment="each spelling, its sound, whether it is a whole name"),
    Column("sort_name", Text, nullable=False, comment="family and given name, folded: the order of lists"),
    Column("status", Text, nullable=False),
    Column("flags", JSONB, nullable=False, comment="names of the flags that are set, sorted"),
    Column("deferred", JSONB, nullable=False, comment="what waits of it alone, by kind: until when, whose it is"),
    Column("source", Text, nullable=False),
    Column("ins", Text, comment="matricule; null: none attached, or erased"),
    Column("ins_oid", Text),
    Column("erased", Boolean, nullable=False),
    Column("registered_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Column(
        "replaced", JSONB(none_as_null=True), comment="matricules that its own took the place of, until it is settled"
    ),
    Index("identity_ins", "ins"),
    Index("identity_local_id", "local_id", postgresql_ops={"local_id": "text_pattern_ops"}),
    Index("identity_birth_date", text(BIRTH_DATE)),
    Index("identity_flagged", "identity_id", postgresql_where=text("flags <> '[]'::jsonb")),
    info=written_from("krypton.identities"),
)

FAMILY_NAME = Table(
    "family_name",
    TABLES,
    Column("identity_id", ID, primary_key=True),
    Column("spelling", Text, primary_key=True, comment="of a family or used name, or of its later words, folded"),
    Column("sound", Text, nullable=False, comment="what sounds alike in French is written alike"),
    Column("whole", Boolean, nullable=False, comment="all of the name, not its later words alone"),
    Index("family_name_spelling", "spelling", "identity_id", postgresql_ops={"spelling": "text_pattern_ops"}),
    Index("family_name_sound", "sound", "spelling", "identity_id", postgresql_ops={"spelling": "text_pattern_ops"}),
    comment="Under what names an identity is found.",
    info=written_from("krypton.identities"),
)

IDENTITY_EVENT = Table(
    "identity_event",
    TABLES,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("identity_id", ID, nullable=False),
    Column("type", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("other_id", ID, comment="whom it was split off, where the event says that"),
    Column("reason", Text, info=sealed_for("identity_id", "other_id", clear_where=("type", "identity.erased"))),
    Column("detail", JSONB, nullable=False, comment="what else the event says that names nobody: status, flag, …"),
    Index("identity_event_identity", "identity_id", "position"),
    Index("identity_event_other", "other_id", postgresql_where=text("other_id IS NOT NULL")),
    info=written_from("krypton.identities"),
)

CANDIDATE_KEY = Table(
    "candidate_key",
    TABLES,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("sketch", BigInteger, primary_key=True, autoincrement=False, comment="of what may contradict (sketches)"),
    Column("identity_id", ID, primary_key=True),
    comment="Who may be one person with whom: they share a key. None without a model of matching.",
    info=written_from("krypton.identities"),
)

MATCH_MODEL = Table(
    "match_model",
    TABLES,
    Column("rule_version", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False, comment="of the body"),
    Column("body", JSONB, nullable=False, comment="the model that the version's matching rules hold"),
)

NODE = Table(
    "node",
    TABLES,
    Column("identity_id", ID, primary_key=True),
    Column("cluster_id", ID, nullable=False),
    Column("person_id", ID, nullable=False, comment="the person that it is now: earliest registered member"),
    Column("registered_position", BigInteger, nullable=False),
    Index("node_person", "person_id"),
    info=written_from("krypton.links"),
)

CLUSTER = Table(
    "cluster",
    TABLES,
    Column("cluster_id", ID, primary_key=True),
    Column(
        "members", JSONB, nullable=False, comment="identity → [registered position, person, since position or null]"
    ),
    Column("merged", JSONB, nullable=False, comment="[low, high, position, whether by a rule], in their order"),
    Column("barred", JSONB, nullable=False, comment="[low, high]"),
    Column("held_back", JSONB, nullable=False, comment="merged pairs that a bar keeps apart: [low, high]"),
    info=written_from("krypton.links"),
)

MEMBERSHIP = Table(
    "membership",
    TABLES,
    Column("identity_id", ID, primary_key=True),
    Column("from_position", BigInteger, primary_key=True, autoincrement=False),
    Column("person_id", ID, nullable=False),
    Column("to_position", BigInteger, comment="the first position at which it is over; null: it holds"),
    Index("membership_person", "person_id"),
    comment="Who was which person when. Where no row speaks of an identity, it is a person of its own.",
    info=written_from("krypton.links"),
)

LINK = Table(
    "link",
    TABLES,
    Column("low", ID, primary_key=True),
    Column("high", ID, primary_key=True),
    Column("link_id", ID, nullable=False),
    Column("state", Text, nullable=False, comment="what was last said: proposed, merged, unmerged, barred, …"),
    Column("held_back", Boolean, comment="merged, but a bar keeps the two apart: waits for a human"),
    Column("position", BigInteger, nullable=False, comment="of what was last said; to postpone it says nothing"),
    Column("postponed_until", BigInteger, comment="off the worklist until then"),
    Column("assigned_to", Text, comment="the clerk who is to decide"),
    Index("link_state", "state"),
    Index("link_high", "high"),
    info=written_from("krypton.links"),
)

STATEMENT = Table(
    "statement",
    TABLES,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("link_id", ID, nullable=False),
    Column("type", Text, nullable=False),
    Column("low", ID, nullable=False),
    Column("high", ID, nullable=False),
    Column("actor", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("reason", Text, info=sealed_for("low", "high")),
    Column("rule", Text),
    Column("rule_version", Integer),
    Column("score", Float(53)),
    Column("compared", JSONB(none_as_null=True)),
    Column("differing", JSONB(none_as_null=True), comment="of sex and birth_date, what differed and was merged over"),
    Index("statement_low", "low", "position"),
    Index("statement_high", "high", "position"),
    info=written_from("krypton.links"),
)
