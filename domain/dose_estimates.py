"""Estimates an exposure's effective dose by published factors; a marked figure that no device measured.

A factor is for one quantity, the regions or radiopharmaceuticals that it names, ages, and for CT the phantom that the
dose length product refers to. Where no factor fits there is no estimate, and neither where the age, the region or the
phantom that a factor asks for is not known. An exposure has one estimate at most: of the first quantity here that has
one. Estimates are in no total of what was reported.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.dose_acts import folded
from domain.dose_distinct import trusted

DLP, DAP, ACTIVITY = "dlp_mgycm", "dap_mgycm2", "activity_mbq"
ESTIMATED: Final = (DLP, DAP, ACTIVITY)
NAMED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys((DLP, DAP), ("target_region_code", "target_region")),
    ACTIVITY: ("radiopharmaceutical",),
}
"""By what of an exposure a factor of the quantity is found: the first of them that is named decides."""
DIGITS: Final = 3
"""Significant figures: published factors have two."""
Months = tuple[int, int]
"""Completed months of an age: the fewest and the most that it may be."""


@dataclass(frozen=True)
class Factor:
    """``msv``: for one unit of the quantity; ``names``: folded; ages in completed months, ``below`` exclusive."""

    quantity: str
    names: frozenset[str]
    msv: float
    source: str
    from_months: int = 0
    below_months: int | None = None
    phantom_cm: int | None = None

    def fits(self, name: str, months: Months | None, phantom_cm: int | None) -> bool:
        """Whether it is for an exposure of that name, at that age, with that phantom."""
        if name not in self.names or self.phantom_cm not in (None, phantom_cm):
            return False
        if self.from_months == 0 and self.below_months is None:
            return True
        if months is None or months[0] < self.from_months:
            return False
        return self.below_months is None or months[1] < self.below_months


@dataclass(frozen=True)
class DoseFactors:
    """The factors of one version; version 0, without any, where none are in force."""

    version: int = 0
    factors: tuple[Factor, ...] = ()

    def estimate(self, exposure: Mapping[str, Any], months: Months | None) -> dict[str, Any] | None:
        """Of an exposure: in mSv, of which quantity, by which factor of which source; None: there is no estimate."""
        for quantity in ESTIMATED:
            value = trusted(exposure, quantity)
            if value is not None and (factor := self._of(quantity, exposure, months)):
                return {
                    "effective_dose_msv": float(f"{value * factor.msv:.{DIGITS}g}"),
                    "quantity": quantity,
                    "factor": factor.msv,
                    "source": factor.source,
                    "rule_version": self.version,
                }
        return None

    def _of(self, quantity: str, exposure: Mapping[str, Any], months: Months | None) -> Factor | None:
        name = next((folded(told) for by in NAMED_BY[quantity] if (told := exposure[by])), None)
        fits = (one for one in self.factors if one.quantity == quantity)
        phantom = exposure["phantom_cm"]
        return next((one for one in fits if name is not None and one.fits(name, months, phantom)), None)


def summed(estimates: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    """What estimates of several exposures come to, and how many have none; null where none has one."""
    told = [*estimates]
    known = [one["effective_dose_msv"] for one in told if one is not None]
    value = float(f"{sum(known):.{DIGITS}g}") if known else None
    return {"effective_dose_msv": value, "exposures": len(known), "without": len(told) - len(known)}
