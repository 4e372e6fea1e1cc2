"""What a difference between two versions means: who would be one person, which doses would call for attention."""

from typing import Any, Protocol

from psycopg2.extensions import connection as Connection

from projections.cumulative_dose.difference import Levels
from projections.identity_index.difference import Persons

Document = dict[str, Any]


class Meaning(Protocol):
    """How one view's differences are told. ``live`` and ``candidate`` are the PostgreSQL schemas of the versions."""

    def counts(self, connection: Connection, live: str, candidate: str) -> Document:
        """Numbers, under one name each."""

    def page(self, connection: Connection, live: str, candidate: str, offset: int, limit: int) -> list[Document]:
        """One document per difference, in a stable order."""


MEANINGS: dict[str, Meaning] = {"identity_index": Persons(), "cumulative_dose": Levels()}
"""By view; of the others, rows tell all."""
