"""How much the record of each identity holds: numbers alone, for whoever says whose it is and does not read it."""

from collections.abc import Collection
from typing import Final

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch

COUNTED: Final = ("studies", "reports", "dose_reports", "orders")
COUNTS = """
WITH asked AS (SELECT unnest(%(ids)s::uuid[]) AS identity_id),
shown AS (SELECT s.study_id, s.identity_id FROM patient_record.study s JOIN asked USING (identity_id)
          WHERE NOT s.withdrawn)
SELECT a.identity_id::text AS identity,
       (SELECT count(*) FROM shown s WHERE s.identity_id = a.identity_id) AS studies,
       (SELECT count(*) FROM shown s JOIN patient_record.report r USING (study_id)
        WHERE s.identity_id = a.identity_id AND r.kind <> 'DOSE') AS reports,
       (SELECT count(*) FROM shown s JOIN patient_record.report r USING (study_id)
        WHERE s.identity_id = a.identity_id AND r.kind = 'DOSE') AS dose_reports,
       (SELECT count(*) FROM patient_record.exam_order o WHERE o.identity_id = a.identity_id) AS orders
FROM asked a
"""


def counted(connection: Connection, identities: Collection[str]) -> dict[str, dict[str, int]]:
    """Of each identity, how many studies, reports, dose reports and orders are shown to who may read it; those of
    withdrawn studies are not.
    """
    rows = fetch(connection, COUNTS, ids=list(identities))
    return {row["identity"]: {name: row[name] for name in COUNTED} for row in rows}
