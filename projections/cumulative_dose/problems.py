"""Which dose reports are to be looked at? Those not understood, with warnings, or with implausible values."""

from collections.abc import Collection, Iterable
from typing import Any

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch
from schemas.event import ERASED

Document = dict[str, Any]
GONE = [ERASED]

NOTED_REPORTS = """
WITH noted AS (
    SELECT study_id, report_uid, note FROM cumulative_dose.report, jsonb_array_elements_text(not_understood) note
    UNION SELECT study_id, report_uid, note
    FROM cumulative_dose.exposure, jsonb_array_elements_text(not_understood) note),
doubtful AS (
    SELECT study_id, report_uid, quantity FROM cumulative_dose.report, jsonb_array_elements_text(implausible) quantity
    UNION SELECT study_id, report_uid, quantity
    FROM cumulative_dose.exposure, jsonb_array_elements_text(implausible) quantity)
SELECT r.study_id::text AS study, r.report_uid, r.subject_id::text AS subject, r.site, r.modality,
       r.device->>'model' AS model, r.position,
       coalesce(n.notes, '[]') AS not_understood, coalesce(d.quantities, '[]') AS implausible,
       coalesce(r.warnings, '[]') AS warnings
FROM cumulative_dose.report r
LEFT JOIN (SELECT study_id, report_uid, jsonb_agg(note ORDER BY note) AS notes FROM noted GROUP BY 1, 2) n
    USING (study_id, report_uid)
LEFT JOIN (
    SELECT study_id, report_uid, jsonb_agg(quantity ORDER BY quantity) AS quantities FROM doubtful GROUP BY 1, 2) d
    USING (study_id, report_uid)
WHERE NOT r.replaced AND (%(every)s OR n.notes IS NOT NULL OR r.warnings IS NOT NULL
    OR (d.quantities IS NOT NULL AND r.accepted_position IS NULL))
ORDER BY r.position DESC LIMIT %(limit)s
"""


def noted(connection: Connection, limit: int | None = None, *, every: bool = False) -> list[Document]:
    """Reports with something that was not understood, a warning, or implausible values that nobody accepted; newest
    first. Not what another one took the place of whole. ``every``: also those without.

    ``subject``: whose key the notes are sealed under; ``told`` makes them ready to be shown.
    """
    return list(fetch(connection, NOTED_REPORTS, limit=limit, every=every))


def told(rows: Iterable[Document], erased: Collection[str]) -> list[Document]:
    """Rows of ``noted`` as shown: without their subjects, and notes masked where one of them is ``erased``."""
    return [
        {name: value for name, value in row.items() if name != "subject"}
        | ({"not_understood": GONE} if row["not_understood"] and row["subject"] in erased else {})
        for row in rows
    ]
