"""What a decision of pairs is worth against the truth: precision, recall, mixed persons, and recall per human decision.

Recall counts pairs of one owner that are in one group, so that a merge is worth what it joins. A *mixed person* is a
group with more than one owner.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from domain.matching.deciding import Decided, Pair
from domain.matching.review import worth
from domain.matching.tier import Tier

Figures = dict[str, float]


def true_pairs(owners: Sequence[int]) -> set[tuple[int, int]]:
    """All pairs of one owner, by their places."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, owner in enumerate(owners):
        places[owner].append(place)
    return {pair for group in places.values() for pair in combinations(group, 2)}


def blocking_recall(pairs: Iterable[tuple[int, int]], truth: set[tuple[int, int]]) -> float:
    """The part of the true pairs that are candidates."""
    return len(truth.intersection(pairs)) / max(len(truth), 1)


def automatic(owners: Sequence[int], decided: Decided) -> Figures:
    """Of the merges that no human looked at."""
    joined = right = mixed = 0
    for group in decided.groups:
        counts = Counter(owners[place] for place in group)
        joined += len(group) * (len(group) - 1) // 2
        right += sum(count * (count - 1) // 2 for count in counts.values())
        mixed += len(counts) > 1
    sure = [pair for pair, tier in decided.merges if tier is Tier.SURE]
    return {
        "automatic precision": right / max(joined, 1),
        "automatic recall": right / max(len(true_pairs(owners)), 1),
        "automatic false pairs": joined - right,
        "mixed persons": mixed,
        "sure edges": len(sure),
        "sure false edges": sum(owners[pair.one] != owners[pair.other] for pair in sure),
    }


class Persons:
    """Groups of records that grow while merges are decided: whose records are in each."""

    def __init__(self, owners: Sequence[int]) -> None:
        self._owned = {place: Counter({owner: 1}) for place, owner in enumerate(owners)}
        self._of = list(range(len(owners)))

    def root(self, place: int) -> int:
        """What the group of a record is known by."""
        of = self._of
        while of[place] != place:
            of[place] = of[of[place]]
            place = of[place]
        return place

    def size(self, place: int) -> int:
        """How many records the group has."""
        return self._owned[self.root(place)].total()

    def join(self, one: int, other: int) -> int:
        """Make one group of two; how many pairs of one owner that brings together."""
        a, b = self.root(one), self.root(other)
        if a == b:
            return 0
        gained = sum(self._owned[a][owner] * count for owner, count in self._owned[b].items())
        self._owned[a].update(self._owned.pop(b))
        self._of[b] = a
        return gained


def reviewed(owners: Sequence[int], decided: Decided, parts: Sequence[float]) -> Figures:
    """Recall once a human decided so many pairs, as parts of the records; the next one shown is worth most.

    Its worth is its probability times the pairs that a merge would join. A human is always right; pairs of groups that
    are joined already, or known to be two people, are not shown.
    """
    persons = Persons(owners)
    found = sum(persons.join(pair.one, pair.other) for pair, _ in decided.merges)
    truth = max(len(true_pairs(owners)), 1)

    def before(pair: Pair) -> float:
        return -worth(pair.bits, persons.size(pair.one), persons.size(pair.other))

    waiting = [(before(pair), place, pair) for place, pair in enumerate(decided.review)]
    heapq.heapify(waiting)
    apart: set[tuple[int, int]] = set()
    figures: Figures = {"review list": len(waiting) / max(len(owners), 1)}
    shown = 0
    for part in sorted(parts):
        while waiting and shown < part * len(owners):
            said, place, pair = heapq.heappop(waiting)
            ends = persons.root(pair.one), persons.root(pair.other)
            if ends[0] == ends[1] or (min(ends), max(ends)) in apart:
                continue
            if (now := before(pair)) < said:  # its groups grew since
                heapq.heappush(waiting, (now, place, pair))
                continue
            shown += 1
            if owners[pair.one] == owners[pair.other]:
                found += persons.join(pair.one, pair.other)
            else:
                apart.add((min(ends), max(ends)))
        figures[f"recall with a review of {part:.0%}"] = found / truth
    return figures
