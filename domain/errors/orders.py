"""Refusals about orders (O)."""

from domain.errors.refusal import RuleBroken


class BadOrder(RuleBroken):
    """An order without a modality, with an unknown urgency, or a time without a zone."""

    rule = "O1"


class OrdererSuspended(RuleBroken):
    """A suspended professional orders no exam."""

    rule = "O2"


class OrderKnown(RuleBroken):
    """The site placed an order under that number already."""

    rule = "O3"


class OrderElsewhere(RuleBroken):
    """The order was neither placed nor presented at that site."""

    rule = "O4"


class OrderUnchanged(RuleBroken):
    """The order says so already."""

    rule = "O5"


class OrderOver(RuleBroken):
    """The order ran out: nothing follows it but the exam itself."""

    rule = "O10"


class OrderStillWanted(RuleBroken):
    """The order has not run out."""

    rule = "O10"


class OrderCancelled(RuleBroken):
    """The order was cancelled: nothing follows it."""

    rule = "O6"


class OrderPerformed(RuleBroken):
    """The exam was made: it is no more to be presented, scheduled or cancelled."""

    rule = "O7"


class OrderNotPerformed(RuleBroken):
    """A result needs an exam."""

    rule = "O8"


class BadAccession(RuleBroken):
    """An accession number that no system could have given out."""

    rule = "O9"
