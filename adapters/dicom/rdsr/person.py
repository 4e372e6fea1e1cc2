"""What a header says of the patient on the day of the exam: age, weight, height, pregnancy.

Each is null where it is not stated or cannot be a person's: nothing is guessed. A birthday counts: who is so many years
old has an age in days of as many years of 365.25 days, by which ``domain.dose_bands`` tells adults from children.
"""

import re
from collections.abc import Callable
from datetime import date
from math import ceil
from typing import Any, Final

from domain.dose_bands import completed_months
from domain.matching.birth_dates import born

_AGE: Final = re.compile(r"(\d{1,3})([DWMY])", re.ASCII)
_DAYS: Final = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
_NUMBER: Final = re.compile(r"\d{1,3}(\.\d+)?", re.ASCII)
_HEAVIEST_KG, _TALLEST_M = 500.0, 2.8
_PREGNANT: Final = {1: False, 2: True, 3: True}  # not, possibly, definitely; 4: unknown


def patient(encoded: Callable[[str], str], pregnancy: int | None) -> dict[str, Any]:
    """As ``domain.dose_words`` has it. ``encoded``: an attribute's text, by keyword; ``pregnancy``: Pregnancy Status.

    ``pregnant`` is true where the patient is, or possibly is.
    """
    metres = _number(encoded("PatientSize"), _TALLEST_M)
    return {
        "age_days": _age_days(encoded),
        "weight_kg": _number(encoded("PatientWeight"), _HEAVIEST_KG),
        "size_cm": None if metres is None else float(f"{metres * 100:.6g}"),
        "pregnant": _PREGNANT.get(pregnancy or 0),
    }


def _age_days(encoded: Callable[[str], str]) -> int | None:
    """From birth to the exam, where both days are known; else the age stated: so many years or months are over.

    Devices make an age of a birth date that stands for not known, too: that age is none.
    """
    birth, examined = _day(encoded("PatientBirthDate")), _day(encoded("StudyDate"))
    if birth and born(birth.isoformat()) and examined and birth <= examined:  # 1900-01-01 stands for not known
        return max((examined - birth).days, ceil(completed_months(birth, examined) // 12 * _DAYS["Y"]))
    age = _AGE.fullmatch(encoded("PatientAge"))
    if age is None or (age[2] == "Y" and int(age[1]) == 0):  # a year has not passed: of a newborn, or of a toddler
        return None
    since = examined.year - birth.year if birth and examined else None
    if age[2] == "Y" and since is not None and not born(str(birth)) and abs(int(age[1]) - since) <= 1:
        return None
    return ceil(int(age[1]) * _DAYS[age[2]])


def _day(stated: str) -> date | None:
    try:
        return date.fromisoformat(stated) if stated.isdecimal() and stated.isascii() and len(stated) == 8 else None
    except ValueError:
        return None


def _number(stated: str, most: float) -> float | None:
    """A positive number that is plausible; a text, a zero or a slip of units is not known."""
    value = float(stated) if _NUMBER.fullmatch(stated) else 0.0
    return value if 0 < value <= most else None
