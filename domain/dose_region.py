"""What is told of the region's practice of one act, and where a median lies beside it.

The figures are of all establishments together, so that no establishment's own can be read from them: they are told
where at least ``LEAST_SITES`` establishments and ``dose_practice.LEAST`` persons contribute, and where no establishment
gave more than ``MOST_SHARE`` of the exposures.

Source: INSEE, Guide du secret statistique (2024): at least three units behind a figure, and none with more than 85 %.
"""

from typing import Final

from domain.dose_practice import LEAST

LEAST_SITES: Final = 3
MOST_SHARE: Final = 0.85
BELOW, WITHIN, ABOVE = "below", "within", "above"
"""Under the first quartile, from there to the third, over that."""


def is_told(sites: int, persons: int, share: float) -> bool:
    """Whether figures of so many contributors are told. ``share``: of the establishment that gave most exposures."""
    return sites >= LEAST_SITES and persons >= LEAST and share <= MOST_SHARE


def lies(median: float, q1: float, q3: float) -> str:
    """Where a median lies beside the region's quartiles."""
    if median < q1:
        return BELOW
    return ABOVE if median > q3 else WITHIN
