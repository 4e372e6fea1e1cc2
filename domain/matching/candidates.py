"""Finds the pairs of a set of records that are worth comparing: those that share a key."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from domain.matching.keys import keys
from domain.matching.record import Record

MOST: Final = 60
"""Records of one key that the next one is compared with, the last ones before it."""
Places = tuple[int, int]
"""A pair of records by their places, the lower one first."""


def candidates(
    records: Sequence[Record],
    order: Iterable[int] | None = None,
    keys_of: Callable[[Record], Iterable[int]] = keys,
) -> Iterator[Places]:
    """Each pair once. ``order``: in which the records came; by default as they stand. ``keys_of``: which keys count."""
    first: dict[int, int] = {}  # most keys are one record's alone: of a region's, only the others take a list
    shared: dict[int, list[int]] = {}
    for place in range(len(records)) if order is None else order:
        near: set[int] = set()
        for key in keys_of(records[place]):
            if first.setdefault(key, place) == place:
                continue
            before = shared.setdefault(key, [first[key]])
            near.update(before[-MOST:])
            before.append(place)
        for other in near:
            yield (other, place) if other < place else (place, other)
