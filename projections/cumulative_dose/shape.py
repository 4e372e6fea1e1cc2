"""The shapes of the cumulative dose view's tables.

Made from ``tables.py`` by ``python -m tools``; do not edit.
"""

from typing import Final

from projections.engine.shape import Shape, Shapes

SHAPES: Final[Shapes] = {
    "alert": Shape(
        key=("alert_id",),
        columns={
            "alert_id": "UUID",
            "study_id": "UUID",
            "kind": "TEXT",
            "quantity": "TEXT",
            "value": "FLOAT(53)",
            "threshold": "FLOAT(53)",
            "report_uid": "TEXT",
            "irradiation_event_uid": "TEXT",
            "rule": "TEXT",
            "rule_version": "INTEGER",
            "position": "BIGINT",
            "raised_at": "BIGINT",
            "acknowledged_position": "BIGINT",
            "acknowledged_at": "BIGINT",
            "acknowledged_by": "TEXT",
            "note": "TEXT",
            "note_subject": "UUID",
        },
    ),
    "dose_owner": Shape(
        key=("study_id", "from_position"),
        columns={
            "study_id": "UUID",
            "from_position": "BIGINT",
            "identity_id": "UUID",
        },
    ),
    "exposure": Shape(
        key=("study_id", "report_uid", "irradiation_event_uid"),
        columns={
            "study_id": "UUID",
            "report_uid": "TEXT",
            "irradiation_event_uid": "TEXT",
            "subject_id": "UUID",
            "kind": "TEXT",
            "started_at": "TEXT",
            "modality": "TEXT",
            "protocol": "TEXT",
            "target_region": "TEXT",
            "acquisition": "TEXT",
            "laterality": "TEXT",
            "ctdivol_mgy": "FLOAT(53)",
            "dlp_mgycm": "FLOAT(53)",
            "dap_mgycm2": "FLOAT(53)",
            "dose_rp_mgy": "FLOAT(53)",
            "agd_mgy": "FLOAT(53)",
            "activity_mbq": "FLOAT(53)",
            "phantom_cm": "INTEGER",
            "side": "TEXT",
            "implausible": "JSONB",
            "check_dlp_mgycm": "FLOAT(53)",
            "forward_dlp_mgycm": "FLOAT(53)",
            "check_ctdivol_mgy": "FLOAT(53)",
            "forward_ctdivol_mgy": "FLOAT(53)",
            "raw": "JSONB",
            "not_understood": "JSONB",
        },
    ),
    "level": Shape(
        key=("kind", "act", "modality", "population", "quantity", "phantom_cm"),
        columns={
            "kind": "TEXT",
            "act": "TEXT",
            "modality": "TEXT",
            "population": "TEXT",
            "quantity": "TEXT",
            "phantom_cm": "INTEGER",
            "value": "FLOAT(53)",
            "protocols": "JSONB",
            "rule_version": "INTEGER",
        },
    ),
    "report": Shape(
        key=("study_id", "report_uid"),
        columns={
            "study_id": "UUID",
            "report_uid": "TEXT",
            "study_uid": "TEXT",
            "site": "TEXT",
            "reported_at": "TEXT",
            "modality": "TEXT",
            "subject_id": "UUID",
            "device": "JSONB",
            "device_words": "JSONB",
            "totals": "JSONB",
            "qa": "BOOLEAN",
            "not_understood": "JSONB",
            "implausible": "JSONB",
            "accepted_position": "BIGINT",
            "position": "BIGINT",
            "superseded_by": "TEXT",
            "superseded_position": "BIGINT",
        },
    ),
}
