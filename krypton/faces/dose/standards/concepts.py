"""Codes under which standards know the procedures and the sums of a study's doses: one table, for FHIR and DICOM."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from krypton.faces.dose.standards.summary import GLANDULAR, Procedure

DCM: Final = "DCM"
SCT: Final = "SCT"


class Code(NamedTuple):
    """A coded concept, as DICOM has it (PS3.16 chapter 8): code, scheme, meaning."""

    value: str
    scheme: str
    meaning: str


class Sum(NamedTuple):
    """Under which code a sum of exposures goes, and its unit (UCUM): that of the ledger."""

    code: Code
    unit: str


PROCEDURES: Final[Mapping[Procedure, Code]] = {
    Procedure.CT: Code("77477000", SCT, "Computerized tomography"),
    Procedure.PROJECTION: Code("113704", DCM, "Projection X-Ray"),
    Procedure.MAMMOGRAPHY: Code("71651007", SCT, "Mammography"),
    Procedure.RADIOPHARMACEUTICAL: Code("113502", DCM, "Radiopharmaceutical Administration"),
}
SUMS: Final[Mapping[str, Sum]] = {
    "dlp_mgycm": Sum(Code("113813", DCM, "CT Dose Length Product Total"), "mGy.cm"),
    "dap_mgycm2": Sum(Code("113722", DCM, "Dose Area Product Total"), "mGy.cm2"),
    "dose_rp_mgy": Sum(Code("113725", DCM, "Dose (RP) Total"), "mGy"),
    GLANDULAR: Sum(Code("111637", DCM, "Accumulated Average Glandular Dose"), "mGy"),
    "activity_mbq": Sum(Code("113507", DCM, "Administered activity"), "MBq"),
}
EXPECTED: Final[Mapping[Procedure, str]] = {
    Procedure.CT: "dlp_mgycm",
    Procedure.PROJECTION: "dap_mgycm2",
    Procedure.MAMMOGRAPHY: GLANDULAR,
    Procedure.RADIOPHARMACEUTICAL: "activity_mbq",
}
"""What each procedure is expected to state: where it is not known, that is said."""
IMAGES_ALONE: Final = "Image headers state these doses; no dose report of the device came."
REPORTED: Final = Code("121058", DCM, "Procedure reported")
AGENT: Final = Code("349358000", SCT, "Radiopharmaceuticals")


def partly(quantity: str, known: int, exposures: int) -> str:
    """What is said of a sum over some of the exposures alone."""
    return f"{SUMS[quantity].code.meaning}: of {known} of {exposures} exposures; of the others it is not known."
