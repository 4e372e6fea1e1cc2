"""Table definitions of the access history view.

Times are microseconds since 1970 (UTC); ids are uuids.

Written from ``krypton.accesses``: ``access``, ``viewing``. Written from ``krypton.consents``: ``consent_statement``.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from projections.engine.ownership import written_from
from projections.engine.sealed import sealed_for

TABLES = MetaData()
ID = Uuid(as_uuid=False)

ACCESS = Table(
    "access",
    TABLES,
    Column("access_id", ID, primary_key=True),
    Column("identity_id", ID, nullable=False, comment="the local identity that was asked for"),
    Column("members", JSONB, nullable=False, comment="identities of the same person when it was decided"),
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
    Column("lapsed_at", BigInteger, comment="when an emergency that nobody had closed was closed"),
    Column("reviewed_at", BigInteger, comment="null: not reviewed"),
    Column("reviewed_by", Text, comment="the actor who reviewed it"),
    Column("review_note", Text, comment="what they found", info=sealed_for("identity_id")),
    Column("position", BigInteger, nullable=False),
    Index("access_members", "members", postgresql_using="gin"),
    Index("access_to_review", "lapsed_at", postgresql_where=text("lapsed_at IS NOT NULL AND reviewed_at IS NULL")),
    Index("access_rpps", "rpps", "expires_at"),
    info=written_from("krypton.accesses"),
)

VIEWING = Table(
    "viewing",
    TABLES,
    Column("viewing_id", ID, primary_key=True),
    Column("outcome", Text, nullable=False, comment="viewed, refused or listed"),
    Column("identity_id", ID, comment="the local identity that was asked about; null: of a list"),
    Column("other_id", ID, comment="the second one, of a question about two"),
    Column("caller_id", ID, comment="the caller's own key, where the reason is sealed under it"),
    Column("members", JSONB, nullable=False, comment="identities of which the answer may have spoken"),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False, comment="professional, patient, clerk, operator, auditor or service"),
    Column("kind", Text, nullable=False, comment="the task: record.show, audit.history, …"),
    Column("ground", Text, comment="open access, self or task; null: refused"),
    Column("access_id", ID, comment="the access that it rests on"),
    Column("site", Text, comment="code of the establishment acted from; null: none, or not said"),
    Column("purpose", Text, nullable=False, comment="TREATMENT, BTG, PATRQT, HCOMPL, SYSADMIN or HOPERAT"),
    Column("asked", JSONB, nullable=False, comment="limits of the question, name=value"),
    Column("unsealed", Boolean, nullable=False, comment="fields that name the person were given out readable"),
    Column("rule", Text, nullable=False),
    Column("reason", Text, nullable=False, info=sealed_for("identity_id", "other_id", "caller_id")),
    Column("viewed_at", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("viewing_members", "members", postgresql_using="gin"),
    comment="Who read what, or was refused; each recorded before it was answered.",
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
