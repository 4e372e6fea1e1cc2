"""Finds the pairs of a set of records that are worth comparing: those that share a key."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from domain.matching.keys import keys
from domain.matching.record import Record

MOST: Final = 60
"""Records of one key that the next one is compared with, the last ones before it."""


def candidates(records: Sequence[Record], order: Iterable[int] | None = None) -> set[tuple[int, int]]:
    """Pairs by their places, the lower one first. ``order``: in which the records came; by default as they stand."""
    found: dict[int, list[int]] = defaultdict(list)
    pairs: set[tuple[int, int]] = set()
    for place in range(len(records)) if order is None else order:
        for key in keys(records[place]):
            before = found[key]
            pairs.update((min(other, place), max(other, place)) for other in before[-MOST:])
            before.append(place)
    return pairs
