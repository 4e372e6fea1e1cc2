"""Refusals about accesses to records, and the reading of lists (X)."""

from domain.errors.refusal import RuleBroken


class UnknownProfessional(RuleBroken):
    """Nobody of that RPPS number is registered: there is no one to decide about."""

    rule = "X1"


class NotAffiliated(RuleBroken):
    """The professional does not work for the establishment they name."""

    rule = "X2"


class ReasonMissing(RuleBroken):
    """An access is asked for without a reason."""

    rule = "X3"


class EmergencyGoesOn(RuleBroken):
    """The emergency access has not run out."""

    rule = "X16"


class NothingToReview(RuleBroken):
    """No emergency access waits for review under that id, or not for that reviewer."""

    rule = "X17"


class NoOpenEmergency(RuleBroken):
    """No emergency access is open under that id."""

    rule = "X10"


class UnfitReason(RuleBroken):
    """The reason for reading a list names somebody who is in it, or is too long."""

    rule = "X15"
