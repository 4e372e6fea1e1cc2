"""A compact set of ledger positions, stored as spans of consecutive numbers."""

from bisect import bisect_right
from collections.abc import Iterator


class Spans:
    """Positions, added in any order; those that follow what was added last are the common case."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def add(self, *positions: int) -> None:
        """Positions that are not there yet."""
        for position in positions:
            at = bisect_right(self._firsts, position)
            if at and self._lasts[at - 1] == position - 1:
                self._lasts[at - 1] = position
            else:
                self._firsts.insert(at, position)
                self._lasts.insert(at, position)

    def __contains__(self, position: int) -> bool:
        at = bisect_right(self._firsts, position)
        return bool(at) and position <= self._lasts[at - 1]

    def __iter__(self) -> Iterator[int]:
        """In order."""
        for first, last in zip(self._firsts, self._lasts, strict=True):
            yield from range(first, last + 1)
