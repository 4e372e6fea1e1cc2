"""Tells which merged pairs join two identities into one person, and which of them to cut so that they are two."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Pair = tuple[str, str]
Weakness = Callable[[Pair], Any]
"""What orders pairs: the least is cut first."""


class Joined(NamedTuple):
    """``holding``: the pairs between the two, in order; ``cut``: those of them that part the two once unmerged.

    Where one pair alone parts them it is one; else several ways lead from one to the other, and each has a pair in it.
    """

    holding: tuple[Pair, ...]
    cut: tuple[Pair, ...]


def joined(merged: Iterable[Pair], one: str, other: str, weakness: Weakness) -> Joined:
    """How two of one person are joined. ``merged``: the merged pairs of that person; none are left between two who are
    not one person by them.
    """
    left, holding, cut = _Pairs(merged), dict[Pair, None](), list[Pair]()
    while path := left.path(one, other):
        holding |= dict.fromkeys(path)
        cut.append(min(left.alone(one, path) or path, key=weakness))
        left.remove(cut[-1])
    return Joined(tuple(holding), _needed(left, cut, one, other))


def _needed(left: "_Pairs", cut: Iterable[Pair], one: str, other: str) -> tuple[Pair, ...]:
    """The pairs to cut without those that turned out to be needless."""
    needed = []
    for pair in cut:
        left.add(pair)
        if left.path(one, other):
            needed.append(pair)
            left.remove(pair)
    return tuple(needed)


class _Pairs:
    """Pairs that join identities: a graph. Each question costs one look at each pair at most."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._near: dict[str, dict[str, Pair]] = defaultdict(dict)
        for pair in sorted(pairs):  # the same way of several that are as short, whatever the order they come in
            self.add(pair)

    def add(self, pair: Pair) -> None:
        """Join two."""
        one, other = pair
        self._near[one][other] = self._near[other][one] = pair

    def remove(self, pair: Pair) -> None:
        """Part two, as far as this pair joins them."""
        one, other = pair
        del self._near[one][other], self._near[other][one]

    def path(self, one: str, other: str) -> list[Pair]:
        """The fewest pairs that lead from one to the other; none where nothing does."""
        came, frontier = {one: one}, deque([one])
        while frontier and other not in came:
            at = frontier.popleft()
            for far in self._near[at]:
                if far not in came:
                    came[far] = at
                    frontier.append(far)
        path = []
        while other in came and other != one:
            path.append(self._near[other][came[other]])
            other = came[other]
        return path[::-1]

    def alone(self, one: str, path: Sequence[Pair]) -> list[Pair]:
        """Those pairs of a path from ``one`` that no other way leads around."""
        at, on_path = one, {*path}
        stops = [one]
        for pair in path:
            at = pair[1] if pair[0] == at else pair[0]
            stops.append(at)
        place = {stop: number for number, stop in enumerate(stops)}
        seen, furthest, found = set[str](), 0, list[Pair]()
        for number, pair in enumerate(path):
            furthest = max(furthest, self._furthest(stops[number], on_path, place, seen))
            if furthest == number:
                found.append(pair)
        return found

    def _furthest(self, stop: str, without: set[Pair], place: Mapping[str, int], seen: set[str]) -> int:
        """The last stop that is reached from this one beside the path, by ways that were not seen before."""
        found, frontier = place[stop], [stop]
        while frontier:
            at = frontier.pop()
            if at in seen:
                continue
            seen.add(at)
            found = max(found, place.get(at, 0))
            frontier += [far for far, pair in self._near[at].items() if pair not in without]
        return found
