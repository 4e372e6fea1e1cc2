"""Compares what a dose report's events add up to with the totals that it states itself.

Neither is repaired from the other: devices round, and use zero, differently in the two places, and some forget an
event. Whoever reads the record is told that they differ.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from adapters.dicom.rdsr.concepts import BOTH, LEFT, RIGHT
from adapters.dicom.rdsr.exposure import Exposure

_SUMMED: Final = ("dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy")
_BREASTS: Final = {f"agd_{side}_mgy": side for side in (LEFT, RIGHT)}
_ALLOWED: Final = Decimal("0.001")  # of the total: less is the last digit's rounding


def differing(exposures: Iterable[Exposure], totals: Mapping[str, float | None]) -> list[str]:
    """The totals from which the events' sum differs; so does one above zero of events of which none states a dose."""
    exposures = list(exposures)
    found = []
    for name, total in totals.items():
        summed = _sum(exposures, name)
        if total is None or (summed is None and (name not in _SUMMED or not exposures)):
            continue
        stated, summed = Decimal(repr(total)), summed or Decimal(0)
        if abs(summed - stated) > _ALLOWED * max(stated, summed):
            found.append(name)
    return sorted(found)


def _sum(exposures: list[Exposure], total: str) -> Decimal | None:
    """What the events add up to; None where none states it, or where a breast is not told."""
    if total in _SUMMED:
        values = [getattr(exposure, total) for exposure in exposures]
    elif (side := _BREASTS.get(total)) and all(exposure.side not in (None, BOTH) for exposure in exposures):
        values = [exposure.agd_mgy for exposure in exposures if exposure.side == side]
    else:
        return None
    known = [Decimal(repr(value)) for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None
