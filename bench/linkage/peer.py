"""Measures Splink on the same generated region, by the same measures, in the same run.

Where it merges by itself is chosen with the truth, which it would not have: the lowest weight at which its groups still
have the precision wanted. Below it, its pairs are shown to a human in the order that ours are.
"""

import csv
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.linkage.measures import Figures, Persons, automatic, blocking_recall, reviewed, true_pairs
from bench.linkage.region import Local, region
from domain.matching.agreement import agreement
from domain.matching.deciding import Decided, Pair
from domain.matching.groups import Groups
from domain.matching.record import record
from domain.matching.tier import Tier

ALONE: Final = Path(__file__).with_name("splink_alone.py")
COLUMNS: Final = ("family", "given", "birth_date", "sex", "birth_place")
PRECISION: Final = 0.9998
NOBODY: Final = record({}, None)
NOTHING: Final = agreement(NOBODY, NOBODY)


def run(python: Path, people: int = 50_000, seed: int = 14) -> Figures:
    """Figures of one region. ``python``: of an environment that has Splink 5."""
    local = region(people, seed)
    begin = time.perf_counter()
    pairs = sorted(_compared(python, local), key=lambda pair: -pair.bits)
    took = time.perf_counter() - begin
    owners = [one.owner for one in local]
    decided = _decided(pairs, len(local), _merged(owners, pairs))
    figures = {
        "s": took,
        "candidates per record": len(pairs) / len(local),
        "blocking recall": blocking_recall(((pair.one, pair.other) for pair in pairs), true_pairs(owners)),
        **automatic(owners, decided),
        **reviewed(owners, decided, (0.05, 0.08)),
    }
    return {f"Splink: {name}": figure for name, figure in figures.items() if not name.startswith("sure")}


def _compared(python: Path, local: Sequence[Local]) -> Iterator[Pair]:
    """Its pairs with their weights."""
    with TemporaryDirectory() as folder:
        records, pairs = Path(folder, "records.csv"), Path(folder, "pairs.csv")
        with records.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("unique_id", *COLUMNS, "ins"))
            rows.writerows((place, *map(one.traits.get, COLUMNS), one.ins or "") for place, one in enumerate(local))
        subprocess.run([str(python), str(ALONE), str(records), str(pairs)], check=True, stdout=subprocess.DEVNULL)
        with pairs.open(newline="") as file:
            for row in csv.DictReader(file):
                one, other = sorted((int(row["unique_id_l"]), int(row["unique_id_r"])))
                yield Pair(one, other, NOTHING, float(row["match_weight"]))


def _merged(owners: Sequence[int], pairs: Sequence[Pair]) -> int:
    """How many of the heaviest pairs merge, so that the groups have the precision wanted."""
    persons, joined, right, best = Persons(owners), 0, 0, 0
    for number, pair in enumerate(pairs, 1):
        if persons.root(pair.one) != persons.root(pair.other):
            joined += persons.size(pair.one) * persons.size(pair.other)
            right += persons.join(pair.one, pair.other)
        if joined and right / joined >= PRECISION:
            best = number
    return best


def _decided(pairs: Sequence[Pair], records: int, merged: int) -> Decided:
    groups = Groups([NOBODY] * records)
    merges = []
    for pair in pairs[:merged]:
        if not groups.same(pair.one, pair.other):
            groups.join(pair.one, pair.other)
            merges.append((pair, Tier.STRICT))
    return Decided(merges, list(pairs[merged:]), groups)
