"""Measures the engine on a generated French region: blocking, automatic merges, and what a human's decisions add."""

import time
from dataclasses import replace

from bench.linkage.measures import Figures, automatic, blocking_recall, reviewed, true_pairs
from bench.linkage.region import region
from domain.matching.candidates import candidates
from domain.matching.deciding import decide, scored
from domain.matching.limits import Limits
from domain.matching.record import record
from domain.matching.sampling import PAIRS, learned


def run(people: int = 50_000, seed: int = 14, limits: Limits | None = None, sample: int = PAIRS) -> Figures:
    """Figures of one region; the truth is asked only to measure. ``sample``: pairs of each kind to learn from."""
    local = region(people, seed)
    owners = [each.owner for each in local]
    begin = time.process_time()
    records = [record(each.traits, each.ins) for each in local]
    pairs = [*candidates(records)]
    model = replace(learned(records, pairs=sample), limits=limits or Limits())
    decided = decide(records, scored(records, pairs, model), model)
    spent = time.process_time() - begin
    return {
        "records": len(records),
        "candidates per record": len(pairs) / len(records),
        "CPU µs per record": spent / len(records) * 1e6,
        "blocking recall": blocking_recall(pairs, true_pairs(owners)),
        **automatic(owners, decided),
        **reviewed(owners, decided, (0.05, 0.08)),
    }
