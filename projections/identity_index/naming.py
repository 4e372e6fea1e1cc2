"""Which identity a national health identity names: an id, and nothing that is known of the person."""

from psycopg2.extensions import connection as Connection

from domain.errors import NotFound
from projections.engine.query import fetch


def by_matricule(connection: Connection, matricule: str) -> str:
    """The identity that carries a national health identity's matricule, with or without spaces.

    One that several records of one person carry gives the earliest registered. Raises NotFound, never repeating it.
    """
    found = fetch(
        connection,
        """
        SELECT i.identity_id, coalesce(n.person_id, i.identity_id) AS person
        FROM identity_index.identity i LEFT JOIN identity_index.node n USING (identity_id)
        WHERE i.ins = %(ins)s ORDER BY i.registered_position
        """,
        ins=matricule.replace(" ", "").upper(),
    )
    if not found:
        raise NotFound("no identity carries that matricule: check it, or write ASSIGNER|LOCAL_ID")
    if len(persons := {row["person"] for row in found}) > 1:
        raise NotFound(
            f"{len(persons)} persons carry that matricule: write ASSIGNER|LOCAL_ID or a uuid, and see "
            "krypton identity review list"
        )
    return str(found[0]["identity_id"])
