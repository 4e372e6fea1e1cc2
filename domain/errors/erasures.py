"""Refusals about erasures (F)."""

from domain.errors.refusal import RuleBroken


class UnlawfulGround(RuleBroken):
    """Something else than an error, a court order or the end of retention: retention forbids it."""

    rule = "F1"


class StillRetained(RuleBroken):
    """The end of retention is given as the ground while retention runs."""

    rule = "F2"


class SecondPersonMissing(RuleBroken):
    """The one who approves is the one who requested, or a program."""

    rule = "F3"


class ErasureTooEarly(RuleBroken):
    """The delay between approval and carrying out is not over."""

    rule = "F4"


class LegalHold(RuleBroken):
    """A legal hold stops the erasure until it is released."""

    rule = "F5"


class ErasureUnchanged(RuleBroken):
    """A step that does not follow the one before: nothing is open, or it was done already."""

    rule = "F6"


class NotLookedAt(RuleBroken):
    """Something came to the identity since the one who approves was shown what there is."""

    rule = "F7"


class HoldOfAnother(RuleBroken):
    """Who requested the erasure takes away what another person stopped it with."""

    rule = "F9"


class ErasureStopped(RuleBroken):
    """A rule forbade the carrying out: the request stands until somebody cancels it."""

    rule = "F8"
