"""Decides a region record by record, as they are registered, and compares the groups with those of one decision of all.

A newcomer is decided together with its neighbourhood: the records that share a key with it and may be one person with
it, and, as far as that leads, the groups of these and the records in one birth block with any of a group. No suspicion
or clash reaches further, so that merges inside are made again from nothing, and a new suspicion takes earlier ones
back.
"""

import time
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

from bench.linkage.measures import Figures
from bench.linkage.region import region
from domain.matching import pair
from domain.matching.candidates import Came, candidates
from domain.matching.deciding import decide, scored
from domain.matching.keys import keys
from domain.matching.limits import Limits
from domain.matching.model import Model
from domain.matching.record import Record, record
from domain.matching.sampling import PAIRS, learned
from domain.matching.sketches import sketch
from domain.matching.suspicions import birth_block


class Neighbourhoods:
    """The groups of the records that came so far."""

    def __init__(self, records: Sequence[Record], model: Model) -> None:
        self._records, self._model = records, model
        self._came = Came()
        self._blocks: dict[Hashable, list[int]] = defaultdict(list)
        self.group_of: dict[int, frozenset[int]] = {}

    def register(self, place: int) -> None:
        """Decide what a newcomer is merged with."""
        newcomer = self._records[place]
        shared = self._came.next(place, sketch(newcomer), keys(newcomer))
        near = {other for other in shared if self._is_near(place, other)}
        self.group_of[place] = frozenset([place])
        if block := birth_block(self._records[place]):
            self._blocks[block].append(place)
        inside = sorted(self._closed({place, *near}))
        records = [self._records[each] for each in inside]
        pairs = scored(records, candidates(records), self._model)
        for group in decide(records, pairs, self._model).groups:
            whole = frozenset(inside[each] for each in group)
            self.group_of.update(dict.fromkeys(whole, whole))

    def _is_near(self, place: int, other: int) -> bool:
        one, two = self._records[place], self._records[other]
        return bool(pair.tiers(one, two, pair.weighed(one, two, self._model), self._model))

    def _closed(self, places: set[int]) -> set[int]:
        found: set[int] = set()
        while more := places - found:
            found |= more
            blocks = {birth_block(self._records[place]) for place in more} - {None}
            places = places.union(
                *(self.group_of[place] for place in more), *(self._blocks.get(block, ()) for block in blocks)
            )
        return found


def grouped(records: Sequence[Record], model: Model) -> set[frozenset[int]]:
    """The groups of one decision of all records."""
    decided = decide(records, scored(records, candidates(records), model), model)
    return {frozenset(group) for group in decided.groups}


def run(people: int = 5_000, seed: int = 14, limits: Limits | None = None, sample: int = PAIRS) -> Figures:
    """Records a second, and how many groups differ from those that are decided at once."""
    records = [record(each.traits, each.ins) for each in region(people, seed)]
    model = replace(learned(records, pairs=sample), limits=limits or Limits())
    living = Neighbourhoods(records, model)
    begin = time.process_time()
    for place in range(len(records)):
        living.register(place)
    spent = time.process_time() - begin
    return {
        "one by one: records": len(records),
        "one by one: CPU µs per record": spent / len(records) * 1e6,
        "one by one: groups that differ": len(set(living.group_of.values()) - grouped(records, model)),
    }
