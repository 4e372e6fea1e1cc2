"""What came in and waits for a person: studies in conflict, and dose reports of which no dose could be read."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.sight import Sight
from domain.times import iso
from projections.engine.query import fetch
from schemas.event import ERASED

Document = dict[str, Any]

CONFLICTS = """
SELECT c.conflict_id::text AS conflict, c.study_id::text AS study, s.study_uid, s.identity_id::text AS identity, c.kind,
       c.differing, c.instances, c.uid, c.other_identity_id::text AS other_identity, c.other_study_uid,
       coalesce(nullif(c.site, ''), s.site) AS site, c.digest, c.found_at, c.found_by, c.state, c.settled_by, c.position
FROM patient_record.conflict c JOIN patient_record.study s USING (study_id)
WHERE c.state = 'open' OR %(all)s ORDER BY c.position LIMIT %(limit)s
"""
UNREAD = """
SELECT r.study_id::text AS study, r.report_uid, r.subject_id::text AS subject, s.study_uid, s.started_at, s.site,
       r.unread, r.position
FROM patient_record.report r LEFT JOIN patient_record.study s USING (study_id)
WHERE r.unread IS NOT NULL {of_whom} ORDER BY r.position DESC LIMIT %(limit)s
"""


def conflicts(connection: Connection, limit: int | None = None, *, settled: bool = False) -> list[Document]:
    """``study conflicts list``: what came in and says otherwise, oldest first; with ``settled``, decided ones too."""
    found = fetch(connection, CONFLICTS, limit=limit, all=settled)
    return [row | {"found_at": iso(row["found_at"])} for row in found]


def study_of_conflict(connection: Connection, conflict: str) -> str | None:
    """The study of a conflict; None: there is none of that id."""
    found = fetch(connection, "SELECT study_id FROM patient_record.conflict WHERE conflict_id = %(id)s", id=conflict)
    return str(found[0]["study_id"]) if found else None


def unread_doses(connection: Connection, limit: int | None = None) -> list[Document]:
    """Dose reports of which no dose could be read, and why, newest first; ``subject``: whose key that is sealed under.

    ``told`` makes them ready to be shown.
    """
    return list(fetch(connection, UNREAD.format(of_whom=""), limit=limit))


def unread_of(
    connection: Connection, members: Sequence[str], sight: Sight, erased: Collection[str] = ()
) -> list[Document]:
    """The same of these members, as far as the reader sees them."""
    of_whom = "AND s.identity_id = ANY(%(members)s::uuid[])"
    seen = (
        row
        for row in fetch(connection, UNREAD.format(of_whom=of_whom), limit=None, members=list(members))
        if not sight.exclusions.study(row["study_uid"], row["started_at"])
        and not sight.withholds(row["position"], [row["site"]])
    )
    return told(seen, erased)


def told(rows: Iterable[Document], erased: Collection[str]) -> list[Document]:
    """Rows as shown: without their subjects, and why nothing could be read masked where one of them is ``erased``."""
    return [
        {name: value for name, value in row.items() if name != "subject"}
        | ({"unread": ERASED} if row["subject"] in erased else {})
        for row in rows
    ]


def instances(connection: Connection, studies: Collection[str]) -> dict[str, int]:
    """How many instances of each of these studies were taken in."""
    asked = "SELECT study_id::text AS study, instances FROM patient_record.study WHERE study_id = ANY(%(ids)s::uuid[])"
    return {row["study"]: row["instances"] for row in fetch(connection, asked, ids=list(studies))}
