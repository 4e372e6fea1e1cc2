"""Interface for what a view's differences mean: persons joined or split, doses newly over a level."""

from typing import Any, Protocol

from psycopg2.extensions import connection as Connection

from projections.cumulative_dose.difference import Levels
from projections.identity_index.difference import Persons

Document = dict[str, Any]


class Meaning(Protocol):
    """How one view's differences are explained. ``live`` and ``candidate`` are the PostgreSQL schemas of the
    versions.
    """

    def counts(self, connection: Connection, live: str, candidate: str) -> Document:
        """Numbers by name."""

    def page(self, connection: Connection, live: str, candidate: str, offset: int, limit: int) -> list[Document]:
        """One document per difference, in a stable order."""


MEANINGS: dict[str, Meaning] = {"identity_index": Persons(), "cumulative_dose": Levels()}
"""By view; other views have no meaning beyond their rows."""
