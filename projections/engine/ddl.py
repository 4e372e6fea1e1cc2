"""The statements that make tables as they are declared."""

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


def if_absent(table: Table) -> str:
    """The CREATE TABLE IF NOT EXISTS statement for a table as declared."""
    return str(CreateTable(table, if_not_exists=True).compile(dialect=DIALECT))
