"""The views that rules make, under rules that histories meet: otherwise no key of candidates is ever made."""

from collections.abc import Callable

from domain.dose_alerts import AlertRules
from domain.dose_levels import Level, ReferenceLevels
from projections.cumulative_dose.view import CumulativeDose
from projections.declared import VIEWS
from projections.engine.projection import Projection
from projections.identity_index.view import IdentityIndex
from tests.fakes.weighing import rules

CHEST = Level("Chest PA", "DX", "adult", "dap_mgycm2", 100.0, "mGy.cm2")

RULED: dict[str, Callable[[], Projection]] = {
    "identity_index": lambda: IdentityIndex(rules(3)),
    "cumulative_dose": lambda: CumulativeDose(AlertRules(2, 1_000.0, 100_000.0), ReferenceLevels(3, (CHEST,))),
}
PLAIN: dict[str, Callable[..., Projection]] = {name: view.make for name, view in VIEWS.items()}
MADE: dict[str, Callable[..., Projection]] = {**PLAIN, **RULED}
"""Every view, under rules where it has some."""

TWICE: dict[str, Callable[..., Projection]] = {**PLAIN, **{f"{name} under rules": make for name, make in RULED.items()}}
"""Every view, and once more under rules where it has some."""
