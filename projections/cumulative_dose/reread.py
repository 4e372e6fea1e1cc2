"""Which stored dose reports may be read again: those whose dose is known, and those of which none could be read."""

from collections.abc import Sequence
from typing import Any

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch

# A study's readings of one report follow each other in the ledger, so a page that begins with a study holds them all.
STUDIES = """
SELECT study_id::text AS study FROM cumulative_dose.report
WHERE study_id > %(after)s::uuid AND (%(site)s::text IS NULL OR site = %(site)s)
  AND (%(study)s::uuid IS NULL OR study_id = %(study)s::uuid)
  AND (%(report)s::text IS NULL OR report_uid = %(report)s)
GROUP BY study_id ORDER BY study_id LIMIT %(limit)s
"""
READINGS = """
SELECT study_id::text AS study, study_uid, report_uid, site, source, replaced, subject_id::text AS subject, position
FROM cumulative_dose.report WHERE study_id = ANY(%(studies)s::uuid[]) ORDER BY study_id, position
"""


def studies(
    connection: Connection, after: str, limit: int, *, site: str | None, study: str | None, report: str | None
) -> list[str]:
    """Studies with a dose report of that site, study or report (None: of any), in the order of their ids."""
    asked = {"after": after, "limit": limit, "site": site, "study": study, "report": report}
    return [row["study"] for row in fetch(connection, STUDIES, **asked)]


def recorded(connection: Connection, studies: Sequence[str]) -> list[dict[str, Any]]:
    """All reports of these studies whose dose is on record, each with the ledger position of its event."""
    return fetch(connection, READINGS, studies=list(studies))
