"""How common each name and birth date is in a region: a rare name that agrees says more.

``Frequencies`` are counted over the identities that weights are learned from. ``Shares`` are what is kept of them:
names of many people alone, for a name that few have names them. They also tell a name from a slip of one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from domain.matching.record import Record

SHARED_BY: Final = 50
"""So many records have a name that is kept, at least."""
COMMON: Final = 2e-5
"""And this share of all: the commonest slips of common names are rarer."""


@dataclass(slots=True)
class Frequencies:
    """Counts of the values of one region."""

    records: int = 0
    family: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    birth: Counter[tuple[int, int, int]] = field(default_factory=Counter)

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


@dataclass(frozen=True, slots=True)
class Shares:
    """Of names of one kind: ``chance`` that two people agree by accident, and the share of each common one.

    ``rarest`` stands for all others; each is over 0 and up to 1.
    """

    chance: float = 1.0
    rarest: float = 1.0
    common: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, counts: Counter[str]) -> "Shares":
        """What is kept of some counts."""
        total = max(counts.total(), 1)
        least = max(float(SHARED_BY), COMMON * total)
        common = {name: count / total for name, count in sorted(counts.items()) if count >= least}
        return cls(chance(counts), min(1.0, least / total), common)

    def share(self, name: str) -> float:
        """That of a name."""
        return self.common.get(name, self.rarest)


def chance(counts: Counter[Any]) -> float:
    """The probability that two people agree by accident: the sum of squared shares, over 0 and up to 1."""
    total = counts.total()
    return sum(count * count for count in counts.values()) / (total * total) if total else 1.0
