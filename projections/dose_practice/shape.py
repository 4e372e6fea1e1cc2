"""The shapes of the dose practice view's tables.

Made from ``tables.py`` by ``python -m tools``; do not edit.
"""

from typing import Final

from projections.engine.shape import Shape, Shapes

SHAPES: Final[Shapes] = {
    "exposure": Shape(
        key=("study_id", "report_uid", "irradiation_event_uid"),
        columns={
            "study_id": "UUID",
            "report_uid": "TEXT",
            "irradiation_event_uid": "TEXT",
            "counts": "BOOLEAN",
            "accepted": "BOOLEAN",
            "identity_id": "UUID",
            "subject_id": "UUID",
            "site": "TEXT",
            "device": "TEXT",
            "day": "TEXT",
            "modality": "TEXT",
            "marks": "TEXT",
            "protocol": "TEXT",
            "operator": "TEXT",
            "population": "TEXT",
            "weight": "TEXT",
            "weight_kg": "FLOAT(53)",
            "phantom_cm": "INTEGER",
            "ctdivol_mgy": "FLOAT(53)",
            "dlp_mgycm": "FLOAT(53)",
            "dap_mgycm2": "FLOAT(53)",
            "dose_rp_mgy": "FLOAT(53)",
            "agd_mgy": "FLOAT(53)",
            "activity_mbq": "FLOAT(53)",
            "implausible": "JSONB",
        },
    ),
    "report": Shape(
        key=("study_id", "report_uid"),
        columns={
            "study_id": "UUID",
            "report_uid": "TEXT",
            "reported_at": "TEXT",
            "source": "TEXT",
            "qa": "BOOLEAN",
            "superseded": "BOOLEAN",
            "replaced": "BOOLEAN",
            "accepted": "BOOLEAN",
            "events": "JSONB",
            "position": "BIGINT",
        },
    ),
    "study": Shape(
        key=("study_id",),
        columns={
            "study_id": "UUID",
            "identity_id": "UUID",
            "reports": "JSONB",
        },
    ),
}
