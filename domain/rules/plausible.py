"""Plausible doses as a rule document: a value above its bound is taken for a slip of the device, such as Bq called MBq.

Such a value is kept as stated and shown, and is in no total, until somebody decides. The bounds are for one irradiation
event and for one report's totals alike: far above every dose that is given to a person, far below a slip of units.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from domain.dose_alerts import QUANTITIES
from domain.rules.place import Checks, Place

BESIDE: Final = ("ssde_mgy", "entrance_dose_mgy")
"""Quantities of an exposure that are in no total: a document may leave their bounds as they are."""
JUDGED: Final = (*QUANTITIES, *BESIDE)


@dataclass(frozen=True)
class PlausibleDoses:
    """The greatest plausible value of each quantity, in its canonical unit, with the rule set's version."""

    version: int = 1
    ctdivol_mgy: float = 5_000.0
    dlp_mgycm: float = 100_000.0
    dap_mgycm2: float = 20_000_000.0
    dose_rp_mgy: float = 100_000.0
    agd_mgy: float = 500.0
    activity_mbq: float = 50_000.0
    ssde_mgy: float = 5_000.0
    entrance_dose_mgy: float = 100_000.0

    def above(self, values: Mapping[str, Any]) -> list[str]:
        """The names of values above their bound. A total is judged as its quantity: ``fluoro_dap_mgycm2`` as DAP."""
        return sorted(
            name
            for name, value in values.items()
            if (quantity := _quantity(name)) and value is not None and value > getattr(self, quantity)
        )


def _quantity(name: str) -> str | None:
    if name.startswith("agd_"):
        return "agd_mgy"
    return next((quantity for quantity in JUDGED if name == quantity or name.endswith(f"_{quantity}")), None)


BUILT_IN: Final = PlausibleDoses()
"""Version 1, in force until another one is."""
BUILT_IN_BODY: Final = {name: int(bound) for name, bound in asdict(BUILT_IN).items() if name in QUANTITIES}
"""The same as a document's canonical body."""


def check(body: Place) -> None:
    """Raises G7 to G16, with the path of each error."""
    with Checks() as checks:
        for one in checks.fields(body, QUANTITIES, BESIDE).values():
            checks(one.number)


def build(version: int, body: Mapping[str, Any]) -> PlausibleDoses:
    """The bounds of a published body, which was checked then."""
    return PlausibleDoses(version, **{quantity: float(body[quantity]) for quantity in JUDGED if quantity in body})
