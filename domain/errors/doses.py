"""Refusals about dose reports and their alerts (D)."""

from domain.errors.refusal import RuleBroken


class ReportKnown(RuleBroken):
    """The dose report is recorded already."""

    rule = "D1"


class NoExposure(RuleBroken):
    """A dose report without an irradiation event, and without a total."""

    rule = "D2"


class AlertUnchanged(RuleBroken):
    """No such open alert."""

    rule = "D3"


class ValuesUnchanged(RuleBroken):
    """The report has no implausible value that nobody has accepted."""

    rule = "D4"


class OtherReportStands(RuleBroken):
    """What a person accepts in place of a dose report changes nothing: another report stands for it."""

    rule = "D5"


class ReadAgain(RuleBroken):
    """A stored dose report was read again meanwhile, or a person decided what it states."""

    rule = "D6"


class NoteMissing(RuleBroken):
    """An alert is acknowledged, or a value accepted, and nothing is said of it."""

    rule = "D7"


class AlertOfAnotherSite(RuleBroken):
    """An alert is acknowledged by a professional who does not work where it is to be looked at."""

    rule = "D8"
