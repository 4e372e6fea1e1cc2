"""Finds the pairs of a set of records that are worth comparing: those that share a key."""

from collections.abc import Iterable, Sequence
from typing import Final

from domain.matching.keys import keys
from domain.matching.record import Record

MOST: Final = 60
"""Records of one key that the next one is compared with, the last ones before it."""


def candidates(records: Sequence[Record], order: Iterable[int] | None = None) -> set[tuple[int, int]]:
    """Pairs by their places, the lower one first. ``order``: in which the records came; by default as they stand."""
    first: dict[int, int] = {}  # most keys are one record's alone: of a region's, only the others take a list
    shared: dict[int, list[int]] = {}
    pairs: set[tuple[int, int]] = set()
    for place in range(len(records)) if order is None else order:
        for key in keys(records[place]):
            if first.setdefault(key, place) == place:
                continue
            before = shared.setdefault(key, [first[key]])
            for other in before[-MOST:]:
                pairs.add((other, place) if other < place else (place, other))
            before.append(place)
    return pairs
