"""``dose show`` documents of one study, for what is made of them: a page, a bundle, a DICOM report."""

from typing import Any

from domain.dose_alerts import QUANTITIES

STUDY, PERSON = "1.2.3", "6f1c1c2e-0b1a-4c3e-9a0c-4b6a35d1e8f2"
IN_LEDGER = "0d6f1a52-7f3c-8a41-9b1e-2c5d8e7f6a90"
"""The study's id."""
INS = {"matricule": "279035121518989", "oid": "1.2.250.1.213.1.4.10"}
"""Of the authority for tests."""
PATIENT = {"family": "FICTIVE", "given": "MARIE", "used_name": None, "birth_date": "1950-03-00", "sex": "F"}


def exposure(uid: str, kind: str, modality: str, report: str, **known: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(
        (
            *QUANTITIES,
            *("ssde_mgy", "entrance_dose_mgy", "phantom_cm", "side"),
            *("started_at", "started_offset", "radiopharmaceutical", "target_region", "target_region_code", "protocol"),
            *("pregnant", "pregnancy_ordered", "effective_dose_estimate"),
        )
    )
    told = {"irradiation_event_uid": uid, "study_uid": STUDY, "report_uid": report, "site": "CHA", "kind": kind}
    counts = {"modality": modality, "implausible": [], "in_totals": True, "pregnancy_disagrees": False}
    return {**nothing, **told, **counts, "source": "report", "organ_doses": [], **known}


def report(uid: str, source: str = "report", **device: str | None) -> dict[str, Any]:
    told = {"manufacturer": "FICTIVE SA", "model": "Z1", "serial": "77", "station": None} | device
    at = "2024-03-01T10:00:00"
    return {"report_uid": uid, "study_uid": STUDY, "reported_at": at, "source": source, "device": told} | {
        "modality": "CT",
        "site": "CHA",
        "identity": PERSON,
        "study": IN_LEDGER,
        "exposures": 0,
        "superseded_by": None,
        "not_understood": [],
        "implausible": [],
        "report_totals": {},
    }


def shown(
    exposures: list[dict[str, Any]], reports: list[dict[str, Any]], alone: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    return {
        "person": PERSON,
        "members": [{"identity": PERSON, "assigner": "CHA", "local_id": "L1"}],
        "patient": PATIENT,
        "exposures": exposures,
        "reports": reports,
        "stated_alone": alone or [],
        "imaging": {STUDY: "available"},
    }


CT = [
    exposure("1.1", "CT", "CT", "1.9.1", dlp_mgycm=0.1, ctdivol_mgy=9.0, started_at="2024-03-01T09:00:00+01:00"),
    exposure("1.2", "CT", "CT", "1.9.1", dlp_mgycm=0.2),
]
ANGIO = [exposure("1.3", "PROJECTION", "XA", "1.9.2", dap_mgycm2=12.5, dose_rp_mgy=2.0)]
BREAST = [exposure("1.4", "PROJECTION", "MG", "1.9.3", agd_mgy=1.25, side="left")]
IODINE: dict[str, Any] = {"activity_mbq": 154.0, "radiopharmaceutical": "ioflupane"}
NUCLEAR = [exposure("1.5", "RADIOPHARMACEUTICAL", "NM", "1.9.4", **IODINE, source="image")]
BREASTS = [
    exposure("1.9", "PROJECTION", "MG", "1.9.3", agd_mgy=1.2, side="left"),
    exposure("1.10", "PROJECTION", "MG", "1.9.3", agd_mgy=1.4, side="left"),
    exposure("1.11", "PROJECTION", "MG", "1.9.3", agd_mgy=1.3, side="right"),
]
DOUBTED = [exposure("1.6", "CT", "CT", "1.9.1", dlp_mgycm=2e8, implausible=["dlp_mgycm"], in_totals=False)]
SECOND = exposure("1.7", "CT", "CT", "1.9.6", dlp_mgycm=7.0)
PLAIN = exposure("1.8", "PROJECTION", "DX", "1.9.7")
ALONE = [
    {"study_uid": STUDY, "quantity": "dlp_mgycm", "value": 41.0, "report_uid": "1.9.5", "modality": "CT", "site": "CHA"}
]
ALL = shown(
    [*CT, *ANGIO, *BREAST, *NUCLEAR],
    [report("1.9.1"), report("1.9.2", serial="78"), report("1.9.3"), report("1.9.4", source="image", serial=None)],
)
CASES = {
    "four procedures": ALL,
    "two breasts": shown(BREASTS, [report("1.9.3")]),
    "two devices": shown([*CT, SECOND], [report("1.9.1"), report("1.9.6", serial="9")]),
    "totals alone": shown([], [report("1.9.5")], ALONE),
    "nothing known": shown([PLAIN], [report("1.9.7", manufacturer=None, model=None)]),
    "implausible alone": shown(DOUBTED, [report("1.9.1")]),
    "implausible": shown([*CT, *DOUBTED], [report("1.9.1")]),
    "qualified": ALL | {"patient": PATIENT | {"qualified_ins": INS}},
    "withdrawn": ALL | {"imaging": {STUDY: "withdrawn"}},
    "erased": ALL
    | {
        "patient": dict.fromkeys(PATIENT, "[erased]"),
        "members": [{"identity": PERSON, "assigner": "CHA", "local_id": "[erased]"}],
    },
}
