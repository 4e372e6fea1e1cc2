"""What of a person's doses is asked for, and what is known of the person beside the doses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.dose_distinct import Row
from domain.dose_estimates import DoseFactors
from projections.cumulative_dose.sums import ALWAYS, Period


@dataclass(frozen=True)
class Asked:
    """``by``: groups of ``sums.BY``; ``born``: by identity, its birth date; ``pregnancies``: by study UID, what orders
    say (``domain.pregnancy``); ``factors``: of estimates, by default none; ``compare``: an exposure
    and its day with the levels of its act (``domain.dose_flags``).
    """

    period: Period = ALWAYS
    by: tuple[str, ...] = ()
    born: Mapping[str, str | None] = field(default_factory=dict)
    pregnancies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    factors: DoseFactors = field(default_factory=DoseFactors)
    compare: Callable[[Row, str | None], dict[str, Any]] = lambda _row, _day: {}
