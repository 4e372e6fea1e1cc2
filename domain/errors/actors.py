"""Refusals about who acts, and in whose name (W)."""

from domain.errors.refusal import RuleBroken


class BadActor(RuleBroken):
    """The actor is not a pseudonymous id with its scheme."""

    rule = "W1"


class NotForRole(RuleBroken):
    """The caller's role may not do that task."""

    rule = "W2"


class NotOnesOwn(RuleBroken):
    """A caller asks under an id that is not theirs."""

    rule = "W3"


class OfAnother(RuleBroken):
    """A patient, or a professional, states something in the name of another."""

    rule = "W4"


class IdTaken(RuleBroken):
    """The command id was used by another caller, or for another kind of command."""

    rule = "W5"
