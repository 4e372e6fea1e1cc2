"""The table of concepts: code, meaning, unit and quantity of all that is read of a dose report.

A concept has a name, by which templates ask for it, and every spelling of its code as "scheme:value": SNOMED codes come
in the retired SRT style, too. A code that is not here is passed over; where it measures a dose, that is told.
Source: DICOM PS3.16, templates TID 10001 to 10054, annex D.
"""

from typing import Final, NamedTuple

from adapters.dicom.rdsr.units import Dimension


class Concept(NamedTuple):
    """``codes``: all spellings. ``field``: of the exposure or the totals that holds it, of this dimension."""

    codes: tuple[str, ...]
    meaning: str
    dimension: Dimension | None = None
    field: str = ""


def _dcm(number: str, meaning: str, dimension: Dimension | None = None, field: str = "") -> Concept:
    return Concept((f"DCM:{number}",), meaning, dimension, field)


D = Dimension

CONTAINERS: Final = {
    "ct_acquisition": _dcm("113819", "CT Acquisition"),
    "event": _dcm("113706", "Irradiation Event X-Ray Data"),
    "administration": _dcm("113502", "Radiopharmaceutical Administration"),
    "event_summary": _dcm("130501", "Irradiation Event Summary Data"),
    "irradiation_details": _dcm("130505", "Irradiation Details"),
    "radiation_technique": _dcm("130511", "Radiation Technique"),
    "ct_accumulated": _dcm("113811", "CT Accumulated Dose Data"),
    "accumulated": _dcm("113702", "Accumulated X-Ray Dose Data"),
    "accumulated_enhanced": _dcm("130500", "Accumulated Dose Data"),
    "ct_dose": _dcm("113829", "CT Dose"),
    "ct_parameters": _dcm("113822", "CT Acquisition Parameters"),
    "ct_source": _dcm("113831", "CT X-Ray Source Parameters"),
    "filters": _dcm("113771", "X-Ray Filters"),
    "organ_dose_information": _dcm("113517", "Organ Dose Information"),
    "dose_estimate": _dcm("128402", "Radiation Dose Estimate"),
}

# Doses of one irradiation event.
DOSES: Final = {
    "ctdivol": _dcm("113830", "Mean CTDIvol", D.DOSE, "ctdivol_mgy"),
    "dlp": _dcm("113838", "DLP", D.DOSE_LENGTH, "dlp_mgycm"),
    "dap": _dcm("122130", "Dose Area Product", D.DOSE_AREA, "dap_mgycm2"),
    "dose_rp": _dcm("113738", "Dose (RP)", D.DOSE, "dose_rp_mgy"),
    "agd": _dcm("111631", "Average Glandular Dose", D.DOSE, "agd_mgy"),
    "activity": _dcm("113507", "Administered activity", D.ACTIVITY, "activity_mbq"),
    "ssde": _dcm("113930", "Size Specific Dose Estimate", D.DOSE, "ssde_mgy"),
    "entrance_dose": _dcm("111636", "Entrance Exposure at RP", D.DOSE, "entrance_dose_mgy"),
}

# What a report states of all its events together.
TOTALS: Final = {
    "dlp_total": _dcm("113813", "CT Dose Length Product Total", D.DOSE_LENGTH, "dlp_mgycm"),
    "dap_total": _dcm("113722", "Dose Area Product Total", D.DOSE_AREA, "dap_mgycm2"),
    "dose_rp_total": _dcm("113725", "Dose (RP) Total", D.DOSE, "dose_rp_mgy"),
    "fluoro_dap_total": _dcm("113726", "Fluoro Dose Area Product Total", D.DOSE_AREA, "fluoro_dap_mgycm2"),
    "fluoro_dose_rp_total": _dcm("113728", "Fluoro Dose (RP) Total", D.DOSE, "fluoro_dose_rp_mgy"),
    "acquisition_dap_total": _dcm(
        "113727", "Acquisition Dose Area Product Total", D.DOSE_AREA, "acquisition_dap_mgycm2"
    ),
    "acquisition_dose_rp_total": _dcm("113729", "Acquisition Dose (RP) Total", D.DOSE, "acquisition_dose_rp_mgy"),
    "agd_total": _dcm("111637", "Accumulated Average Glandular Dose", D.DOSE, "agd_mgy"),
}

# Totals under vendors' codes whose meaning is known: the exam's, in the radiation summary of Siemens' mobile C-arms.
VENDORS: Final = {
    "vendors_dap_total": Concept(("99SMS_RADSUM:C-204",), "Dose Area Product", D.DOSE_AREA, "dap_mgycm2"),
}

# How an event was acquired; the field is a key of ``technique``.
TECHNIQUE: Final = {
    "kvp": _dcm("113733", "KVP", D.VOLTAGE, "kvp"),
    "tube_current": _dcm("113734", "X-Ray Tube Current", D.CURRENT, "tube_current_ma"),
    "mean_tube_current": _dcm("113767", "Average X-Ray Tube Current", D.CURRENT, "tube_current_ma"),
    "exposure_time": Concept(("DCM:113824", "DCM:113735"), "Exposure Time", D.TIME_MS, "exposure_time_ms"),
    "exposure": _dcm("113736", "Exposure", D.CHARGE, "exposure_mas"),
    "pulses": _dcm("113768", "Number of Pulses", D.COUNT, "pulses"),
    "pulse_rate": _dcm("113791", "Pulse Rate", D.RATE, "pulse_rate_hz"),
    "pulse_width": _dcm("113793", "Pulse Width", D.TIME_MS, "pulse_width_ms"),
    "rotation_time": _dcm("113834", "Exposure Time per Rotation", D.TIME_S, "rotation_time_s"),
    "pitch": _dcm("113828", "Pitch Factor", D.COUNT, "pitch"),
    "scan_length": _dcm("113825", "Scanning Length", D.LENGTH, "scan_length_mm"),
    "collimation": _dcm("113827", "Nominal Total Collimation Width", D.LENGTH, "collimation_mm"),
    "filter_aluminium": _dcm("113821", "X-Ray Filter Aluminum Equivalent", D.LENGTH, "filter_mm_al"),
    "source_detector": _dcm("113750", "Distance Source to Detector", D.LENGTH, "source_detector_mm"),
    "source_isocenter": _dcm("113748", "Distance Source to Isocenter", D.LENGTH, "source_isocenter_mm"),
    "primary_angle": _dcm("112011", "Positioner Primary Angle", D.ANGLE, "primary_angle_deg"),
    "secondary_angle": _dcm("112012", "Positioner Secondary Angle", D.ANGLE, "secondary_angle_deg"),
    "field_area": _dcm("113790", "Collimated Field Area", D.AREA, "field_area_cm2"),
    "compression": _dcm("111633", "Compression Thickness", D.LENGTH, "compression_mm"),
    "compression_force": _dcm("111647", "Compression Force", D.FORCE, "compression_n"),
    "frames": _dcm("121140", "Number of Frames", D.COUNT, "frames"),
}

# The dose check of a CT (TID 10015).
DOSE_CHECK: Final = {
    "dlp_alert_configured": _dcm("113901", "DLP Alert Value Configured"),
    "ctdivol_alert_configured": _dcm("113902", "CTDIvol Alert Value Configured"),
    "dlp_notification_configured": _dcm("113909", "DLP Notification Value Configured"),
    "ctdivol_notification_configured": _dcm("113910", "CTDIvol Notification Value Configured"),
    "dlp_alert_value": _dcm("113903", "DLP Alert Value", D.DOSE_LENGTH),
    "ctdivol_alert_value": _dcm("113904", "CTDIvol Alert Value", D.DOSE),
    "dlp_forward_estimate": _dcm("113905", "Accumulated DLP Forward Estimate", D.DOSE_LENGTH),
    "ctdivol_forward_estimate": _dcm("113906", "Accumulated CTDIvol Forward Estimate", D.DOSE),
    "dlp_notification_value": _dcm("113911", "DLP Notification Value", D.DOSE_LENGTH),
    "ctdivol_notification_value": _dcm("113912", "CTDIvol Notification Value", D.DOSE),
    "dlp_notification_estimate": _dcm("113913", "DLP Forward Estimate", D.DOSE_LENGTH),
    "ctdivol_notification_estimate": _dcm("113914", "CTDIvol Forward Estimate", D.DOSE),
}

# Doses of organs: TID 10023, and the estimates of TID 10030.
ORGANS: Final = {
    "organ_dose": _dcm("113518", "Organ Dose", D.DOSE),
    "mean_absorbed_dose": _dcm("128533", "Mean Absorbed Radiation Dose", D.DOSE),
    "absorbed_dose": _dcm("128513", "Absorbed Dose", D.DOSE),
    "organ": Concept(("SCT:363698007", "SRT:G-C0E3"), "Finding Site"),
}

# Doses that are known and not read: of air, of a place, of a syringe, or of parts that other values hold together.
PASSED_OVER: Final = {
    "ctdi_free_air": _dcm("113837", "Mean CTDIfreeair"),
    "dlp_subtotal": _dcm("130745", "CT Dose Length Product Sub-Total"),
    "air_kerma": _dcm("130515", "Air Kerma at Output Measurement Point"),
    "ssde_at_z": _dcm("113993", "Size Specific Dose Estimate At Longitudinal Position Z"),
    "activity_before": _dcm("113508", "Pre-Administration Measured Activity"),
    "activity_after": _dcm("113509", "Post-Administration Measured Activity"),
}

# Who, what, when and by which device.
CONTEXT: Final = {
    "event_uid": Concept(("DCM:113769", "DCM:113853"), "Irradiation Event UID"),
    "administration_uid": _dcm("113503", "Radiopharmaceutical Administration Event UID"),
    "started": _dcm("111526", "DateTime Started"),
    "administration_started": _dcm("123003", "Radiopharmaceutical Start DateTime"),
    "irradiation_started": _dcm("113809", "Start of X-Ray Irradiation"),
    "protocol": _dcm("125203", "Acquisition Protocol"),
    "event_label": _dcm("113605", "Irradiation Event Label"),
    "target_region": _dcm("123014", "Target Region"),
    "laterality": Concept(("SRT:G-C171", "SCT:272741003"), "Laterality"),
    "ct_acquisition_type": _dcm("113820", "CT Acquisition Type"),
    "event_type": _dcm("113721", "Irradiation Event Type"),
    "plane": _dcm("113764", "Acquisition Plane"),
    "source_id": _dcm("113832", "Identification of the X-Ray Source"),
    "phantom": _dcm("113835", "CTDIw Phantom Type"),
    "filter_material": _dcm("113757", "X-Ray Filter Material"),
    "filter_type": _dcm("113772", "X-Ray Filter Type"),
    "filter_minimum": _dcm("113758", "X-Ray Filter Thickness Minimum", D.LENGTH),
    "filter_maximum": _dcm("113773", "X-Ray Filter Thickness Maximum", D.LENGTH),
    "filter_thickness": _dcm("130509", "X-Ray Filter Thickness", D.LENGTH),
    "agent": Concept(("SRT:C-B02C9", "SCT:349358000", "SRT:F-61FDB"), "Radiopharmaceutical agent"),
    "radionuclide": Concept(("SRT:C-10072", "SCT:89457008"), "Radionuclide"),
    "events_declared": _dcm("113812", "Total Number of Irradiation Events"),
    "procedure_reported": _dcm("121058", "Procedure reported"),
    "acquired_image": _dcm("113795", "Acquired Image"),
    "device_uid": _dcm("121012", "Device Observer UID"),
    "device_name": _dcm("121013", "Device Observer Name"),
    "device_manufacturer": _dcm("121014", "Device Observer Manufacturer"),
    "device_model": _dcm("121015", "Device Observer Model Name"),
    "device_serial": _dcm("121016", "Device Observer Serial Number"),
    "person_name": _dcm("121008", "Person Observer Name"),
    "participant_name": _dcm("113870", "Person Name"),
    "subject_age": _dcm("121033", "Subject Age"),
    "subject_weight": Concept(("SCT:27113001", "SRT:G-D7CD", "SRT:F-01860"), "Body weight"),
    "subject_height": Concept(("SCT:50373000", "SRT:G-D7CE", "SRT:F-02E50"), "Body height"),
    "pregnancy": _dcm("111532", "Pregnancy Status"),
    "pregnant": _dcm("110508", "Patient pregnant"),
}

CONCEPTS: Final[dict[str, Concept]] = {
    **CONTAINERS,
    **DOSES,
    **TOTALS,
    **VENDORS,
    **TECHNIQUE,
    **DOSE_CHECK,
    **ORGANS,
    **PASSED_OVER,
    **CONTEXT,
}
NAME_OF: Final = {code: name for name, concept in CONCEPTS.items() for code in concept.codes}
"""Each spelling of a code, and the name of its concept."""

# Values of coded items: what a code says.
LEFT, RIGHT, BOTH = "left", "right", "both"
SIDES: Final = {
    **dict.fromkeys(("SRT:G-A101", "SCT:7771000", "SRT:T-04030", "SCT:80248007"), LEFT),
    **dict.fromkeys(("SRT:G-A100", "SCT:24028007", "SRT:T-04020", "SCT:73056007"), RIGHT),
    **dict.fromkeys(("SRT:G-A102", "SCT:51440002", "SRT:T-04080", "SCT:63762007"), BOTH),
}
PLANES: Final = {"DCM:113620": "A", "DCM:113621": "B", "DCM:113622": "single", "DCM:113890": "all"}
PHANTOM_CM: Final = {"DCM:113690": 16, "DCM:113691": 32}  # IEC head, IEC body: diameters of the acrylic
FLUOROSCOPY: Final = ("SRT:P5-06000", "SCT:44491008")
ROTATIONAL: Final = "DCM:113613"  # Rotational Acquisition: of a cone beam
YES: Final = {f"{scheme}:{code}" for scheme in ("SRT", "SCT", "DCM") for code in ("R-0038D", "373066001")}
NO: Final = {f"{scheme}:{code}" for scheme in ("SRT", "SCT", "DCM") for code in ("R-00339", "373067005")}
OWN_YES_NO: Final = ("SRT:R-0038D", "SRT:R-00339", "SCT:373066001", "SCT:373067005")
YES_WORDS: Final = {"yes", "oui", "ja", "si", "sì", "sí", "sim", "tak"}  # asked where the code says neither
ALUMINIUM: Final = ("SRT:C-120F9", "SRT:C-12000", "SCT:12503006", "SCT:105830007")
COPPER: Final = ("SRT:C-127F9", "SRT:C-12700", "SCT:66925006")
