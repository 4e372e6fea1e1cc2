"""Compares a whole region, part by part in several processes: which pairs are decided, and who else with them.

Each record is built where those of its birth year are compared. Whoever shares another kind of key is found by glances
(``glances``); of these pairs the most were compared by then, and the others are compared at the end.
"""

from array import array
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.matching.candidates import candidates
from domain.matching.deciding import Pair, scored
from domain.matching.keys import YEAR, keys_of
from domain.matching.model import Model
from domain.matching.suspicions import birth_block
from projections.engine.processes import Run
from projections.identity_index.glances import Glances, Sharing, glance
from projections.identity_index.region import Region, Stated, two_by_two

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

AT_ONCE: Final = 5_000
"""Pairs that a process is given at the end."""


class _Part(NamedTuple):
    """Those of one birth year."""

    inside: Sequence[Stated]
    model: Model


class _Near(NamedTuple):
    """Of a part, by places in it, one after the other: pairs to decide, pairs of one birth block, and all glances."""

    pairs: "array[int]"
    blocks: "array[int]"
    glances: "array[int]"


class _Look(NamedTuple):
    """Pairs to compare, by places inside, one after the other."""

    inside: Sequence[Stated]
    pairs: "array[int]"
    model: Model


class Comparing:
    """``reach``: told how many of how many identities."""

    def __init__(self, region: Region, model: Model, run: Run, reach: Callable[[int, int], None]) -> None:
        self._region, self._model, self._run, self._reach = region, model, run, reach
        self._glances = Glances(len(region))
        self._total, self._done = sum(map(len, region.parts.values())), 0

    def note(self) -> None:
        """Note in the region the pairs to decide, and who else is decided together."""
        longest = sorted(self._region.parts.items(), key=lambda part: len(part[1]), reverse=True)  # none is the last
        self._region.parts.clear()
        self._within_years([places for (kind, _), places in longest if kind == YEAR])
        new = self._elsewhere([(kind, places) for (kind, _), places in longest if kind != YEAR])
        looks = [*self._looks(new)]
        for (places, _), pairs in zip(looks, self._run(_weighed, (look for _, look in looks)), strict=True):
            self._compare(places, pairs)

    def _within_years(self, parts: Sequence["array[int]"]) -> None:
        given = (_Part(self._region.stated(places), self._model) for places in parts)
        for places, near in zip(parts, self._run(_near, given), strict=True):
            self._compare(places, near.pairs)
            for one, other in two_by_two(near.blocks):
                self._region.join(places[one], places[other])
            self._glances.put(places, near.glances)
            self._pass(places)

    def _elsewhere(self, parts: Sequence[tuple[str, "array[int]"]]) -> "npt.NDArray[np.uint64]":
        """The pairs that share a key of another kind and were not noted, packed."""
        noted = _packed(self._region.pairs)
        noted.sort()
        given = (self._glances.of(kind, places, self._region.as_they_came(places)) for kind, places in parts)
        found = []
        for (_, places), pairs in zip(parts, self._run(Sharing.pairs, given), strict=True):
            found.append(_not_in(noted, _packed(array("I", (places[place] for place in pairs)))))
            self._pass(places)
        return _once(found)

    def _looks(self, pairs: "npt.NDArray[np.uint64]") -> Iterator[tuple[Sequence[int], _Look]]:
        """The identities' places in the region, and what is to be compared of them."""
        for first in range(0, len(pairs), AT_ONCE):
            sides = [side for pair in pairs[first : first + AT_ONCE].tolist() for side in divmod(pair, 2**32)]
            places = sorted({*sides})
            at = {place: number for number, place in enumerate(places)}
            yield places, _Look(self._region.stated(places), array("I", (at[side] for side in sides)), self._model)

    def _compare(self, places: Sequence[int], pairs: "array[int]") -> None:
        for one, other in two_by_two(pairs):
            self._region.compare(places[one], places[other])

    def _pass(self, places: Sequence[int]) -> None:
        self._done += len(places)
        self._reach(len(self._region) * self._done // self._total, len(self._region))


def _near(part: _Part) -> _Near:
    records = [one.record() for one in part.inside]
    as_they_came = sorted(range(len(records)), key=lambda place: part.inside[place].registered)
    pairs = scored(records, candidates(records, as_they_came, partial(keys_of, YEAR)), part.model)
    near = _Near(_flat(pairs), array("I"), array("q"))
    first_of: dict[Hashable, int] = {}
    for place, one in enumerate(records):
        near.glances.extend(glance(one))
        if (block := birth_block(one)) and (first := first_of.setdefault(block, place)) != place:
            near.blocks.extend((first, place))
    return near


def _weighed(look: _Look) -> "array[int]":
    """The pairs that a decision may rest on."""
    return _flat(scored([one.record() for one in look.inside], two_by_two(look.pairs), look.model))


def _flat(pairs: Sequence[Pair]) -> "array[int]":
    return array("I", (side for pair in pairs for side in (pair.one, pair.other)))


def _packed(flat: "array[int]") -> "npt.NDArray[np.uint64]":
    """Each pair as one number, the first place above the second."""
    import numpy as np  # here and below: whoever asks the index needs none of it

    sides = np.array(flat, np.uint64)
    packed: npt.NDArray[np.uint64] = np.bitwise_or(np.left_shift(sides[::2], np.uint64(32)), sides[1::2])
    return packed


def _not_in(noted: "npt.NDArray[np.uint64]", pairs: "npt.NDArray[np.uint64]") -> "npt.NDArray[np.uint64]":
    """``noted``: sorted."""
    import numpy as np

    if not len(noted):
        return pairs
    new: npt.NDArray[np.uint64] = pairs[noted[np.minimum(np.searchsorted(noted, pairs), len(noted) - 1)] != pairs]
    return new


def _once(pairs: Sequence["npt.NDArray[np.uint64]"]) -> "npt.NDArray[np.uint64]":
    import numpy as np

    return np.unique(np.concatenate(pairs)) if pairs else np.array([], np.uint64)
