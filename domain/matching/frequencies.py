"""How common each name, birth date and birth place is in a region: a rare name that agrees says more.

Counted once over the identities that a rule document is learned from. ``chance`` is that of two people agreeing by
accident; ``common`` tells a name from a slip of one.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from domain.matching.record import Record


@dataclass(slots=True)
class Frequencies:
    """Counts of the values of one region."""

    records: int = 0
    family: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    birth: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    place: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Frequencies":
        """Counted over some records."""
        found = cls()
        for each in records:
            found.add(each)
        return found

    def add(self, record: Record) -> None:
        """Count one more."""
        self.records += 1
        if record.family:
            self.family[record.family.whole] += 1
        if record.given:
            self.given[record.given.whole] += 1
        if record.born and record.born.whole:
            self.birth[record.born.year, record.born.month, record.born.day] += 1
        if record.place:
            self.place[record.place] += 1


def chance(counts: Counter[Any]) -> float:
    """The probability that two people agree by accident: the sum of squared shares, over 0 and up to 1."""
    total = counts.total()
    return sum(count * count for count in counts.values()) / (total * total) if total else 1.0


def share(counts: Counter[str], value: str) -> float:
    """The part of all that has a value, over 0 and up to 1; a value that was never seen counts as seen once."""
    return max(counts[value], 1) / max(counts.total(), 1)
