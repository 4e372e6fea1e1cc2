"""What is told of the region's practice of one act, and where a median lies beside it.

The figures are of all establishments together, so that no establishment's own can be read from them: they are told
where at least ``LEAST_SITES`` establishments contribute, none gave more than ``MOST_SHARE`` of the exposures, and
``dose_practice.LEAST`` persons are left whichever establishment takes its own values away: who knows their own could
work out those of fewer.

Source: INSEE, Guide du secret statistique (2024): at least three units behind a figure, and none with more than 85 %.
"""

from typing import Final

from domain.dose_practice import LEAST

LEAST_SITES: Final = 3
MOST_SHARE: Final = 0.85
BELOW, WITHIN, ABOVE = "below", "within", "above"
"""Under the first quartile, from there to the third, over that."""


def is_told(sites: int, others: int, share: float) -> bool:
    """Whether figures of so many contributors are told. ``others``: the fewest persons who are left without one of the
    establishments; ``share``: of the establishment that gave most exposures.
    """
    return sites >= LEAST_SITES and others >= LEAST and share <= MOST_SHARE


def lies(median: float, q1: float, q3: float) -> str:
    """Where a median lies beside the region's quartiles."""
    if median < q1:
        return BELOW
    return ABOVE if median > q3 else WITHIN
