"""Groups of records that are one person: joined pair by pair, never across a contradiction inside the whole group.

A pair may agree while the groups behind it do not: two records with numbers that differ stay apart, also where a third
without a number agrees with both. The order of joins with equal weight is that of the records.
"""

from collections.abc import Iterable, Iterator, Sequence

from domain.matching.agreement import agreement
from domain.matching.frequencies import Shares
from domain.matching.guards import a_generation_apart, contradictions, two_given_names
from domain.matching.levels import Agreement, Given, Number, Sex
from domain.matching.numbers import Number as NationalNumber
from domain.matching.record import Record


class Groups:
    """A partition of records, by their places."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._of = list(range(len(records)))
        self._members: dict[int, list[int]] = {}

    def __iter__(self) -> Iterator[list[int]]:
        """The places of each group, groups of one among them."""
        return (self.members(place) for place in range(len(self._of)) if self._of[place] == place)

    def copy(self) -> "Groups":
        """The same partition, which can be joined further."""
        other = Groups(self._records)
        other._of, other._members = [*self._of], {of: [*places] for of, places in self._members.items()}
        return other

    def same(self, one: int, other: int) -> bool:
        """Whether the two are of one group."""
        return self._of[one] == self._of[other]

    def members(self, place: int) -> list[int]:
        """The places of a record's group."""
        of = self._of[place]
        return self._members.get(of, [of])

    def join(self, one: int, other: int) -> None:
        """Make one group of two; nothing where they are one."""
        if self.same(one, other):
            return
        few, many = sorted((self.members(one), self.members(other)), key=len)
        gone, into = self._of[few[0]], self._of[many[0]]
        for place in few:
            self._of[place] = into
        self._members.pop(gone, None)
        self._members[into] = [*many, *few]

    def clash(self, one: int, other: int, region: Shares, *, numbers_alone: bool) -> bool:
        """Whether two groups hold a pair that cannot be one person.

        ``numbers_alone``: for sure merges, of which names and dates may have slipped in some record.
        """
        return any(
            _apart(found, a, b, region, numbers_alone=numbers_alone)
            for a, b, found in self._between(self.members(one), self.members(other))
        )

    def two_numbers(self, one: int, other: int) -> bool:
        """Whether both groups have numbers of their own under one authority, and none of them in common."""
        mine, theirs = (self._numbers(place) for place in (one, other))
        compared = [(a.key, b.key) for a in mine for b in theirs if a.authority == b.authority]
        return bool(compared) and not any(a == b for a, b in compared)

    def _numbers(self, place: int) -> list[NationalNumber]:
        numbers = (self._records[each].number for each in self.members(place))
        return [number for number in numbers if number and number.own]

    def _between(self, ones: Iterable[int], others: list[int]) -> Iterator[tuple[Record, Record, Agreement]]:
        for one in ones:
            for other in others:
                a, b = self._records[one], self._records[other]
                yield a, b, agreement(a, b)


def _apart(found: Agreement, a: Record, b: Record, region: Shares, *, numbers_alone: bool) -> bool:
    if found.number is Number.DIFFERENT:
        return True
    if numbers_alone or found.number is Number.OWN:
        return found.sex is Sex.DIFFERENT or a_generation_apart(a, b)
    if any(contradictions(found)):
        return True
    return found.given is not Given.LISTED and two_given_names(found, a, b, region)
