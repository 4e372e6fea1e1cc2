"""The studies of one identity, for whoever says whose they are and does not read them: when and where, and no more."""

from collections.abc import Collection
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.times import iso
from projections.engine.query import fetch

OWNED = """
SELECT s.study_id::text AS study, s.study_uid, s.site, s.started_at, s.received_at, s.instances,
       (SELECT count(*) FROM patient_record.report r WHERE r.study_id = s.study_id AND r.kind <> 'DOSE') AS reports,
       (SELECT count(*) FROM patient_record.report r WHERE r.study_id = s.study_id AND r.kind = 'DOSE') AS dose_reports,
       ARRAY(SELECT DISTINCT c.kind FROM patient_record.conflict c
             WHERE c.study_id = s.study_id AND c.state = 'open' AND c.kind IN ('patient', 'traits')
             ORDER BY 1) AS conflicts
FROM patient_record.study s
WHERE s.identity_id = %(identity)s AND NOT s.withdrawn
ORDER BY s.first_position
"""


def owned(connection: Connection, identity: str) -> list[dict[str, Any]]:
    """Each study that is shown as the identity's. ``conflicts``: patient or traits, where it came in again and said
    otherwise of the person; ``received_at`` is also as microseconds, in ``received``.
    """
    rows = fetch(connection, OWNED, identity=identity)
    return [row | {"received": row["received_at"], "received_at": iso(row["received_at"])} for row in rows]


def moved(rows: Collection[dict[str, Any]], studies: Collection[str]) -> dict[str, int]:
    """How much these studies hold, as ``counted`` counts it."""
    chosen = [row for row in rows if row["study"] in studies]
    counts = {name: sum(row[name] for row in chosen) for name in ("reports", "dose_reports")}
    return {"studies": len(chosen), **counts, "orders": 0}
