"""What is asked of the patient record. Reads the stable schema ``patient_record``; answers are ready for JSON."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.times import iso
from projections.engine.reading import fetch
from schemas.event import ERASED

Document = dict[str, Any]

STUDIES = """
SELECT study_id::text, identity_id::text AS identity, subject_id::text AS subject, study_uid, site, accession,
       started_at, modalities, description, instances, withdrawn,
       (SELECT count(*) FROM jsonb_object_keys(series)) AS series
FROM patient_record.study WHERE identity_id = ANY(%(members)s::uuid[])
ORDER BY started_at DESC NULLS LAST, first_position DESC
"""
REPORTS = """
SELECT study_id::text, subject_id::text AS subject, report_uid, kind, title
FROM patient_record.report WHERE study_id = ANY(%(studies)s::uuid[]) ORDER BY position
"""
READINGS = """
SELECT reading_id::text AS reading, study_id::text, identity_id::text AS subject, state, from_site, to_site, question,
       due, read_by, report_uid, conclusion, decline_reason, requested_at
FROM patient_record.reading WHERE study_id = ANY(%(studies)s::uuid[]) ORDER BY first_position
"""
ORDER_COLUMNS = """
SELECT order_id::text AS "order", identity_id::text AS identity, state, site, placer_number, ordered_by, modality, act,
       question, urgency, accession, wanted_by, presented_at, scheduled_at, scheduled_for, ae_title, study_uid,
       report_uid, cancel_reason, placed_at
FROM patient_record.exam_order
"""
ORDERS = ORDER_COLUMNS + "WHERE identity_id = ANY(%(members)s::uuid[]) ORDER BY first_position DESC"
ORDER = ORDER_COLUMNS + "WHERE order_id = %(order)s"
SUBJECTS = """
SELECT subject_id::text AS subject FROM patient_record.study WHERE identity_id = ANY(%(members)s::uuid[])
UNION SELECT r.subject_id::text FROM patient_record.report r JOIN patient_record.study s USING (study_id)
WHERE s.identity_id = ANY(%(members)s::uuid[])
UNION SELECT r.identity_id::text FROM patient_record.reading r JOIN patient_record.study s USING (study_id)
WHERE s.identity_id = ANY(%(members)s::uuid[])
"""


def subjects(connection: Connection, members: Sequence[str]) -> set[str]:
    """The identities under whose keys texts of the record are sealed: the members, and those studies came from.

    Ask the key vault which of them are erased before asking for the ``record``.
    """
    found = {row["subject"] for row in fetch(connection, SUBJECTS, members=list(members))}
    return {*members, *found} - {None}


def record(connection: Connection, members: Sequence[str], erased: Collection[str]) -> Document:
    """``studies`` and ``orders`` of ``record show``, newest first, for all identities of one person.

    Withdrawn studies are left out and counted. Texts sealed under the key of one of ``erased`` read ``[erased]`` at
    once, before any rebuild.
    """
    found = fetch(connection, STUDIES, members=list(members))
    shown = [study for study in found if not study["withdrawn"]]
    ids = [study["study_id"] for study in shown]
    reports = _by_study(fetch(connection, REPORTS, studies=ids))
    readings = _by_study(fetch(connection, READINGS, studies=ids))
    orders = fetch(connection, ORDERS, members=list(members))
    return {
        "studies": [_study(study, reports, readings, erased) for study in shown],
        "withdrawn": len(found) - len(shown),
        "orders": [shown_order(order, erased) for order in orders],
    }


def _by_study(rows: Sequence[Document]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for row in rows:
        found.setdefault(row["study_id"], []).append(row)
    return found


def _shown(text: str | None, subject: str, erased: Collection[str]) -> str | None:
    return ERASED if text is not None and subject in erased else text


def _study(
    study: Document,
    reports: Mapping[str, Sequence[Document]],
    readings: Mapping[str, Sequence[Document]],
    erased: Collection[str],
) -> Document:
    return {
        "study": study["study_id"],
        "study_uid": study["study_uid"],
        "identity": study["identity"],
        "site": study["site"],
        "date": study["started_at"],
        "modalities": study["modalities"],
        "description": _shown(study["description"], study["subject"], erased),
        "accession": study["accession"],
        "series": study["series"],
        "instances": study["instances"],
        "reports": [
            {"report_uid": r["report_uid"], "kind": r["kind"], "title": _shown(r["title"], r["subject"], erased)}
            for r in reports.get(study["study_id"], ())
        ],
        "readings": [_reading(r, erased) for r in readings.get(study["study_id"], ())],
    }


def _reading(reading: Document, erased: Collection[str]) -> Document:
    subject = reading["subject"]
    return {
        "reading": reading["reading"],
        "state": reading["state"],
        "from_site": reading["from_site"],
        "to_site": reading["to_site"],
        "requested_at": iso(reading["requested_at"]),
        "due": iso(reading["due"]),
        "question": _shown(reading["question"], subject, erased),
        "read_by": reading["read_by"],
        "report_uid": reading["report_uid"],
        "conclusion": _shown(reading["conclusion"], subject, erased),
        "decline_reason": _shown(reading["decline_reason"], subject, erased),
    }


def order(connection: Connection, order_id: str) -> Document | None:
    """One order as stored, or None; ``shown_order`` makes it ready to be shown."""
    found = fetch(connection, ORDER, order=order_id)
    return found[0] if found else None


def shown_order(order: Document, erased: Collection[str]) -> Document:
    """An order with its times as text, and its texts masked where the identity is ``erased``."""
    times = {name: iso(order[name]) for name in ("wanted_by", "scheduled_for", "placed_at")}
    texts = {name: _shown(order[name], order["identity"], erased) for name in ("question", "cancel_reason")}
    return {**order, **times, **texts}
