"""Finds studies of one Study Instance UID under two identities: two hospitals' copies, or a number that was wrong."""

from collections.abc import Mapping, Sequence
from typing import Final

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch

MOST: Final = 10
"""So many others are put to a clerk with one study: a device that gives all its studies one UID would fill the list."""
SAME_STUDY = """
SELECT own.study_id::text AS study, other.study_id::text AS other
FROM patient_record.study own
LEFT JOIN LATERAL (
    SELECT s.study_id, s.first_position FROM patient_record.study s
    WHERE s.study_uid = own.study_uid AND s.identity_id <> own.identity_id
    ORDER BY s.first_position LIMIT %(most)s) other ON true
WHERE own.study_id = ANY(%(studies)s::uuid[]) ORDER BY other.first_position
"""
HELD_BY = """
SELECT DISTINCT own.study_id::text AS study, other.identity_id::text AS identity
FROM patient_record.study own JOIN patient_record.study other USING (study_uid)
WHERE own.study_id = ANY(%(studies)s::uuid[]) AND other.identity_id <> own.identity_id AND NOT other.withdrawn
ORDER BY study, identity
"""


def same_study(
    connection: Connection, keys: Sequence[tuple[str, ...]]
) -> Mapping[tuple[str, ...], Sequence[Mapping[str, str]]]:
    """By study that the view has: with each other one of its UID that is of another identity, the first ``MOST``."""
    found: dict[tuple[str, ...], list[Mapping[str, str]]] = {}
    for row in fetch(connection, SAME_STUDY, studies=[study for (study,) in keys], most=MOST):
        others = found.setdefault((row["study"],), [])
        if row["other"] is not None:
            others.append({"study": row["study"], "other": row["other"]})
    return found


def others_of(connection: Connection, studies: Sequence[str]) -> list[tuple[str, str]]:
    """Of these studies, each with an identity that has one of the same UID, too."""
    return [(row["study"], row["identity"]) for row in fetch(connection, HELD_BY, studies=list(studies))]
