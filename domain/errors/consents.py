"""Refusals about consents and oppositions (C)."""

from domain.errors.refusal import RuleBroken


class UnknownParty(RuleBroken):
    """Nobody in the directory bears that name, or a grant that names everyone."""

    rule = "C1"


class NotRunOut(RuleBroken):
    """The consent or code has not run out, or is not held any more."""

    rule = "C7"


class StatementUnchanged(RuleBroken):
    """The statement is held already, or there is none to take back."""

    rule = "C2"


class StillOpposed(RuleBroken):
    """A grant to someone whom the same identity opposes: lift the opposition first."""

    rule = "C3"


class NoLegitimateReason(RuleBroken):
    """Opposition to feeding without a legitimate reason (CSP R1111-47)."""

    rule = "C4"


class BadLimit(RuleBroken):
    """An end that has passed or lies too far off, or an exclusion of unknown form."""

    rule = "C5"


class BadCode(RuleBroken):
    """A one-time code too weak to be given out."""

    rule = "C6"
