"""Refusals about rule sets and their files (G)."""

from domain.errors.refusal import RuleBroken


class UnknownKind(RuleBroken):
    """No rules are kept of that kind."""

    rule = "G1"


class BadRuleId(RuleBroken):
    """Not a rule id: KIND@VERSION."""

    rule = "G2"


class BadVersion(RuleBroken):
    """A version that is no whole number from 1 on, or that does not grow."""

    rule = "G3"


class VersionTaken(RuleBroken):
    """The version was published before, and said something else."""

    rule = "G4"


class NotADate(RuleBroken):
    """The day from which rules are in force is no date."""

    rule = "G5"


class BadRuleFile(RuleBroken):
    """A rule file that is neither TOML nor JSON, or too large."""

    rule = "G6"


class UnknownField(RuleBroken):
    """A rule file holds a field that its kind does not know."""

    rule = "G7"


class FieldMissing(RuleBroken):
    """A rule file lacks a field that its kind needs."""

    rule = "G8"


class WrongType(RuleBroken):
    """A value of another type than the field has."""

    rule = "G9"


class OutOfRange(RuleBroken):
    """A value of the right type that cannot be."""

    rule = "G10"


class UnknownChoice(RuleBroken):
    """A value that is none of the few that the field takes."""

    rule = "G11"


class UnknownUnit(RuleBroken):
    """A unit that is unknown, or of another dimension than the quantity."""

    rule = "G12"


class RuleTooWeak(RuleBroken):
    """A model in which what contradicts speaks for one person."""

    rule = "G13"


class DuplicateLevel(RuleBroken):
    """Two levels for the same exposures."""

    rule = "G15"


class NothingInIt(RuleBroken):
    """An empty list or text, where something is needed."""

    rule = "G16"


class EqualFields(RuleBroken):
    """Matching rules that compare fields for equality, and hold no model."""

    rule = "G17"
