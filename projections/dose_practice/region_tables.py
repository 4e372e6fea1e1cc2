"""Tables of the comparison with the region: figures of all establishments together, made again from time to time.

They belong to no version of the view: a rebuild neither fills nor empties them. They hold nobody's dose and no
establishment's figure.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.schema import CreateSchema

from postgres.session import engine

SCHEMA: Final = "dose_region"
METADATA = MetaData(schema=SCHEMA)
NUMBER = Float(53)
LOCK = "SELECT pg_advisory_xact_lock(hashtext('krypton dose region tables'))"

MADE = Table(
    "made",
    METADATA,
    Column("single", Boolean, CheckConstraint("single"), primary_key=True, comment="there is one row, or none"),
    Column("made_at", DateTime(timezone=True), nullable=False, comment="when its rows were read"),
    Column("view_version", Integer, nullable=False, comment="of dose_practice, which was live"),
    Column("acts", Integer, nullable=False, comment="version of the mapping by which exposures were grouped"),
    Column("levels", Integer, nullable=False, comment="of the reference levels, which name children's weights"),
    Column("since", Text, nullable=False, comment="the first day: YYYY-MM-DD"),
    Column("until", Text, nullable=False, comment="the last day that was known"),
    Column("exposures", BigInteger, nullable=False),
    Column("persons", BigInteger, nullable=False),
    Column("sites", Integer, nullable=False),
)

FIGURE = Table(
    "figure",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False, comment="among the rows of one comparison"),
    Column("act", Text, nullable=False),
    Column("modality", Text),
    Column("population", Text, comment="adult or child; null: age not known"),
    Column("weight", Text, comment="a child's, as the groups of a device name it"),
    Column("quantity", Text, nullable=False),
    Column("phantom_cm", Integer),
    Column("exposures", BigInteger, nullable=False),
    Column("persons", BigInteger, nullable=False),
    Column("sites", Integer, nullable=False),
    Column("q1", NUMBER, comment="this and the next two: null where too few contribute, or one gave most"),
    Column("median", NUMBER),
    Column("q3", NUMBER),
)


def create(url: str) -> None:
    """Make the tables; safe to repeat, and twice at once."""
    with engine(url, "init").begin() as sql:
        sql.execute(text(LOCK))
        sql.execute(CreateSchema(SCHEMA, if_not_exists=True))
        METADATA.create_all(sql)
