"""What the header of a dose report says of device, patient, operator and procedure; the words are sealed later."""

import re
from functools import partial
from typing import Any, Final

from adapters.dicom.rdsr.codes import NO_CODE
from adapters.dicom.rdsr.person import patient
from adapters.dicom.rdsr.tree import Content, Tree
from domain.dose_words import NOT_STATED

TAGS: Final = {
    "SOPClassUID": 0x00080016,
    "SOPInstanceUID": 0x00080018,
    "StudyDate": 0x00080020,
    "ContentDate": 0x00080023,
    "ContentTime": 0x00080033,
    "ModalitiesInStudy": 0x00080061,
    "Manufacturer": 0x00080070,
    "TimezoneOffsetFromUTC": 0x00080201,
    "StationName": 0x00081010,
    "StudyDescription": 0x00081030,
    "OperatorsName": 0x00081070,
    "ManufacturerModelName": 0x00081090,
    "PatientName": 0x00100010,
    "PatientID": 0x00100020,
    "PatientBirthDate": 0x00100030,
    "PatientAge": 0x00101010,
    "PatientSize": 0x00101020,
    "PatientWeight": 0x00101030,
    "PregnancyStatus": 0x001021C0,
    "DeviceSerialNumber": 0x00181000,
    "ProtocolName": 0x00181030,
    "StudyInstanceUID": 0x0020000D,
}
TITLE: Final = 0x0040A043
_PROCEDURES: Final = (0x00081032, 0x00321064)  # Procedure Code Sequence, Requested Procedure Code Sequence


def encoded(tree: Tree, keyword: str) -> str:
    """An attribute as encoded; empty where it is absent."""
    return tree.encoded(tree.top.get(TAGS[keyword]))


def text(tree: Tree, keyword: str) -> str | None:
    """An attribute's text in the report's character set."""
    return tree.text(tree.top.get(TAGS[keyword]))


def zone(tree: Tree) -> str | None:
    """The offset from UTC of all times of the data set that state none."""
    stated = re.fullmatch(r"([+-]\d\d)(\d\d)", encoded(tree, "TimezoneOffsetFromUTC"), re.ASCII)
    return f"{stated[1]}:{stated[2]}" if stated else None


def said(tree: Tree, content: Content) -> dict[str, Any]:
    """Patient, operator and procedure, as ``domain.dose_words`` has them."""
    procedure = next((code for item in content.all("procedure_reported") if (code := item.code())), None)
    return {
        **NOT_STATED,
        "patient": patient(partial(encoded, tree), _pregnancy(tree)),
        "operator": content.meaning("participant_name") or text(tree, "OperatorsName"),
        "procedure": {"code": procedure.key, "meaning": procedure.meaning} if procedure else None,
        "study_description": text(tree, "StudyDescription"),
        "procedure_code": _procedure_code(tree),
    }


def _pregnancy(tree: Tree) -> int | None:
    place = tree.top.get(TAGS["PregnancyStatus"])
    return int.from_bytes(tree.elements.data[slice(*place)], tree.elements.order) if place else None


def _procedure_code(tree: Tree) -> str | None:
    codes = (tree.code(tree.top.get(tag)) for tag in _PROCEDURES)
    return next((code.key for code in codes if code is not NO_CODE and not code.key.endswith(":")), None)
