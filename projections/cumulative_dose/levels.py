"""Creates the rows of dose levels from the rules: alert levels per study, reference levels per exposure.

``dose-alerts`` gives a level per study and quantity; ``reference-levels`` one per exposure of an act, which protocols
identify. ``over`` compares doses with them.
"""

from collections.abc import Iterable

from domain.dose_alerts import WATCHED, AlertRules
from domain.rules.document import DOSE_ALERTS, REFERENCE_LEVELS
from domain.rules.levels import ReferenceLevels
from projections.engine.projection import RowKey, Seed


def seeds(alerts: AlertRules, reference: ReferenceLevels) -> Iterable[Seed]:
    """The rows of ``level``."""
    for quantity in WATCHED:
        row = {"value": getattr(alerts, quantity), "protocols": [], "rule_version": alerts.version}
        yield RowKey("level", (DOSE_ALERTS, "", "", "", quantity, 0)), row
    for level in reference.levels:
        key = (REFERENCE_LEVELS, level.act, level.modality, level.population, level.quantity, level.phantom_cm or 0)
        row = {"value": level.value, "protocols": list(level.protocols), "rule_version": reference.version}
        yield RowKey("level", key), row
