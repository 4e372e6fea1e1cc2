"""Which of many identities are one person now: what counts persons asks, not identities."""

from collections.abc import Collection
from typing import Final

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch

PERSONS: Final = """
SELECT identity_id::text AS identity, person_id::text AS person FROM identity_index.node
WHERE identity_id = ANY(%(identities)s::uuid[]) AND person_id <> identity_id
"""


def persons_of(connection: Connection, identities: Collection[str]) -> dict[str, str]:
    """Identity to the person that it is, where it is not the person's first."""
    rows = fetch(connection, PERSONS, identities=list(identities))
    return {row["identity"]: row["person"] for row in rows}
