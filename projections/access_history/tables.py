"""Tables of the access history. Times are microseconds since 1970 (UTC); ids are uuids.

Written from ``krypton.accesses``: ``access``, ``audit``. Written from ``krypton.consents``: ``consent_statement``.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from projections.engine.sealed import sealed_for
from projections.versions.ownership import written_from

TABLES = MetaData()
ID = Uuid(as_uuid=False)

ACCESS = Table(
    "access",
    TABLES,
    Column("access_id", ID, primary_key=True),
    Column("identity_id", ID, nullable=False, comment="the local identity that was asked for"),
    Column("members", JSONB, nullable=False, comment="identities held to be the same person when it was decided"),
    Column("rpps", Text, nullable=False),
    Column("site", Text, comment="code of the establishment acted from; null: none, or not said"),
    Column("actor", Text, nullable=False),
    Column("decision", Text, nullable=False, comment="granted, emergency or denied"),
    Column("ground", Text, comment="care_team, consent, code or emergency; null: denied"),
    Column("rule", Text, nullable=False),
    Column("purpose", Text, nullable=False, comment="TREATMENT or BTG"),
    Column("reason", Text, nullable=False, info=sealed_for("identity_id")),
    Column("statement_id", ID, comment="the consent, code or opposition that the decision rests on"),
    Column("stated_by", ID, comment="the identity on whose behalf that was stated"),
    Column("exclusions", JSONB, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, comment="null: denied"),
    Column("closed_at", BigInteger, comment="null: not closed; it ends at expires_at"),
    Column("note", Text, comment="what was said when an emergency was closed", info=sealed_for("identity_id")),
    Column("position", BigInteger, nullable=False),
    Index("access_members", "members", postgresql_using="gin"),
    Index("access_rpps", "rpps", "position"),
    info=written_from("krypton.accesses"),
)

AUDIT = Table(
    "audit",
    TABLES,
    Column("access_id", ID, primary_key=True),
    Column("identity_id", ID, nullable=False, comment="the local identity that was asked about"),
    Column("other_id", ID, comment="the second one, of a question about two"),
    Column("members", JSONB, nullable=False, comment="identities of which the answer may have spoken"),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="history, accesses, as_of, exposure or export"),
    Column("asked", JSONB, nullable=False, comment="limits of the question, name=value"),
    Column("unsealed", Boolean, nullable=False, comment="fields that name the person were given out readable"),
    Column("purpose", Text, nullable=False, comment="HCOMPL"),
    Column("rule", Text, nullable=False),
    Column("reason", Text, nullable=False, info=sealed_for("identity_id", "other_id")),
    Column("opened_at", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("audit_members", "members", postgresql_using="gin"),
    comment="Questions of auditors, each recorded before it was answered.",
    info=written_from("krypton.accesses"),
)

CONSENT_STATEMENT = Table(
    "consent_statement",
    TABLES,
    Column("identity_id", ID, primary_key=True),
    Column("statement_id", ID, primary_key=True),
    Column("kind", Text, nullable=False, comment="grant, opposition or code"),
    Column("scope", Text, nullable=False, comment="consult or feed"),
    Column("party", Text, comment="rpps:…, site:… or everyone; null: whoever holds the code"),
    Column(
        "state", Text, nullable=False, comment="in_force, revoked, lifted or used; what has run out is told when read"
    ),
    Column("exclusions", JSONB, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("expires_at", BigInteger, comment="null: until it is taken back"),
    Column("ended_at", BigInteger, comment="when it was revoked, lifted or used"),
    Column("reason", Text, comment="of an opposition", info=sealed_for("identity_id")),
    Column("end_reason", Text, comment="of taking it back", info=sealed_for("identity_id")),
    Column("actor", Text, nullable=False),
    Column("access_id", ID, comment="the access that used the code"),
    Column("position", BigInteger, nullable=False),
    info=written_from("krypton.consents"),
)
