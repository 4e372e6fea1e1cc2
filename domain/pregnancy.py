"""What is said of a pregnancy: by the order of an exam, and by the report of its dose. Nothing is decided by it.

An order says yes, possible, no or unknown, or nothing. A report says that the patient is or may be pregnant (true), is
not (false), or nothing. Both are shown; where one denies what another says, that is told, for a person must look.
"""

from collections.abc import Iterable
from typing import Final

YES, POSSIBLE, NO, UNKNOWN = "yes", "possible", "no", "unknown"
SAID: Final = (YES, POSSIBLE, NO, UNKNOWN)
"""What an order may say, the most cautious first."""


def ordered(said: Iterable[str]) -> str | None:
    """What several orders of one exam come to: the most cautious; None: none says anything."""
    return min(said, key=SAID.index, default=None)


def disagree(said: Iterable[str], reported: bool | None) -> bool:
    """Whether one of them denies what another one says."""
    told = {*said, *({YES} if reported else {NO} if reported is False else ())}
    return NO in told and not told.isdisjoint((YES, POSSIBLE))
