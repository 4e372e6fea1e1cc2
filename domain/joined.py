"""Tells which merged pairs join two identities into one person, and which of them to cut so that they are two."""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable
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
    left, holding, cut = {*merged}, dict[Pair, None](), list[Pair]()
    while path := _path(left, one, other):
        holding |= dict.fromkeys(path)
        alone = [pair for pair in path if not _path(left - {pair}, one, other)]
        cut.append(min(alone or path, key=weakness))
        left.remove(cut[-1])
    return Joined(tuple(holding), _needed(left, cut, one, other))


def _needed(left: set[Pair], cut: list[Pair], one: str, other: str) -> tuple[Pair, ...]:
    """The pairs to cut without those that turned out to be needless."""
    needed = []
    for pair in cut:
        if _path(left | {pair}, one, other):
            needed.append(pair)
        else:
            left = left | {pair}
    return tuple(needed)


def _path(merged: Collection[Pair], one: str, other: str) -> list[Pair]:
    """The fewest pairs that lead from one to the other; none where nothing does."""
    near: dict[str, list[tuple[str, Pair]]] = defaultdict(list)
    for pair in sorted(merged):
        near[pair[0]].append((pair[1], pair))
        near[pair[1]].append((pair[0], pair))
    came: dict[str, list[Pair]] = {one: []}
    frontier = deque([one])
    while frontier and other not in came:
        at = frontier.popleft()
        for far, pair in near[at]:
            if far not in came:
                came[far] = [*came[at], pair]
                frontier.append(far)
    return came.get(other, [])
