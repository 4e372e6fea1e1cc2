"""Finds studies of one person by what is asked of them, without opening an instance."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch

FOUND: Final = """
SELECT s.study_id::text AS study FROM patient_record.study s
WHERE s.identity_id = ANY(%(members)s::uuid[]) AND {condition}
"""
OF_UID: Final = """
SELECT study_id::text AS study, identity_id::text AS identity, study_uid, site, started_at
FROM patient_record.study WHERE study_uid = %(uid)s ORDER BY first_position LIMIT %(limit)s
"""
MOST_OF_A_UID: Final = 200


def studies(connection: Connection, members: Sequence[str], condition: str, values: Mapping[str, Any]) -> set[str]:
    """Ids of the members' studies that meet a condition on ``s``, a text of Krypton's own with parameters."""
    rows = fetch(connection, FOUND.format(condition=condition), members=list(members), **values)
    return {row["study"] for row in rows}


def owner(connection: Connection, study: str) -> str | None:
    """The identity whose study it is now; None: there is none of that id."""
    rows = fetch(connection, "SELECT identity_id FROM patient_record.study WHERE study_id = %(study)s", study=study)
    return str(rows[0]["identity_id"]) if rows else None


def orders_of(connection: Connection, members: Sequence[str]) -> list[str]:
    """Ids of the orders that are the members' now, whatever became of them."""
    asked = "SELECT order_id::text AS id FROM patient_record.exam_order WHERE identity_id = ANY(%(members)s::uuid[])"
    return [row["id"] for row in fetch(connection, asked + " ORDER BY order_id", members=list(members))]


def of_uid(connection: Connection, uid: str) -> list[dict[str, Any]]:
    """Studies of a DICOM UID, whoever's: ids, and what an exclusion or an opposition goes by."""
    return fetch(connection, OF_UID, uid=uid, limit=MOST_OF_A_UID)
