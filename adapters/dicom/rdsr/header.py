"""What the header of a dose report says of device, patient, operator and procedure; the words are sealed later.

Ages and sizes are of the exam, and null where they are not stated or cannot be a person's: nothing is guessed.
"""

import re
from datetime import date
from typing import Any, Final

from adapters.dicom.rdsr.codes import NO_CODE
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
_AGE: Final = re.compile(r"(\d{1,3})([DWMY])", re.ASCII)
_DAYS: Final = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
_NUMBER: Final = re.compile(r"\d{1,3}(\.\d+)?", re.ASCII)
_HEAVIEST_KG, _TALLEST_M = 500.0, 2.8
_PREGNANT: Final = {1: False, 2: True, 3: True}  # not, possibly, definitely; 4: unknown


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
        "patient": {
            "age_days": _age_days(tree),
            "weight_kg": _number(encoded(tree, "PatientWeight"), _HEAVIEST_KG),
            "size_cm": _size_cm(tree),
            "pregnant": _pregnant(tree),
        },
        "operator": content.meaning("participant_name") or text(tree, "OperatorsName"),
        "procedure": {"code": procedure.key, "meaning": procedure.meaning} if procedure else None,
        "study_description": text(tree, "StudyDescription"),
        "procedure_code": _procedure_code(tree),
    }


def _age_days(tree: Tree) -> int | None:
    """From birth to the exam, where both days are known; else the age stated."""
    days = [_day(encoded(tree, keyword)) for keyword in ("PatientBirthDate", "StudyDate")]
    if days[0] and days[1] and days[0] <= days[1]:
        return (days[1] - days[0]).days
    age = _AGE.fullmatch(encoded(tree, "PatientAge"))
    return round(int(age[1]) * _DAYS[age[2]]) if age else None


def _day(stated: str) -> date | None:
    try:
        return date.fromisoformat(stated) if stated.isdecimal() and stated.isascii() and len(stated) == 8 else None
    except ValueError:
        return None


def _number(stated: str, most: float) -> float | None:
    """A positive number that is plausible; a text, a zero or a slip of units is not known."""
    value = float(stated) if _NUMBER.fullmatch(stated) else 0.0
    return value if 0 < value <= most else None


def _size_cm(tree: Tree) -> float | None:
    metres = _number(encoded(tree, "PatientSize"), _TALLEST_M)
    return None if metres is None else float(f"{metres * 100:.6g}")


def _pregnant(tree: Tree) -> bool | None:
    """True where the patient is pregnant or possibly is."""
    place = tree.top.get(TAGS["PregnancyStatus"])
    raw = tree.elements.data[place[0] : place[1]] if place else b""
    return _PREGNANT.get(int.from_bytes(raw, "little" if tree.elements.little else "big"))


def _procedure_code(tree: Tree) -> str | None:
    codes = (tree.code(tree.top.get(tag)) for tag in _PROCEDURES)
    return next((code.key for code in codes if code is not NO_CODE and not code.key.endswith(":")), None)
