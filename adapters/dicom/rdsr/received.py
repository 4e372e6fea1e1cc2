"""Converts a parsed dose report into the fields of the ledger's command, without any decision."""

from decimal import Decimal
from typing import Any, Final

from adapters.dicom.rdsr.report import DoseReport, Exposure
from adapters.dicom.rdsr.sums import differing
from adapters.dicom.rdsr.units import Dimension, NotUnderstood, canonical
from domain.commands.doses import ReceivedDose

_SAME: Final = (  # fields of an exposure that have one name on both sides
    *("irradiation_event_uid", "kind", "template", "source", "started_at", "started_offset", "modality", "protocol"),
    *("target_region", "target_region_code", "acquisition", "acquisition_code", "laterality", "side", "plane"),
    *("ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq", "phantom_cm"),
    *("ssde_mgy", "entrance_dose_mgy", "filters", "radiopharmaceutical"),
)
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
        exposures=[received_exposure(exposure) for exposure in report.exposures],
        totals=dict(report.report_totals),
        qa=report.qa,
        not_understood=list(report.not_understood),
        sop_class=report.sop_class,
        warnings=sorted(
            [*report.warnings, *(f"sum_differs:{name}" for name in differing(report.exposures, report.report_totals))]
        ),
        tolerances=dict(report.tolerances),
        said=dict(report.said),
    )


def received_exposure(exposure: Exposure) -> dict[str, Any]:
    """One exposure, shaped as in the schema ``dose.reported``."""
    return {
        **{name: getattr(exposure, name) for name in _SAME},
        **_dose_check(exposure),
        "organ_doses": [{"organ": organ, "mgy": mgy} for organ, mgy in exposure.organ_doses],
        "technique": dict(exposure.technique),
        "raw": dict(exposure.raw),
        "not_understood": list(exposure.not_understood),
    }


def _dose_check(exposure: Exposure) -> dict[str, float | None]:
    """Alert and notification levels with their estimates (PS3.16 TID 10015), where the device checks; else None."""
    check, found = exposure.dose_check, dict[str, float | None]()
    for name, field, dimension in _CHECKS:
        for prefix, configured, stated in (
            ("check", "alert_configured", "alert_value"),
            ("forward", "alert_configured", "forward_estimate"),
            ("notify", "notification_configured", "notification_value"),
            ("notify_forward", "notification_configured", "notification_estimate"),
        ):
            on = f"{name}_{configured}" in exposure.dose_check_on
            value = _canonical(check.get(f"{name}_{stated}", ""), dimension) if on else None
            found[f"{prefix}_{field}"] = None if value is None else float(value)
    return found


def _canonical(stated: str, dimension: Dimension) -> Decimal | None:
    """``value unit`` as encoded, converted; None if the reader noted it as not understood."""
    text, _, unit = stated.partition(" ")
    try:
        return canonical(text, unit, dimension)
    except NotUnderstood:
        return None
