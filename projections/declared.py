"""Every view there is, as its package declares it. A package that is missing here is found by a test."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.errors import NotFound
from projections import access_history, cumulative_dose, dose_practice, identity_index, patient_record
from projections.engine.declaration import View

VIEWS: Final[Mapping[str, View]] = MappingProxyType(
    {
        view.name: view
        for view in (
            patient_record.VIEW,
            identity_index.VIEW,
            cumulative_dose.VIEW,
            access_history.VIEW,
            dose_practice.VIEW,
        )
    }
)
"""By name."""


def refuse_unknown(*names: str) -> None:
    """Raises NotFound where there is no view of one of these names."""
    if unknown := [name for name in names if name not in VIEWS]:
        raise NotFound(f"no view {', '.join(unknown)}: there are {', '.join(VIEWS)}")
