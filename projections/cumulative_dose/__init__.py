"""The cumulative dose view: exposures, reports and alerts by study; persons are resolved by the queries."""

from domain.rules.document import DOSE_ACTS, DOSE_ALERTS, PLAUSIBLE_DOSES, REFERENCE_LEVELS
from projections.engine.declaration import View

VIEW = View(
    name="cumulative_dose",
    projection="view:CumulativeDose",
    kinds=(DOSE_ALERTS, REFERENCE_LEVELS, PLAUSIBLE_DOSES),
    queries=("queries", "alerts", "problems", "over", "acts", "shared", "made"),
    difference="difference:Levels",
    told_by=(DOSE_ACTS,),
    told_by_birth=True,
    due="over:alerts_due",
)
