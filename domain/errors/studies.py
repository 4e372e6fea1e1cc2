"""Refusals about studies (S)."""

from domain.errors.refusal import RuleBroken


class UnknownSite(RuleBroken):
    """No establishment of that code is enrolled."""

    rule = "S1"


class NothingNew(RuleBroken):
    """The batch holds nothing that the study does not hold already."""

    rule = "S2"


class StudyWithdrawn(RuleBroken):
    """The study was withdrawn."""

    rule = "S3"


class AlreadyThere(RuleBroken):
    """The study belongs to that identity already."""

    rule = "S4"


class ProtectionInDoubt(RuleBroken):
    """What protects the identity that a study leaves would protect the study no more."""

    rule = "S6"


class ConflictSettled(RuleBroken):
    """The conflict is settled already, or there is none of that id."""

    rule = "S5"
