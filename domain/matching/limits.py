"""What a version of the matching rules may choose: thresholds in bits, and whether a birth place may be missing."""

from dataclasses import dataclass
from enum import StrEnum


class Placeless(StrEnum):
    """When strict traits merge though a birth place is not known."""

    NEVER = "never"
    LISTED = "listed"  # where the whole lists of given names are equal
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bits from which on a pair is merged by strict traits, or shown to a human."""

    strict_bits: float = 6.0
    review_bits: float = -4.0
    placeless: Placeless = Placeless.LISTED
