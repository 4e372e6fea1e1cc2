"""Refusals about establishments (E) and professionals (P)."""

from domain.errors.refusal import RuleBroken


class BadSite(RuleBroken):
    """A code, name, device kind or service that is not of the form the rule states."""

    rule = "E1"


class SiteEnrolled(RuleBroken):
    """An establishment of that code is enrolled already."""

    rule = "E2"


class BadFiness(RuleBroken):
    """A FINESS number that is not of 9 characters."""

    rule = "E3"


class BadAeTitle(RuleBroken):
    """Not an AE title: 1 to 16 printable characters."""

    rule = "E4"


class AeTitleTaken(RuleBroken):
    """The AE title is registered already: it belongs to one establishment only."""

    rule = "E5"


class ServiceActive(RuleBroken):
    """The service is active already."""

    rule = "E6"


class BadAddress(RuleBroken):
    """Not where a device listens: a host, and a port from 1 to 65535."""

    rule = "E7"


class ServiceNotActive(RuleBroken):
    """The service is not active."""

    rule = "E8"


class BadProfessional(RuleBroken):
    """An RPPS number not of 11 digits or with a wrong check digit, or no name or profession."""

    rule = "P1"


class ProfessionalRegistered(RuleBroken):
    """A professional of that RPPS number is registered already."""

    rule = "P2"


class AlreadyAffiliated(RuleBroken):
    """The professional is affiliated to that establishment already."""

    rule = "P3"


class SuspensionRefused(RuleBroken):
    """The professional is suspended already, or no reason is given."""

    rule = "P4"
