"""The shapes of the patient record view's tables.

Made from ``tables.py`` by ``python -m tools``; do not edit.
"""

from typing import Final

from projections.engine.shape import Shape, Shapes

SHAPES: Final[Shapes] = {
    "exam_order": Shape(
        key=("order_id",),
        columns={
            "order_id": "UUID",
            "identity_id": "UUID",
            "state": "TEXT",
            "site": "TEXT",
            "placer_number": "TEXT",
            "ordered_by": "TEXT",
            "modality": "TEXT",
            "act": "TEXT",
            "question": "TEXT",
            "urgency": "TEXT",
            "accession": "TEXT",
            "wanted_by": "BIGINT",
            "presented_at": "TEXT",
            "scheduled_at": "TEXT",
            "scheduled_for": "BIGINT",
            "ae_title": "TEXT",
            "study_uid": "TEXT",
            "study_id": "UUID",
            "report_uid": "TEXT",
            "cancel_reason": "TEXT",
            "placed_at": "BIGINT",
            "first_position": "BIGINT",
            "last_position": "BIGINT",
        },
    ),
    "reading": Shape(
        key=("reading_id",),
        columns={
            "reading_id": "UUID",
            "identity_id": "UUID",
            "study_id": "UUID",
            "state": "TEXT",
            "from_site": "TEXT",
            "to_site": "TEXT",
            "ordinal": "INTEGER",
            "question": "TEXT",
            "due": "BIGINT",
            "read_by": "TEXT",
            "report_uid": "TEXT",
            "conclusion": "TEXT",
            "decline_reason": "TEXT",
            "requested_at": "BIGINT",
            "first_position": "BIGINT",
            "last_position": "BIGINT",
        },
    ),
    "report": Shape(
        key=("study_id", "report_uid"),
        columns={
            "study_id": "UUID",
            "report_uid": "TEXT",
            "subject_id": "UUID",
            "kind": "TEXT",
            "title": "TEXT",
            "unread": "TEXT",
            "received_at": "BIGINT",
            "position": "BIGINT",
        },
    ),
    "study": Shape(
        key=("study_id",),
        columns={
            "study_id": "UUID",
            "identity_id": "UUID",
            "subject_id": "UUID",
            "study_uid": "TEXT",
            "site": "TEXT",
            "accession": "TEXT",
            "started_at": "TEXT",
            "modalities": "JSONB",
            "description": "TEXT",
            "series": "JSONB",
            "instances": "INTEGER",
            "withdrawn": "BOOLEAN",
            "received_at": "BIGINT",
            "first_position": "BIGINT",
            "last_position": "BIGINT",
        },
    ),
}
