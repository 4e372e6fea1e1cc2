"""Which dose alerts call for attention, and what became of each; of ``cumulative_dose``, as JSON-ready values.

``erased``: identities whose key is destroyed; notes sealed under it are shown as ``[erased]`` at once.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.times import iso
from projections.engine.query import NOW, fetch
from schemas.event import ERASED

Document = dict[str, Any]
Row = Mapping[str, Any]
NOBODY: frozenset[str] = frozenset()

# The latest owner is the one that holds; a study has one row of dose_owner, rarely more.
ALERT = """
SELECT a.*, r.study_uid, r.site, r.position AS report_position, o.identity_id AS identity,
       coalesce((SELECT t.identity_id FROM cumulative_dose.dose_owner t
                 WHERE t.study_id = a.study_id AND t.from_position <= a.position
                 ORDER BY t.from_position DESC LIMIT 1), o.identity_id) AS identity_then
FROM cumulative_dose.alert a
JOIN cumulative_dose.report r USING (study_id, report_uid)
CROSS JOIN LATERAL (
    SELECT identity_id FROM cumulative_dose.dose_owner o
    WHERE o.study_id = a.study_id AND o.from_position <= %(at)s ORDER BY o.from_position DESC LIMIT 1) o
"""
ALERTS_OF_STUDIES = f"""{ALERT}
WHERE a.study_id = ANY(%(studies)s::uuid[]) AND a.position <= %(at)s ORDER BY a.position
"""
ALERTS = f"""{ALERT}
WHERE (NOT %(open_only)s OR a.acknowledged_position IS NULL AND a.withdrawn_position IS NULL)
  AND (%(alert)s::uuid IS NULL OR a.alert_id = %(alert)s)
  AND (%(site)s::text IS NULL OR r.site = %(site)s)
ORDER BY a.position LIMIT %(limit)s
"""

REPORTS = """
SELECT r.study_id, r.study_uid, r.site, r.position, o.identity_id AS identity
FROM cumulative_dose.report r
CROSS JOIN LATERAL (
    SELECT identity_id FROM cumulative_dose.dose_owner o
    WHERE o.study_id = r.study_id ORDER BY o.from_position DESC LIMIT 1) o
WHERE r.study_id = ANY(%(studies)s::uuid[])
"""


def alerts(
    connection: Connection,
    open_only: bool = True,
    site: str | None = None,
    erased: Collection[str] = NOBODY,
    limit: int | None = None,
    alert: str | None = None,
) -> list[Document]:
    """``dose alerts``: what calls for attention, oldest first; of one establishment's reports, or of all.

    ``alert``: that one alone. ``identity_then``: whose the study was when the alert was raised.
    """
    rows = fetch(connection, ALERTS, open_only=open_only, site=site, at=NOW, limit=limit, alert=alert)
    return [shown(row, erased, NOW) | {"identity_then": row["identity_then"]} for row in rows]


def study_of(connection: Connection, alert: str) -> str | None:
    """The study of an alert; None: there is none of that id."""
    found = fetch(connection, "SELECT study_id FROM cumulative_dose.alert WHERE alert_id = %(id)s", id=alert)
    return str(found[0]["study_id"]) if found else None


def of_studies(connection: Connection, studies: Sequence[str], at: int) -> Sequence[Row]:
    """The alerts of these studies, as of a ledger position."""
    return fetch(connection, ALERTS_OF_STUDIES, studies=studies, at=at)


def reports_of(connection: Connection, studies: Sequence[str]) -> Sequence[Row]:
    """The reports of these studies: from where each came and when, and whose it is now."""
    return fetch(connection, REPORTS, studies=studies)


def told_within(alert: Document, studies: Collection[str]) -> Document:
    """The alert as somebody is told of it who sees these studies: where another one adds to its cause, neither that one
    nor the sum, ``value``, is told.
    """
    seen = [study for study in alert["studies"] if study in studies]
    return alert if len(seen) == len(alert["studies"]) else alert | {"studies": seen, "value": None}


def shown(row: Row, erased: Collection[str], at: int) -> Document:
    """An alert as readers are shown it, as of a ledger position."""
    seen = row["acknowledged_position"] is not None and row["acknowledged_position"] <= at
    gone = row["withdrawn_position"] is not None and row["withdrawn_position"] <= at
    return {
        "alert": row["alert_id"],
        "study": row["study_id"],
        "study_uid": row["study_uid"],
        "report_uid": row["report_uid"],
        "irradiation_event_uid": row["irradiation_event_uid"],
        "identity": row["identity"],
        "site": row["site"],
        "kind": row["kind"],
        "quantity": row["quantity"],
        "value": row["value"],
        "threshold": row["threshold"],
        "rule": row["rule"],
        "rule_version": row["rule_version"],
        "rule_kind": row["rule_kind"] or "study",
        "window_days": row["window_days"],
        "studies": row["studies"] or [row["study_id"]],
        "state": "withdrawn" if gone else "acknowledged" if seen else "open",
        "withdrawn_at": iso(row["withdrawn_at"]) if gone else None,
        "why_withdrawn": row["why_withdrawn"] if gone else None,
        "position": row["position"],
        "report_position": row["report_position"],
        "raised_at": iso(row["raised_at"]),
        "acknowledged_at": iso(row["acknowledged_at"]) if seen else None,
        "acknowledged_by": row["acknowledged_by"] if seen else None,
        "note": (ERASED if {row["note_subject"], row["identity"]} & {*erased} else row["note"]) if seen else None,
    }
