"""Converts values from devices' unit spellings to the ledger's units: mGy, mGy.cm, mGy.cm2, MBq; kV, mA, ms, mm.

A value is only multiplied by powers of ten, in Decimal, from the encoded text: no digit is lost or invented. Units are
UCUM codes (PS3.16 section 7.2.2), which are case sensitive: a prefix read in the wrong case would change the dose a
billion times, so ``MGy`` is refused, not guessed. A refusal states its reason; the caller keeps the text.
"""

import re
from decimal import Context, Decimal
from enum import StrEnum
from itertools import product
from typing import Final


class Dimension(StrEnum):
    """What a number measures; the value is the canonical unit of the ledger."""

    DOSE = "mGy"  # CTDIvol, dose at the reference point, average glandular dose
    DOSE_LENGTH = "mGy.cm"  # DLP
    DOSE_AREA = "mGy.cm2"  # DAP, also called KAP
    ACTIVITY = "MBq"
    VOLTAGE = "kV"
    CURRENT = "mA"
    CHARGE = "mAs"
    TIME_MS = "ms"
    TIME_S = "s"
    LENGTH = "mm"
    AREA = "cm2"
    ANGLE = "deg"
    RATE = "Hz"
    FORCE = "N"
    COUNT = "1"


class NotUnderstood(ValueError):
    """A number or unit that cannot be read without guessing. The message never contains the number."""


_GRAY = {"": 0, "d": -1, "c": -2, "m": -3, "u": -6}
_BECQUEREL = {"": 0, "k": 3, "M": 6, "G": 9}
_LENGTHS = {"cm": 0, "m": 2}  # powers of ten against the centimetre
_AREAS = {"cm2": 0, "m2": 4}


def _table() -> dict[str, tuple[Dimension, int]]:
    """Every spelling without separators -> its dimension and the power of ten to the canonical unit."""
    table = {f"{prefix}Gy": (Dimension.DOSE, power + 3) for prefix, power in _GRAY.items()}
    for (prefix, power), (length, longer) in product(_GRAY.items(), _LENGTHS.items()):
        table[f"{prefix}Gy{length}"] = (Dimension.DOSE_LENGTH, power + 3 + longer)
    for (prefix, power), (area, larger) in product(_GRAY.items(), _AREAS.items()):
        table[f"{prefix}Gy{area}"] = (Dimension.DOSE_AREA, power + 3 + larger)
    table |= {f"{prefix}Bq": (Dimension.ACTIVITY, power - 6) for prefix, power in _BECQUEREL.items()}
    return table


UNITS = _table()
"""Of doses and activities."""
_WRITTEN: Final = {
    *(f"{prefix}Gy" for prefix in _GRAY),
    *(f"{prefix}Gy.{of}" for prefix, of in product(_GRAY, (*_LENGTHS, *_AREAS))),
    *(f"{prefix}Bq" for prefix in _BECQUEREL),
}
_OF_TECHNIQUE: Final[dict[Dimension, dict[str, int]]] = {
    Dimension.VOLTAGE: {"kV": 0, "V": -3},
    Dimension.CURRENT: {"mA": 0, "uA": -3, "A": 3},
    Dimension.CHARGE: {"mAs": 0, "uAs": -3, "As": 3},
    Dimension.TIME_MS: {"ms": 0, "s": 3, "us": -3},
    Dimension.TIME_S: {"s": 0, "ms": -3, "us": -6},
    Dimension.LENGTH: {"mm": 0, "cm": 1, "m": 3, "um": -3},
    Dimension.AREA: {"cm2": 0, "mm2": -2, "m2": 4},
    Dimension.ANGLE: dict.fromkeys(("deg", "°", "degree", "degrees"), 0),
    Dimension.RATE: dict.fromkeys(("Hz", "{pulse}/s", "{pulses}/s", "pulse/s", "pulses/s", "/s", "1/s"), 0),
    Dimension.FORCE: {"N": 0},
    Dimension.COUNT: dict.fromkeys(("1", "", "{pulse}", "{pulses}", "{frames}", "{ratio}", "ratio", "{events}"), 0),
}

# The separators that UCUM and the vendors put between Gy and cm2 are dropped; the micro sign has two code
# points.
_SPELLING = str.maketrans(
    {**dict.fromkeys((".", "·", "\u22c5", "*", "^", " ", "\u00a0", "\u202f"), ""), "²": "2", "µ": "u", "μ": "u"}
)
# Value Representation DS (PS3.5 table 6.2-1): no NaN, no underscore, no digits of other scripts.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
# A comma that can part nothing but decimals: not three digits after one to three, which might be thousands.
_COMMA = re.compile(r"[+-]?(?![1-9]\d{0,2},\d{3}(?!\d))\d*,\d+([eE][+-]?\d{1,4})?", re.ASCII)
_LONGEST_NUMBER = 64  # DS allows 16 characters; devices write more decimals than that
_LARGEST_POWER = 300  # beyond it a float would be infinite, or a false zero
_EXACT = Context(prec=200)


def canonical(text: str, unit: str, dimension: Dimension) -> Decimal | None:
    """The number in the canonical unit of ``dimension``; None where ``text`` is empty: not known, never zero.

    ``text`` is the Numeric Value and ``unit`` the Measurement Units code value, both as encoded. Raises
    NotUnderstood for a text that is no number, a negative (but of an angle) or out-of-range number, and a unit that is
    unknown or of another dimension.
    """
    if not text:
        return None
    return _EXACT.scaleb(_number(text, signed=dimension is Dimension.ANGLE), _power(unit, dimension))


def is_of_dose(unit: str) -> bool:
    """Whether a number in this unit is a dose or an activity."""
    return _spelling(unit) in UNITS


def tolerated(text: str, unit: str) -> list[str]:
    """The tolerances that a dose needed which was understood."""
    found = ["decimal_comma"] if "," in text else []
    return found if unit in _WRITTEN else [*found, "unit_spelling"]


def _spelling(unit: str) -> str:
    return unit.strip().translate(_SPELLING)


def _power(unit: str, dimension: Dimension) -> int:
    spelled = _spelling(unit)
    if of_technique := _OF_TECHNIQUE.get(dimension):
        if (power := of_technique.get(spelled)) is None:
            raise NotUnderstood(f"unit {unit[:16]!r} not understood: {dimension.value} or its multiples expected")
        return power
    known = UNITS.get(spelled)
    if known is None:
        raise NotUnderstood(f"unit {unit[:16]!r} not understood" if unit else "no unit given")
    if known[0] is not dimension:
        raise NotUnderstood(f"unit {unit[:16]!r} not understood: {dimension.value} or its multiples expected")
    return known[1]


def _number(text: str, *, signed: bool) -> Decimal:
    if len(text) > _LONGEST_NUMBER:
        raise NotUnderstood("value is not a decimal number")
    if not _NUMBER.fullmatch(text):
        if not _COMMA.fullmatch(text):
            raise NotUnderstood("value is not a decimal number")
        text = text.replace(",", ".")
    number = Decimal(text)
    if number == 0:
        return Decimal(0)  # also of "-0" and "0E+9": one zero, and a known one
    if number < 0 and not signed:
        raise NotUnderstood("value is negative")
    if abs(number.adjusted()) > _LARGEST_POWER:
        raise NotUnderstood("value is out of range")
    return number
