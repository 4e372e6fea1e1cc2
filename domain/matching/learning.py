"""Learns weights from a region's own records, without truth: u from random pairs, m by expectation maximisation.

Among pairs with an equal birth date, those of one person show how names, sex and place agree; among pairs with equal
names, how dates do. In each of the two, the field that the pairs were chosen by says nothing and stays out. Pairs are
counted by their agreement, so a round costs as much as there are different agreements, whatever the size of the region.
Source: Winkler, Using the EM Algorithm for Weight Computation (2000).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from math import log2, prod
from typing import Final

from domain.matching.levels import ENUMS, FIELDS, contradicts
from domain.matching.weights import Table, Weights, weights

Pattern = tuple[int, ...]
"""A level for each field: an agreement, or that of another scheme of fields."""

ROUNDS: Final = 200
STILL: Final = 1e-7
"""Learning ends where the share of pairs of one person changes by less."""
AGREES: Final = 0.85
"""The share of the strongest level that learning starts from."""
SMOOTHED: Final = 0.5
"""Pairs added to each level, so that none is impossible because it was not seen."""
AGAINST: Final = -1.0
"""Bits that a contradiction adds at most: of one that no pair has shown nothing is learned, which would be 0."""
SIZES: Final = tuple(len(enum) for enum in ENUMS)
BIRTH: Final = FIELDS.index("birth")
NAMES: Final = tuple(FIELDS.index(field) for field in ("family", "given", "sex", "others", "used"))
"""What pairs with equal names were chosen by; sex goes with the given name."""


@dataclass(frozen=True, slots=True)
class Learned:
    """``m``: share of each level among pairs of one person; ``of_one``: their part of all pairs, 0 to 1."""

    m: Table
    of_one: float
    rounds: int


def shares(patterns: Iterable[Pattern] | Mapping[Pattern, int], sizes: tuple[int, ...] = SIZES) -> Table:
    """The share of each known level of each field; of random pairs this is u."""
    counted = Counter(patterns)
    sums = [[SMOOTHED] * size for size in sizes]
    for pattern, count in counted.items():
        for field, level in enumerate(pattern):
            sums[field][level] += count
    return tuple(map(_normal, sums))


def _normal(sums: list[float]) -> tuple[float, ...]:
    known = sum(sums[1:])
    return (1.0, *(each / known for each in sums[1:]))


def learn(
    patterns: Mapping[Pattern, int],
    u: Table,
    without: Collection[int] = (),
    start: float = 0.2,
) -> Learned:
    """EM over counted pairs. ``without``: fields that they were chosen by; ``start``: a first guess of ``of_one``.

    The first m gives most of its weight to the strongest level, so that *one person* means the pairs that agree in all.
    Fields must not follow each other: where many do, as street and suburb, *one person* may come to mean neighbours.
    """
    sizes = tuple(len(levels) for levels in u)
    m: Table = tuple((1.0, AGREES, *([(1.0 - AGREES) / max(size - 2, 1)] * (size - 2))) for size in sizes)
    fields = [field for field in range(len(sizes)) if field not in without]
    total = sum(patterns.values())
    of_one = start
    done = 0
    for done in range(1, ROUNDS + 1):  # noqa: B007  it is said how many there were
        sums = [[SMOOTHED] * size for size in sizes]
        expected = 0.0
        for pattern, count in patterns.items():
            yes = of_one * prod(m[field][pattern[field]] for field in fields)
            no = (1.0 - of_one) * prod(u[field][pattern[field]] for field in fields)
            part = count * yes / (yes + no) if yes else 0.0
            expected += part
            for field in fields:
                sums[field][pattern[field]] += part
        m = tuple(map(_normal, sums))
        before, of_one = of_one, min(max(expected / max(total, 1), 1e-9), 1 - 1e-9)
        if abs(before - of_one) < STILL:
            break
    return Learned(m, of_one, done)


def learned_weights(
    records: int, equal_dates: Mapping[Pattern, int], equal_names: Mapping[Pattern, int], u: Table
) -> Weights:
    """Weights of a region of so many records, of its pairs with equal dates, and of those with equal names. None lets
    a contradiction speak for one person.
    """
    names = learn(equal_dates, u, (BIRTH,))
    dates = learn(equal_names, u, NAMES)
    m = tuple(dates.m[field] if field == BIRTH else levels for field, levels in enumerate(names.m))
    exact = m[BIRTH][1] + m[BIRTH][2]
    of_one = names.of_one * sum(equal_dates.values()) / max(exact, 0.05)
    pairs = max(records * (records - 1) / 2, 1.0)
    found = weights(log2(max(of_one, 1.0) / pairs), m, u)
    return replace(found, bits=tuple(map(_against, ENUMS, found.bits)))


def _against(enum: type[IntEnum], bits: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(min(each, AGAINST) if contradicts(enum(level)) else each for level, each in enumerate(bits))
