"""Creates the rows of dose levels from the rules: alert levels per study, reference levels per exposure.

``dose-alerts`` gives a level per study and quantity, for whomever and of whatever modality: its other rules are judged
where people are known (``domain.dose_judging``). ``reference-levels`` gives one per exposure of an act, of adults
alone, since a child's is for a weight. ``over`` compares doses with them.
"""

from collections.abc import Iterable

from domain.dose_alerts import STUDY, AlertRules
from domain.dose_bands import ADULT
from domain.dose_levels import ENTRANCE, ReferenceLevels
from domain.rules.document import DOSE_ALERTS, REFERENCE_LEVELS
from projections.engine.projection import RowKey, Seed


def seeds(alerts: AlertRules, reference: ReferenceLevels) -> Iterable[Seed]:
    """The rows of ``level``."""
    for rule in alerts.rules.values():
        if rule.kind == STUDY and not rule.population and not rule.modalities:
            row = {"value": rule.threshold, "rule_version": alerts.version}
            act = "" if rule.name == f"{rule.quantity}_over" else rule.name
            yield RowKey("level", (DOSE_ALERTS, act, "", "", rule.quantity, 0)), row
    for level in reference.levels:
        if level.population != ADULT or level.quantity == ENTRANCE:
            continue
        key = (REFERENCE_LEVELS, level.act, level.modality, level.population, level.quantity, level.phantom_cm or 0)
        row = {"value": level.value, "rule_version": reference.version}
        yield RowKey("level", key), row
