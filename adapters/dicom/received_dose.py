"""Converts a parsed dose report into the fields of the ledger's command, without any decision."""

from decimal import Decimal
from typing import Any, Final

from adapters.dicom.dose_report import DoseReport, Exposure
from adapters.dicom.units import Dimension, NotUnderstood, canonical
from domain.commands.doses import ReceivedDose

_SAME: Final = (  # fields of an exposure that have one name on both sides
    *("irradiation_event_uid", "kind", "started_at", "modality", "protocol", "target_region", "acquisition"),
    *("laterality", "ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq", "phantom_cm"),
)
_YES = {"yes", "oui", "ja", "si", "sì", "sí", "sim", "tak"}  # meaning of SRT R-0038D, in the device's language
_CHECKS: Final = (("dlp", "dlp_mgycm", Dimension.DOSE_LENGTH), ("ctdivol", "ctdivol_mgy", Dimension.DOSE))


def received_dose(report: DoseReport) -> ReceivedDose:
    """The command's fields, with the device's serial number or else its observer UID."""
    return ReceivedDose(
        report_uid=report.sop_uid,
        reported_at=report.content_at,
        modality=report.modality,
        device={
            "manufacturer": report.manufacturer,
            "model": report.model,
            "serial": report.device_serial or report.device_uid,
            "station": report.station,
        },
        exposures=[_exposure(exposure) for exposure in report.exposures],
        totals=dict(report.report_totals),
        qa=report.qa,
        not_understood=list(report.not_understood),
    )


def _exposure(exposure: Exposure) -> dict[str, Any]:
    return {
        **{name: getattr(exposure, name) for name in _SAME},
        **_dose_check(exposure.dose_check),
        "raw": dict(exposure.raw),
        "not_understood": list(exposure.not_understood),
    }


def _dose_check(check: dict[str, str]) -> dict[str, float | None]:
    """Alert levels and forward estimates (PS3.16 TID 10015) for the quantities the device checks; else None."""
    found: dict[str, float | None] = {}
    for name, field, dimension in _CHECKS:
        configured = check.get(f"{name}_alert_configured", "").casefold() in _YES
        for prefix, key in (("check", f"{name}_alert_value"), ("forward", f"{name}_forward_estimate")):
            value = _canonical(check.get(key, ""), dimension) if configured else None
            found[f"{prefix}_{field}"] = None if value is None else float(value)
    return found


def _canonical(stated: str, dimension: Dimension) -> Decimal | None:
    """``value unit`` as encoded, converted; None if the reader noted it as not understood."""
    text, _, unit = stated.partition(" ")
    try:
        return canonical(text, unit, dimension)
    except NotUnderstood:
        return None
