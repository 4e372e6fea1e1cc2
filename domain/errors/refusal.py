"""What every refusal is: a rule said no, and nothing was written."""


class RuleBroken(Exception):
    """A rule refused a command and nothing was written. ``rule`` is its number in the aggregate's docstring."""

    rule: str
