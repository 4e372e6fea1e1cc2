"""CT (PS3.16 TID 10011): the irradiation event TID 10013, and the dose check TID 10015."""

from decimal import Decimal
from typing import Any, Final

from adapters.dicom.rdsr.concepts import DOSE_CHECK, NO, OWN_YES_NO, PHANTOM_CM, YES, YES_WORDS
from adapters.dicom.rdsr.event import Reading, Template
from adapters.dicom.rdsr.exposure import CT
from adapters.dicom.rdsr.tree import Item


def phantom(reading: Reading) -> int | None:
    """The diameter of the phantom that the CTDIvol refers to, in cm."""
    keys = reading.content.keys("phantom")
    if keys and keys[0] not in PHANTOM_CM:
        reading.notes.append("phantom: code not understood")
    return PHANTOM_CM.get(keys[0]) if keys else None


def _more(reading: Reading) -> dict[str, Any]:
    return {"phantom_cm": phantom(reading), **_dose_check(reading)}


def _dose_check(reading: Reading) -> dict[str, Any]:
    """The dose check as encoded, what of it is configured, and which alert values the forward estimates passed."""
    found: dict[str, str] = {}
    on: set[str] = set()
    values: dict[str, Decimal] = {}
    for name, concept in DOSE_CHECK.items():
        for item in reading.content.all(name):
            if concept.dimension is None:
                if meaning := item.meaning():
                    found.setdefault(name, meaning)
                on |= {name} if _says_yes(reading, item) else set()
                continue
            number = item.number()
            found[name] = str(number)
            if (value := reading.value(name, number, concept)) is not None:
                values[name] = value
    exceeded = (
        quantity
        for quantity in ("dlp", "ctdivol")
        if (limit := values.get(f"{quantity}_alert_value")) is not None
        and values.get(f"{quantity}_forward_estimate", Decimal(0)) > limit
    )
    return {"dose_check": found, "dose_check_on": frozenset(on), "dose_check_exceeded": tuple(exceeded)}


def _says_yes(reading: Reading, item: Item) -> bool:
    """Whether a CODE item says yes: by its code, whatever its words; by its words where the code says neither."""
    code = item.code()
    if code and code.key in YES | NO:
        if code.key not in OWN_YES_NO:
            reading.tree.tolerated["yes_in_another_scheme"] += 1
        return code.key in YES
    says = (item.meaning() or "").casefold() in YES_WORDS
    if says:
        reading.tree.tolerated["yes_in_words"] += 1
    return says


TEMPLATE: Final = Template(
    number="10013",
    kind=CT,
    doses=("ctdivol", "dlp", "dap", "dose_rp", "agd", "activity", "ssde", "entrance_dose"),
    parts=("ct_dose",),
    technique=(
        *("kvp", "tube_current", "exposure_time", "rotation_time", "pitch", "scan_length", "collimation"),
        *("filter_aluminium", "pulses"),
    ),
    acquisition="ct_acquisition_type",
    more=_more,
)
