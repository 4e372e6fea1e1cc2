"""By which rules doses are compared with reference levels, as of now."""

from domain.dose_flags import Comparison
from krypton.bootstrap import Krypton


def comparison(ours: Krypton) -> Comparison:
    """The mapping in force today, and the levels in force on any day."""
    rules, today = ours.ledger.rules(), ours.ledger.clock().date()
    return Comparison(rules.acts(today), rules.levels, today)
