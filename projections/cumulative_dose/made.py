"""How single exposures were made, on which device and of whom: what the census of practice has not, by key."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch

Key = tuple[str, str, str]
"""Of an exposure: study, report and irradiation event."""
MADE: Final = """
SELECT e.study_id::text AS study, e.report_uid AS report, e.irradiation_event_uid AS uid, r.study_uid,
       e.subject_id::text AS subject, e.started_at, e.entrance_dose_mgy, e.technique, e.radiopharmaceutical,
       r.device AS made_by, r.device_words AS made_by_words, r.patient AS stated
FROM unnest(%(studies)s::uuid[], %(reports)s::text[], %(events)s::text[])
    AS sought (study_id, report_uid, irradiation_event_uid)
JOIN cumulative_dose.exposure e USING (study_id, report_uid, irradiation_event_uid)
JOIN cumulative_dose.report r USING (study_id, report_uid)
"""


def made(connection: Connection, keys: Collection[Key]) -> Mapping[Key, Mapping[str, Any]]:
    """Of each of these exposures that the view holds: its time, technique, device and patient, as its report states
    them. ``subject``: the identity under whose key these words are sealed.
    """
    if not keys:
        return {}
    studies, reports, events = (list(part) for part in zip(*keys, strict=True))
    rows = fetch(connection, MADE, studies=studies, reports=reports, events=events)
    return {(row["study"], row["report"], row["uid"]): row for row in rows}
