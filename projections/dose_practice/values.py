"""The values of an exposure that count in figures of practice, as SQL."""

from typing import Final

from domain.dose_alerts import QUANTITIES

VALUES: Final = ", ".join(
    f"CASE WHEN implausible IS NULL OR accepted OR NOT implausible ? '{q}' THEN {q} END AS {q}" for q in QUANTITIES
)
"""Of a row of ``exposure``. A value above the bounds of plausible doses is in no figure until somebody accepted it."""
