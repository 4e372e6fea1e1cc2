"""The refusal about the length of an event (B)."""

from domain.errors.refusal import RuleBroken


class EventTooLong(RuleBroken):
    """An event has more bytes than a topic takes: nothing was written."""

    rule = "B1"

    @classmethod
    def of(cls, size: int, most: int) -> "EventTooLong":
        """The refusal of an event of ``size`` bytes."""
        return cls(f"an event of {size:,} bytes cannot be published ({most:,} at most): send what it tells in parts")
