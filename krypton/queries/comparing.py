"""By which rules doses are compared with reference levels, as of now."""

from datetime import date

from domain.dose_flags import Comparison
from domain.rules.in_force import RulesInForce
from krypton.bootstrap import Krypton


def comparison(ours: Krypton) -> Comparison:
    """The mapping in force today, and the levels in force on any day."""
    return comparison_by(ours.ledger.rules(), ours.ledger.clock().date())


def comparison_by(rules: RulesInForce, today: date) -> Comparison:
    """The same by these rules on a day."""
    return Comparison(rules.acts(today), rules.levels, today)
