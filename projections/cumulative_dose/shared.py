"""Finds irradiation events that reports of two studies carry."""

from collections.abc import Mapping, Sequence

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch

MOST = 5  # other studies of one report: a device that gives all its events one UID floods no list
SAME_EVENTS = f"""
SELECT own.study_id::text AS study, own.report_uid AS report, shared.other, shared.irradiation_event
FROM cumulative_dose.report own
JOIN unnest(%(studies)s::uuid[], %(reports)s::text[]) asked(study_id, report_uid) USING (study_id, report_uid)
LEFT JOIN LATERAL (
    SELECT other.study_id::text AS other, min(other.irradiation_event_uid) AS irradiation_event
    FROM cumulative_dose.exposure mine
    JOIN cumulative_dose.exposure other USING (irradiation_event_uid)
    WHERE mine.study_id = own.study_id AND mine.report_uid = own.report_uid AND other.study_id <> own.study_id
    GROUP BY other.study_id ORDER BY other.study_id LIMIT {MOST}) shared ON true
"""


def same_events(
    connection: Connection, keys: Sequence[tuple[str, ...]]
) -> Mapping[tuple[str, ...], Sequence[Mapping[str, str]]]:
    """By study and report that the view has: the other studies with an event of the report, each with one of them."""
    rows = fetch(connection, SAME_EVENTS, studies=[study for study, _ in keys], reports=[report for _, report in keys])
    found: dict[tuple[str, ...], list[Mapping[str, str]]] = {}
    for row in rows:
        shared = found.setdefault((row["study"], row["report"]), [])
        if row["other"] is not None:
            told = {"study": row["study"], "other": row["other"], "irradiation_event": row["irradiation_event"]}
            shared.append(told)
    return found
