"""The pairs that weights are learned from: random ones, those with an equal birth date, those with equal names.

A sample is drawn with a seed, so that one ledger gives one rule document. Pairs are counted by their agreement.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import combinations
from random import Random
from typing import Final

from domain.matching.agreement import agreement
from domain.matching.frequencies import Frequencies, Shares
from domain.matching.learning import Pattern, learned_weights, shares
from domain.matching.levels import Agreement, Birth
from domain.matching.model import Model
from domain.matching.record import Record
from domain.matching.weights import Table

PAIRS: Final = 200_000
LARGEST: Final = 40
"""Records of one block that are compared with each other: the first of January holds a hundredth of a region."""


def random_pairs(records: Sequence[Record], random: Random, count: int) -> Iterator[Agreement]:
    """Agreements of so many random pairs: nearly all of two people."""
    last = len(records) - 1
    for _ in range(count if last > 0 else 0):
        one = random.randint(0, last)
        other = (one + random.randint(1, last)) % len(records)
        yield agreement(records[one], records[other])


def in_blocks(blocks: Iterable[Sequence[Record]], random: Random, count: int) -> Iterator[Agreement]:
    """Agreements of at most so many pairs inside blocks, which are taken in a random order."""
    left = count
    order = list(blocks)
    random.shuffle(order)
    for block in order:
        chosen = block if len(block) <= LARGEST else random.sample(block, LARGEST)
        for one, other in combinations(chosen, 2):
            if not left:
                return
            left -= 1
            yield agreement(one, other)


def equal_dates(records: Iterable[Record]) -> list[list[Record]]:
    """Blocks of records with one birth date; firsts of January stay out."""
    return _blocks((r.born, r) for r in records if r.born and not r.born.weak)


def equal_names(records: Iterable[Record]) -> list[list[Record]]:
    """Blocks of records with one family and given name."""
    return _blocks(((r.family.whole, r.given.whole), r) for r in records if r.family and r.given)


def _blocks(keyed: Iterable[tuple[Hashable, Record]]) -> list[list[Record]]:
    found: dict[Hashable, list[Record]] = defaultdict(list)
    for key, record in keyed:
        found[key].append(record)
    return [block for block in found.values() if len(block) > 1]


def learned(records: Sequence[Record], seed: int = 0, pairs: int = PAIRS) -> Model:
    """The model of a region's own records, without truth. ``pairs``: so many of each kind at most."""
    random = Random(seed)  # noqa: S311  a sample, not a secret
    frequencies = Frequencies.of(records)
    u = _with_chances(shares(random_pairs(records, random, pairs)), frequencies)
    dates: Counter[Pattern] = Counter(in_blocks(equal_dates(records), random, pairs))
    names: Counter[Pattern] = Counter(in_blocks(equal_names(records), random, pairs))
    weights = learned_weights(len(records), dates, names, u)
    return Model(weights, Shares.of(frequencies.family), Shares.of(frequencies.given))


def _with_chances(u: Table, frequencies: Frequencies) -> Table:
    """An equal birth date is so rare among random pairs that its share is better computed than counted."""
    field = Agreement._fields.index("birth")
    total = sum(frequencies.birth.values())
    weak = {date: count for date, count in frequencies.birth.items() if date[1:] == (1, 1)}
    exact = sum(count * count for date, count in frequencies.birth.items() if date not in weak)
    chances = {int(Birth.EXACT): exact, int(Birth.WEAK): sum(count * count for count in weak.values())}
    pairs = max(total * total, 1)
    levels = tuple(max(chances[at], 1) / pairs if at in chances else share for at, share in enumerate(u[field]))
    return (*u[:field], levels, *u[field + 1 :])
