"""Coded concepts of the Patient Radiation Dose SR: templates TID 10030 to 10033 (PS3.16), and what they include."""

from collections.abc import Mapping
from typing import Final

from krypton.faces.dose.standards.concepts import DCM, SCT, Code

# TID 10030, with TID 1204 (language) and TID 1002, 1004 (a device that observes).
TITLE: Final = Code("128401", DCM, "Patient Radiation Dose Report")
LANGUAGE: Final = Code("121049", DCM, "Language of Content Item and Descendants")
ENGLISH: Final = Code("en", "RFC5646", "English")
OBSERVER_TYPE: Final = Code("121005", DCM, "Observer Type")
DEVICE: Final = Code("121007", DCM, "Device")
OBSERVER_UID: Final = Code("121012", DCM, "Device Observer UID")
OBSERVER_NAME: Final = Code("121013", DCM, "Device Observer Name")
COMMENT: Final = Code("121106", DCM, "Comment")

# TID 10031.
ESTIMATE: Final = Code("128402", DCM, "Radiation Dose Estimate")
ESTIMATE_NAME: Final = Code("128403", DCM, "Radiation Dose Estimate Name")
ABSORBED: Final = Code("128533", DCM, "Mean Absorbed Radiation Dose")  # CID 10061
SITE: Final = Code("363698007", SCT, "Finding Site")
PHANTOM: Final = Code("706342009", SCT, "Phantom")  # CID 10060, like the entire body
ENTIRE_BODY: Final = Code("38266002", SCT, "Entire body")
BREAST: Final = Code("76752008", SCT, "Breast")

# TID 10033.
METHODOLOGY: Final = Code("128415", DCM, "Radiation Dose Estimate Methodology")
SR_USED: Final = Code("128416", DCM, "SR Instance Used")
EVENT_USED: Final = Code("128429", DCM, "Event UID Used")
MODEL: Final = Code("128500", DCM, "Patient Radiation Dose Model")
MODEL_TYPE: Final = Code("128417", DCM, "Patient Model Type")
TRANSPORT_TYPE: Final = Code("128420", DCM, "Radiation Transport Model Type")
MODEL_REFERENCE: Final = Code("128426", DCM, "Patient Radiation Dose Model Reference")
DEMOGRAPHICS: Final = Code("128427", DCM, "Patient Model Demographics")
METHOD: Final = Code("128476", DCM, "Radiation Dose Estimate Method")
METHOD_TYPE: Final = Code("128477", DCM, "Radiation Dose Estimate Method Type")
METHOD_REFERENCE: Final = Code("128482", DCM, "Radiation Dose Estimate Method Reference")
MEASURED: Final = Code("128497", DCM, "Measured Radiation Dose")  # CID 10065
TABULAR: Final = Code("128479", DCM, "Tabular Data Algorithm")  # CID 10068
UNKNOWN: Final = Code("261665006", SCT, "Unknown")

# What qualifies a value, as TID 10003, 10013 and 1021 have it.
EVENT: Final = Code("113769", DCM, "Irradiation Event UID")
STARTED: Final = Code("111526", DCM, "DateTime Started")
REGION: Final = Code("123014", DCM, "Target Region")
LATERALITY: Final = Code("272741003", SCT, "Laterality")
PHANTOM_TYPE: Final = Code("113835", DCM, "CTDIw Phantom Type")
SOURCE: Final = Code("113854", DCM, "Source of Dose Information")
AUTOMATED: Final = Code("113856", DCM, "Automated Data Collection")
FROM_IMAGES: Final = Code("113866", DCM, "Copied From Image Attributes")
DEVICE_ROLE: Final = Code("113876", DCM, "Device Role in Procedure")
IRRADIATING: Final = Code("113859", DCM, "Irradiating Device")
OF_DEVICE: Final[Mapping[str, Code]] = {
    "station": Code("113877", DCM, "Device Name"),
    "manufacturer": Code("113878", DCM, "Device Manufacturer"),
    "model": Code("113879", DCM, "Device Model Name"),
    "serial": Code("113880", DCM, "Device Serial Number"),
}
DERIVATION: Final = Code("121401", DCM, "Derivation")
ESTIMATED: Final = Code("414135002", SCT, "Estimated")
MEASUREMENT_METHOD: Final = Code("370129005", SCT, "Measurement Method")
EFFECTIVE_DOSE: Final = Code("113839", DCM, "Effective Dose")
FACTOR: Final = Code("113840", DCM, "Effective Dose Conversion Factor")
AUTHORITY: Final = Code("121406", DCM, "Reference Authority")

SIDES: Final[Mapping[str, Code]] = {
    "left": Code("7771000", SCT, "Left"),
    "right": Code("24028007", SCT, "Right"),
    "both": Code("51440002", SCT, "Bilateral"),
}
PHANTOMS: Final[Mapping[int, Code]] = {
    16: Code("113690", DCM, "IEC Head Dosimetry Phantom"),
    32: Code("113691", DCM, "IEC Body Dosimetry Phantom"),
}
SITES: Final[Mapping[str, Code]] = {"ctdivol_mgy": PHANTOM, "dlp_mgycm": PHANTOM, "agd_mgy": BREAST}
"""Of what a quantity is the dose, where it is of one thing by its definition."""
OF_EXPOSURE: Final[Mapping[str, tuple[Code, str]]] = {
    "ctdivol_mgy": (Code("113830", DCM, "Mean CTDIvol"), "mGy"),
    "dlp_mgycm": (Code("113838", DCM, "DLP"), "mGy.cm"),
    "dap_mgycm2": (Code("122130", DCM, "Dose Area Product"), "mGy.cm2"),
    "dose_rp_mgy": (Code("113738", DCM, "Dose (RP)"), "mGy"),
    "agd_mgy": (Code("111631", DCM, "Average Glandular Dose"), "mGy"),
    "activity_mbq": (Code("113507", DCM, "Administered activity"), "MBq"),
    "ssde_mgy": (Code("113930", DCM, "Size Specific Dose Estimate"), "mGy"),
    "entrance_dose_mgy": (Code("111636", DCM, "Entrance Exposure at RP"), "mGy"),
}
"""Under which code a quantity of one irradiation event goes, and its unit (UCUM)."""
ORGANS: Final[Mapping[str, str]] = {
    "23451007": "Adrenal gland",
    "89837001": "Bladder",
    "12738006": "Brain",
    "76752008": "Breast",
    "14016003": "Bone Marrow",
    "425647002": "Bone Surface",
    "71854001": "Colon",
    "32849002": "Esophagus",
    "78076003": "Eye lenses",
    "28231008": "Gallbladder",
    "80891009": "Heart",
    "64033007": "Kidney",
    "10200004": "Liver",
    "39607008": "Lung",
    "59441001": "Lymph node",
    "71616004": "Muscle",
    "113277000": "Oral mucosa",
    "15497006": "Ovary",
    "15776009": "Pancreas",
    "41216001": "Prostate",
    "385294005": "Salivary Glands",
    "39937001": "Skin",
    "30315005": "Small intestine",
    "78961009": "Spleen",
    "69695003": "Stomach",
    "40689003": "Testis",
    "9875009": "Thymus",
    "69748006": "Thyroid",
    "35039007": "Uterus",
    "38266002": "Entire body",
    "706342009": "Phantom",
}
"""Meanings of radiosensitive organs (CID 10044, 10060): an event holds their codes alone."""
