"""Declares the tables of web sessions. They hold nothing that a thief could sign in with, and no name."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, MetaData, Table, Text, Uuid, text
from sqlalchemy.schema import CreateSchema

from postgres.session import engine

SCHEMA: Final = "web"
METADATA = MetaData(schema=SCHEMA)
LOCK = "SELECT pg_advisory_xact_lock(hashtext('krypton web'))"

SESSION = Table(
    "session",
    METADATA,
    Column("id_hash", LargeBinary, primary_key=True, comment="SHA-256 of the id, which the browser alone has"),
    Column("provider", Text, nullable=False, comment="by which they signed in, as the providers file names it"),
    Column("actor", Text, comment="null while they choose as what, and from where, they act"),
    Column("site", Text, comment="code of the establishment that they act from"),
    Column("subject", LargeBinary, nullable=False, comment="keyed hash of the provider's name for them"),
    Column("session", LargeBinary, comment="keyed hash of the provider's name for its session"),
    Column("sealed", LargeBinary, nullable=False, comment="tokens of the provider, and what there is to choose from"),
    Column("began_at", BigInteger, nullable=False, comment="µs since 1970, UTC; it ends 4 h later"),
    Column(
        "seen_at", BigInteger, nullable=False, comment="last used: it ends 30 min later; a minute too early at most"
    ),
    Column("asked_at", BigInteger, nullable=False, comment="when the provider said last that its session goes on"),
    Index("session_subject", "subject"),
    Index("session_seen", "seen_at"),
)

REASON = Table(
    "reason",
    METADATA,
    Column("id_hash", ForeignKey(SESSION.c.id_hash, ondelete="CASCADE", onupdate="CASCADE"), primary_key=True),
    Column("identity_id", Uuid(as_uuid=False), primary_key=True, comment="names the person who is asked about"),
    Column("sealed", LargeBinary, nullable=False, comment="why, in words"),
)

LOGOUT = Table(
    "logout",
    METADATA,
    Column("token", LargeBinary, primary_key=True, comment="keyed hash of the id of a logout token that was used"),
    Column("until", BigInteger, nullable=False, comment="µs since 1970, UTC: it is good no longer"),
    Index("logout_until", "until"),
)

VIEWING = Table(
    "viewing",
    METADATA,
    Column("viewing_id", Uuid(as_uuid=False), primary_key=True, comment="in the viewer's address; lets nobody in"),
    Column(
        "secret_hash",
        LargeBinary,
        nullable=False,
        unique=True,
        comment="SHA-256 of the link's token; of the cookie's value, once it was opened",
    ),
    Column(
        "session",
        ForeignKey(SESSION.c.id_hash, ondelete="CASCADE", onupdate="CASCADE"),
        index=True,
        comment="in which it was asked for; null: an account asked, or a portal",
    ),
    Column("signed_by", Text, nullable=False, comment="the session, account or professional that asked"),
    Column("actor", Text, nullable=False, comment="as what they act"),
    Column("site", Text, comment="code of the establishment that they act from"),
    Column("person", Uuid(as_uuid=False), nullable=False, comment="an identity of the person whose study it is"),
    Column("study_uid", Text, nullable=False, comment="the study that it was asked for"),
    Column("others", Boolean, nullable=False, comment="the person's other studies may be asked for, too"),
    Column("sealed", LargeBinary, nullable=False, comment="why, in words"),
    Column("began_at", BigInteger, nullable=False, comment="µs since 1970, UTC; it ends 4 h later"),
    Column("opened_at", BigInteger, comment="null until the link is opened: once, and within two minutes"),
    Column("seen_at", BigInteger, nullable=False, comment="last used: it ends 30 min later"),
    Index("viewing_began", "began_at"),
)


def create(url: str) -> None:
    """Make the tables; safe to repeat, and twice at once."""
    with engine(url, "init").begin() as sql:
        sql.execute(text(LOCK))
        sql.execute(CreateSchema(SCHEMA, if_not_exists=True))
        METADATA.create_all(sql)
