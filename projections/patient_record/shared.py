"""Finds studies of one Study Instance UID under two identities: two hospitals' copies, or a number that was wrong."""

from collections.abc import Mapping, Sequence

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch

SAME_STUDY = """
SELECT own.study_id::text AS study, other.study_id::text AS other
FROM patient_record.study own
LEFT JOIN LATERAL (
    SELECT s.study_id FROM patient_record.study s
    WHERE s.study_uid = own.study_uid AND s.identity_id <> own.identity_id
    ORDER BY s.first_position LIMIT 1) other ON true
WHERE own.study_id = ANY(%(studies)s::uuid[])
"""


def same_study(
    connection: Connection, keys: Sequence[tuple[str, ...]]
) -> Mapping[tuple[str, ...], Sequence[Mapping[str, str]]]:
    """By study that the view has: with the first other one of its UID that is of another identity, if there is one."""
    rows = fetch(connection, SAME_STUDY, studies=[study for (study,) in keys])
    return {
        (row["study"],): [{"study": row["study"], "other": row["other"]}] if row["other"] is not None else []
        for row in rows
    }
