"""Finds the pairs of a set of records that are worth comparing.

They share a key, and contradict each other in no more than that key allows.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from domain.matching.keys import keys, may_contradict
from domain.matching.record import Record
from domain.matching.sketches import contradictions, sketch

MOST: Final = 60
"""Records of one key that the next one is compared with, the last ones before it."""
Places = tuple[int, int]
"""A pair of records by their places, the lower one first."""


class Came:
    """The records that came so far, by their keys."""

    def __init__(self) -> None:
        self._sketches: dict[int, int] = {}
        self._first: dict[int, int] = {}  # most keys are one record's alone: of a region's, only the others take a list
        self._shared: dict[int, list[int]] = {}

    def next(self, place: int, own: int, keys: Iterable[int]) -> set[int]:
        """The places of those before it that it is worth comparing with. ``own``: its sketch; ``keys``: that count."""
        self._sketches[place] = own
        near: set[int] = set()
        for key in keys:
            if self._first.setdefault(key, place) == place:
                continue
            before = self._shared.setdefault(key, [self._first[key]])
            near |= set(islice(self._agreeing(own, key, before, near), MOST))
            before.append(place)
        return near

    def _agreeing(self, own: int, key: int, before: Sequence[int], near: Collection[int]) -> Iterator[int]:
        """The last one first. ``near``: by another key."""
        allowed = may_contradict(key)
        for place in reversed(before):
            if place in near or contradictions(own, self._sketches[place]) <= allowed:
                yield place


def candidates(
    records: Sequence[Record],
    order: Iterable[int] | None = None,
    keys_of: Callable[[Record], Iterable[int]] = keys,
) -> Iterator[Places]:
    """Each pair once. ``order``: in which the records came; by default as they stand. ``keys_of``: which keys count."""
    came = Came()
    for place in range(len(records)) if order is None else order:
        for other in came.next(place, sketch(records[place]), keys_of(records[place])):
            yield (other, place) if other < place else (place, other)
