"""Names what a rule does with a pair: merge it surely, merge it by strict traits, show it to a human, or leave it."""

from enum import StrEnum


class Tier(StrEnum):
    """The strongest first."""

    SURE = "sure"
    STRICT = "strict"
    REVIEW = "review"
    LEFT = "left"
