"""Refusals about readings asked of another establishment (R)."""

from domain.errors.refusal import RuleBroken


class SameSite(RuleBroken):
    """A reading is asked of another establishment than the one that asks."""

    rule = "R1"


class ReadingOpen(RuleBroken):
    """That establishment was asked to read the study, and has not answered yet."""

    rule = "R3"


class ReaderNotEntitled(RuleBroken):
    """A reader is not suspended, and works for the establishment that was asked."""

    rule = "R4"


class ReadingAnswered(RuleBroken):
    """The reading was accepted, declined or reported already."""

    rule = "R5"


class ReadingNotAccepted(RuleBroken):
    """Only an accepted reading is reported."""

    rule = "R6"


class ReadingNeedsReason(RuleBroken):
    """A reading is not declined without a reason."""

    rule = "R7"
