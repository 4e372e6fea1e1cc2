"""Refusals about what policies gave up (Y)."""

from domain.errors.refusal import RuleBroken


class NoReasonToDrop(RuleBroken):
    """An entry is dropped without a reason."""

    rule = "Y1"
