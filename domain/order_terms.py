"""Until when the exam of an order may be made (O10, ``domain.aggregates.order``)."""

from typing import Final

DAY: Final = 24 * 3600 * 1_000_000  # µs
YEAR: Final = 365 * DAY
MONTH: Final = 30 * DAY


def runs_out(placed_at: int, *later: int | None) -> int:
    """When an order runs out (O10). ``later``: latest time of use, appointment. All in µs since 1970, UTC."""
    return max([placed_at + YEAR, *(at + MONTH for at in later if at is not None)])
