"""The studies and orders of one identity, for whoever says whose they are and does not read them: when and where."""

from collections.abc import Collection, Mapping, Sequence
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
ORDERS = """
SELECT o.order_id::text AS "order", o.site, o.state, o.placed_at, o.scheduled_at, o.scheduled_for, made.study
FROM patient_record.exam_order o
LEFT JOIN LATERAL (
    SELECT s.study_id::text AS study FROM patient_record.study s
    WHERE s.identity_id = o.identity_id AND (s.study_id = o.study_id OR s.study_uid = o.study_uid)
    ORDER BY s.first_position LIMIT 1) made ON true
WHERE o.identity_id = %(identity)s
ORDER BY o.first_position
"""


def owned(connection: Connection, identity: str) -> list[dict[str, Any]]:
    """Each study that is shown as the identity's. ``conflicts``: patient or traits, where it came in again and said
    otherwise of the person; ``received_at`` is also as microseconds, in ``received``.
    """
    rows = fetch(connection, OWNED, identity=identity)
    return [row | {"received": row["received_at"], "received_at": iso(row["received_at"])} for row in rows]


def orders_owned(connection: Connection, identity: str) -> list[dict[str, Any]]:
    """Each order that is the identity's. ``study``: what was made of it, where that is the identity's, too."""
    rows = fetch(connection, ORDERS, identity=identity)
    return [row | {name: iso(row[name]) for name in ("placed_at", "scheduled_for")} for row in rows]


def moved(connection: Connection, identity: str, chosen: Mapping[str, Collection[str]]) -> dict[str, int]:
    """How much the chosen ``studies`` and ``orders`` of an identity hold, as ``counted`` counts it."""
    studies = _of(owned(connection, identity), "study", chosen["studies"])
    orders = _of(orders_owned(connection, identity), "order", chosen["orders"])
    counts = {name: sum(row[name] for row in studies) for name in ("reports", "dose_reports")}
    return {"studies": len(studies), **counts, "orders": len(orders)}


def _of(rows: Sequence[dict[str, Any]], name: str, chosen: Collection[str]) -> list[dict[str, Any]]:
    return [row for row in rows if row[name] in chosen]
